package schema

import (
	"strings"
	"testing"
)

func TestTemplatesAreJSONWithKnownWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"text": "{text}", "n": {seq}, "o": {}}`: "",
		"{\n  \"a\": [\"{run} {outcome}\"]\n}":    "",
		`{"text": "{title}"}`:                     "a template without {title}",
		`{"text": {text}`:                         "JSON once",
		``:                                        "JSON once",
	} {
		if got := Body.Check(text); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := FillBody(`{"a": "{text}"}`, func(string) string { return "\"\\\n\x00" }); got != `{"a": "\"\\\n\u0000"}` {
		t.Errorf("%s", got)
	}
}
