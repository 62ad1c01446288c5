package eval

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	for name, c := range map[string]struct{ text, want string }{
		"ordinary":             {`a = [for x in [1] : [for y in [2] : x + y]]`, ""},
		"hosts in a list":      {"a = [" + many("host.address, ", 5000) + "]", ""},
		"parentheses":          {"a = " + many("(", 3_000), "E0105"},
		"brackets":             {"a = " + many("[", 3_000), "E0105"},
		"templates":            {"a = " + many(`"${`, 3_000), "E0105"},
		"blocks":               {many("a {\n", 3_000), "E0105"},
		"calls":                {"a = " + many("f(", 3_000), "E0105"},
		"directives":           {"a = <<E\n" + many("%{if true}", 3_000) + "\nE\n", "E0105"},
		"not":                  {"a = " + many("!", 3_000) + "true", "E0106"},
		"minus":                {"a = " + many("-", 3_000) + "1", "E0106"},
		"sum":                  {"a = 1" + many("+1", 3_000), "E0106"},
		"conditions":           {"a = " + many("true ? 1 : ", 3_000) + "1", "E0106"},
		"sums of many":         {many("a = 1 + 1\n", 3000), ""},
		"exponent":             {"a = 1e999", "E0107"},
		"negative exponent":    {"a = 1e-5000000", "E0107"},
		"exponent in a string": {`a = "1e5000000" * 1`, "E0107"},
		"digits":               {"a = " + many("9", 200), "E0107"},
		"digest in a string":   {`a = "` + many("0123456789", 12) + `"`, ""},
		"loops":                {`a = [for x in b : {for y in b : y => [for z in b : z]}]`, "E0122"},
		"loops beside":         {`a = [[for x in b : x], [for x in b : x], [for x in b : x]]`, ""},
		"for as a name":        {"for = 1\na = { for = 1 }", ""},
		"loops in a template":  {`a = "%{for x in b}%{for y in b}%{for z in b}%{endfor}%{endfor}%{endfor}"`, "E0122"},
	} {
		tokens, _ := hclsyntax.LexConfig([]byte(c.text), name, hcl.InitialPos)
		got := ""
		if diags := CheckLimits(tokens); len(diags) > 0 {
			got = diags[0].Code
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if got == "" {
			hclsyntax.ParseConfig([]byte(c.text), name, hcl.InitialPos) // lives
		}
	}
}
