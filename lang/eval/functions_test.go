package eval

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// evaluate evaluates an expression with all functions and a few names.
func evaluate(t *testing.T, text string) (cty.Value, hcl.Diagnostics) {
	t.Helper()
	expr, problems := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatalf("%s: %v", text, problems)
	}
	files := &Files{Cache: map[string]*Template{}, Loops: new(int), Read: func(path string) (string, []byte, error) {
		content, ok := map[string]string{
			"hello": "hello\n", "t": "%{ for n in names ~}\n<${n}>\n%{ endfor ~}\n", "binary": "\xff", "n": "${n}", "bad": "${a b}", "loop": "${templatefile(\"t\", {})}",
		}[path]
		if !ok {
			return path, nil, errors.New("there is no such file")
		}
		return path, []byte(content), nil
	}}
	host := func(name, canary string) cty.Value {
		labels := cty.MapVal(map[string]cty.Value{"dc": cty.StringVal("eqiad")})
		if canary != "" {
			labels = cty.MapVal(map[string]cty.Value{"dc": cty.StringVal("codfw"), "canary": cty.StringVal(canary)})
		}
		return cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "address": cty.StringVal(name), "port": cty.NullVal(cty.Number), "labels": labels})
	}
	big := cty.StringVal(strings.Repeat("x", 1<<18))
	return expr.Value(&hcl.EvalContext{
		Functions: Functions([]string{"dc", "canary"}, files),
		Variables: map[string]cty.Value{
			"hosts": cty.ListVal([]cty.Value{host("a", "yes"), host("b", ""), host("c", "no")}),
			"big":   big, "bigs": cty.ListVal(slices.Repeat([]cty.Value{big}, 100)),
		},
	})
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, c := range []struct{ expr, want string }{
		{`abs(-2)`, `2`},
		{`base64decode("aGk=")`, `"hi"`},
		{`base64encode("hi")`, `"aGk="`},
		{`can(tonumber("x"))`, `false`},
		{`ceil(1.2)`, `2`},
		{`checksum("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  a.tar\n", "a.tar")`, `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`},
		{`chomp("x\n")`, `"x"`},
		{`coalesce(null, "b")`, `"b"`},
		{`coalescelist([], ["b"])`, `["b"]`},
		{`compact(["a", "", "b"])`, `["a","b"]`},
		{`concat(["a"], ["b"])`, `["a","b"]`},
		{`contains(["a"], "a")`, `true`},
		{`datefmt("2015-06-10", "D MMM YYYY, EEEE")`, `"10 Jun 2015, Wednesday"`},
		{`datefmt("2015-06-01", "YY/M/DD MMMM EEE")`, `"15/6/01 June Mon"`},
		{`distinct(["a", "b", "a"])`, `["a","b"]`},
		{`element(["a", "b"], 3)`, `"b"`},
		{`endswith("ab", "b")`, `true`},
		{`expand("w[1-2]", "x")`, `["w1","w2","x"]`},
		{`expand()`, `[]`},
		{`file("hello")`, `"hello\n"`},
		{`flatten([["a"], ["b", ["c"]]])`, `["a","b","c"]`},
		{`floor(1.8)`, `1`},
		{`format("%s:%03d 100%%", "a", 7)`, `"a:007 100%"`},
		{`formatlist("%s!", ["a", "b"])`, `["a!","b!"]`},
		{`index(["a", "b"], "b")`, `1`},
		{`join("-", ["a", "b"])`, `"a-b"`},
		{`jsondecode("{\"a\": [1, 2]}")`, `{"a":[1,2]}`},
		{`jsonencode({ a = [1, null] })`, `"{\"a\":[1,null]}"`},
		{`keys({ b = 1, a = 2 })`, `["a","b"]`},
		{`length(["a", "b"])`, `2`},
		{`lookup({ a = "x" }, "b", "y")`, `"y"`},
		{`lower("AB")`, `"ab"`},
		{`max(1, 3, 2)`, `3`},
		{`merge({ a = 1 }, { a = 2, b = 3 })`, `{"a":2,"b":3}`},
		{`min(1, 3, 2)`, `1`},
		{`range(1, 4)`, `[1,2,3]`},
		{`regex("[0-9]+", "ab12")`, `"12"`},
		{`regexall("[0-9]", "1a2")`, `["1","2"]`},
		{`replace("a.b.c", ".", "-")`, `"a-b-c"`},
		{`replace("a1b2", "/[0-9]/", "")`, `"ab"`},
		{`reverse(["a", "b"])`, `["b","a"]`},
		{`select(hosts, { canary = "yes" })[*].name`, `["a"]`},
		{`select(hosts, { canary = ["yes", "no"], dc = "codfw" })[*].name`, `["a","c"]`},
		{`select(hosts, { dc = "esams" })[*].name`, `[]`},
		{`setintersection(["a", "b"], ["b"])`, `["b"]`},
		{`setsubtract(["a", "b"], ["b"])`, `["a"]`},
		{`setunion(["b"], ["a"])`, `["a","b"]`},
		{`sha256("")`, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`},
		{`slice(["a", "b", "c"], 1, 2)`, `["b"]`},
		{`sort(["b", "a"])`, `["a","b"]`},
		{`split(",", "a,b")`, `["a","b"]`},
		{`startswith("ab", "a")`, `true`},
		{`strlen("äb")`, `2`},
		{`substr("abc", 1, 1)`, `"b"`},
		{`templatefile("t", { names = ["a", "b"] })`, `"\u003ca\u003e\n\u003cb\u003e\n"`},
		{`templatefile("n", { n = 7 })`, `"7"`},
		{`title("a b")`, `"A B"`},
		{`tobool("true")`, `true`},
		{`tolist(toset(["a"]))`, `["a"]`},
		{`tomap({ a = 1 })`, `{"a":1}`},
		{`tonumber("1.5")`, `1.5`},
		{`toset(["a", "a"])`, `["a"]`},
		{`tostring(1)`, `"1"`},
		{`trim("xax", "x")`, `"a"`},
		{`trimprefix("ab", "a")`, `"b"`},
		{`trimspace(" a ")`, `"a"`},
		{`trimsuffix("ab", "b")`, `"a"`},
		{`try(tonumber("x"), 3)`, `3`},
		{`upper("ab")`, `"AB"`},
		{`values({ b = 1, a = 2 })`, `[2,1]`},
		{`yamldecode("a: [1, b]\n")`, `{"a":[1,"b"]}`},
		{`yamlencode({ a = [1, "x", "yes", { b = null }], e = {}, l = [], s = "a: b", t = true })`, `"a:\n  - 1\n  - x\n  - \"yes\"\n  -\n    b: null\ne: {}\nl: []\ns: \"a: b\"\nt: true\n"`},
		{`zipmap(["a"], [1])`, `{"a":1}`},
	} {
		name, _, _ := strings.Cut(c.expr, "(")
		covered[name] = true
		v, problems := evaluate(t, c.expr)
		if problems.HasErrors() {
			t.Errorf("%s: %v", c.expr, problems)
			continue
		}
		got, err := ctyjson.Marshal(v, v.Type())
		if err != nil || string(got) != c.want {
			t.Errorf("%s = %s, %v, want %s", c.expr, got, err, c.want)
		}
	}
	for _, name := range FunctionNames() {
		if !covered[name] {
			t.Errorf("%s has no example", name)
		}
	}
}

func TestEveryFunctionIsDescribed(t *testing.T) {
	t.Parallel()
	names := FunctionNames()
	for _, name := range names {
		if text := Describe(name); !strings.HasPrefix(text, name+"(") || !strings.Contains(text, ": ") {
			t.Errorf("%s is described as %q", name, text)
		}
	}
	for name := range descriptions() {
		if !slices.Contains(names, name) {
			t.Errorf("%s is described and does not exist", name)
		}
	}
}

func TestMarksGoThroughFunctions(t *testing.T) {
	t.Parallel()
	expr, _ := hclsyntax.ParseExpression([]byte(`templatefile("n", { n = upper(secret) })`), "test", hcl.InitialPos)
	files := &Files{Loops: new(int), Read: func(path string) (string, []byte, error) { return path, []byte("${n}"), nil }}
	v, problems := expr.Value(&hcl.EvalContext{Functions: Functions(nil, files), Variables: map[string]cty.Value{"secret": Sensitive(cty.StringVal("x"))}})
	if problems.HasErrors() || !IsSensitive(v) {
		t.Errorf("got %v (sensitive: %v)", problems, IsSensitive(v))
	}
}

func TestFunctionsRefuse(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`tonumber("1e99999999")`:           "too large",
		`jsondecode("[1e99999999]")`:       "too large",
		`format("%099999d", 1)`:            "three digits",
		`format("%.99999f", 1)`:            "three digits",
		`base64decode("!")`:                "not base64",
		`base64decode("/w==")`:             "not UTF-8",
		`datefmt("10.6.2015", "D")`:        "not a date",
		`datefmt("2015-06-10", "hh")`:      "format may hold",
		`file("binary")`:                   "not UTF-8",
		`templatefile("bad", {})`:          "E0101",
		`templatefile("loop", {})`:         "cannot render another",
		`templatefile("n", {})`:            `not given "n"`,
		`templatefile("n", { n = ["a"] })`: "gives no text",
		`select(hosts, { rack = "a" })`:    `no host carries a label "rack"`,
		`select(hosts, "canary")`:          "labels are written",
		`select(hosts, { dc = null })`:     "compared with text",
		`index(["a"], "b")`:                "not in the list",
		`replace("a", "/(/", "")`:          "regular expression",
		`join(big, bigs)`:                  "16 MiB",
		`join("", bigs)`:                   "16 MiB",
		`replace(big, "x", big)`:           "16 MiB",
		`replace(big, "/x/", big)`:         "16 MiB",
		`replace(big, "/(x)/", "DOLLARS")`: "16 MiB",
		`jsonencode(bigs)`:                 "16 MiB",
		`yamlencode(bigs)`:                 "16 MiB",
		`formatlist("%s%s", big, bigs)`:    "16 MiB",
		`format("%s", bigs)`:               "16 MiB",
	} {
		expr = strings.ReplaceAll(expr, "DOLLARS", strings.Repeat("$1", 100))
		_, problems := evaluate(t, expr)
		text := ""
		for _, p := range problems {
			for _, d := range Translate(p) {
				text += d.Code + " " + d.Summary + " " + d.Detail + "\n"
			}
		}
		if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			t.Errorf("%s: %q, want it to hold %q", expr, text, want)
		}
	}
}

func TestChecksumReadsListsOfEveryProgram(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0123456789abcdef", 4)
	for _, list := range []string{
		sum + "  app.tar.gz\n",
		sum + " *app.tar.gz\r\n",
		"# made by the build\n" + strings.Repeat("f", 64) + "  other\n" + sum + "  ./app.tar.gz",
		"SHA256 (app.tar.gz) = " + strings.ToUpper(sum) + "\n",
	} {
		got, err := checksum(list, "app.tar.gz")
		if err != nil || got != sum {
			t.Errorf("%q: %q, %v", list, got, err)
		}
	}
	for list, want := range map[string]string{
		"":                        `no line for "app.tar.gz", but for 0 other files`,
		sum + "  app.tar.xz\n":    `the nearest name is "app.tar.xz"`,
		sum[:40] + "  app.tar.gz": `but for 0 other files`,
	} {
		if _, err := checksum(list, "app.tar.gz"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", list, err)
		}
	}
}
