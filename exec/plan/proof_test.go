package plan

import "testing"

func TestWhatNamesTheReleaseIsAProof(t *testing.T) {
	t.Parallel()
	r := rename{from: Release{ID: "v2-0123456789ab", Tag: "v2", Commit: "0123456789abcdef0123456789abcdef01234567"}}
	for name, c := range map[string]struct {
		spec map[string]any
		want bool
	}{
		"body":    {map[string]any{"contains": `"version":"v2"`}, true},
		"json":    {map[string]any{"json": map[string]any{".version": "v2"}}, true},
		"commit":  {map[string]any{"expect_headers": map[string]any{"X-Commit": "0123456789"}}, true},
		"command": {map[string]any{"run": []any{"smoke", "v2"}}, true},
		"url":     {map[string]any{"url": "http://h/v2"}, false},
		"other":   {map[string]any{"contains": "v21", "json": map[string]any{".up": "true"}}, false},
		"nothing": {nil, false},
	} {
		if got := asksFor(r, c.spec); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
