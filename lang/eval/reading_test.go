package eval

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

func yamlOf(text string) (cty.Value, error) {
	return yamlDecodeFunc.Call([]cty.Value{cty.StringVal(text)})
}

// laughs is a document of n levels, each ten times the one before.
func laughs(n int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 lol\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	return b.String()
}

func TestYAMLThatStandsForMoreIsRefused(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	for name, c := range map[string]struct{ text, want string }{
		"billion laughs":         {laughs(9), "anchors and aliases"},
		"merge keys":             {"a: &a { x: 1 }\nb:\n  <<: *a\n", "anchors and aliases"},
		"after a quote":          {`["x",&a "y",*a]`, "anchors and aliases"},
		"in a flow, no blanks":   {`{a:&a 1,b:*a}`, "anchors and aliases"},
		"after a line separator": {"a:\u2028&a 1\u2028b:\u2028*a", "anchors and aliases"},
		"brackets":               {many("[", 5000) + many("]", 5000), "nested too deeply"},
		"brackets in lines":      {many("[\n", 5000) + many("]\n", 5000), "nested too deeply"},
		"closers in quotes":      {many("[\"]\",\n", 5000) + many("]", 5000), "nested too deeply"},
		"closers in comments":    {many("[ #]\n", 5000) + many("]\n", 5000), "nested too deeply"},
		"closers after a quote":  {many("[ a\"]\", \"[\n", 5000), "nested too deeply"},
		"openers in no quotes":   {many(`"abc [, "[[[[[[[[", ]`+"\n", 300), "nested too deeply"},
		"dashes":                 {many("- ", 5000) + "a", "to the right"},
		"question marks":         {many("? ", 5000) + "a", "to the right"},
		"dashes behind NEL":      {"a: b\u0085" + many("- ", 5000) + "a", "to the right"},
		"nothing":                {"", "it is no YAML"},
		"no YAML":                {"a: [", "it is no YAML"},
		"two documents":          {"a: 1\n---\nb: 1\n", "it is no YAML"},
		"size":                   {many("a", 2<<20), "1024 KiB"},
		"exponent":               {"a: 1e99999999", "too large"},
		"digits":                 {"a: " + many("9", 100_000), "too large"},
	} {
		if _, err := yamlOf(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestOrdinaryYAMLIsRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"cron: '*/5 * * * *'\nsh: \"a &b *.c\"\n":                 `{"cron":"*/5 * * * *","sh":"a \u0026b *.c"}`,
		"a: !!float '1e99999999'\nb: 1_0e99999999\n":              `{"a":"1e99999999","b":"1_0e99999999"}`,
		"a: 1\nb: [x, \"y, [z]\", {c: 'd'}]\n":                    `{"a":1,"b":["x","y, [z]",{"c":"d"}]}`,
		"cron: '*/5 * * * *'\nsh: \"a && b\"\n":                   `{"cron":"*/5 * * * *","sh":"a \u0026\u0026 b"}`,
		"a: x&y*z\nb: http://h/?a=1&b=2*\n":                       `{"a":"x\u0026y*z","b":"http://h/?a=1\u0026b=2*"}`,
		"- a\n- - b\n  - c: ~\n":                                  `["a",["b",{"c":null}]]`,
		"a: |\n  x\n    y\nb: 0x10\nc: yes\n":                     `{"a":"x\n  y\n","b":16,"c":true}`,
		strings.Repeat("- {a: b, c: [\"1\", 2], d: 'e'}\n", 1000): "",
	} {
		v, err := yamlOf(text)
		if err != nil {
			t.Errorf("%.60q: %v", text, err)
			continue
		}
		if got := jsonOf(t, v); want != "" && got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestDeepJSONIsRefused(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		strings.Repeat("[", 101) + strings.Repeat("]", 101):             false,
		strings.Repeat("[", 100) + strings.Repeat("]", 100):             true,
		"[" + strings.Repeat(`{"a": "\"[{", "b": []},`, 300) + "1]":     true,
		strings.Repeat(`["\"]",`, 101) + "1" + strings.Repeat("]", 101): false,
	} {
		if _, err := jsonDecodeFunc.Call([]cty.Value{cty.StringVal(text)}); ok != (err == nil) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func jsonOf(t *testing.T, v cty.Value) string {
	t.Helper()
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
