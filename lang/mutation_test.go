package lang_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"shipit/lang"
)

var exhaustive = flag.Bool("exhaustive", false, "try every mutation, which takes half a minute")

// notOurs are messages that have the code of all others. The one of E0314 is
// ours: "this cannot be computed".
var notOurs = regexp.MustCompile(`(?m)^(E0101 .*|E0314 .*: [^t].*)$`)

// TestEveryMutationIsAnswered takes a complete definition apart: each line is
// left out, and each value is replaced by one that is odd there. Whatever the
// definition says then, the answer is a definition or an error, never a
// panic, and the same with and without values for the variables.
func TestEveryMutationIsAnswered(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("../testdata/lang/full.txtar")
	if err != nil {
		t.Fatal(err)
	}
	g := parseGolden(a)
	lines := strings.Split(string(g.files["main.hcl"].Data), "\n")
	value := regexp.MustCompile(`^(\s*[a-z_]+\s*=\s*)(.*)$`)
	odd := []string{
		"null", "[]", "{}", "[null]", "{ a = null }", "true", "-1", "1.5", `""`, `"-x"`, `"${host.name}"`, `"a\u0000b"`, "var.password", "[var.password]",
		"{ a = var.password }", "release", "release.tag", "hosts", "[hosts.web]", "host", "service.hosts", "env", "var", "local", "file(var.password)",
		"[for h in hosts.web : h.labels.x]", "select(hosts.web, null)", "select(null, {})", "templatefile(\"demo.tmpl\", null)", "tonumber(null)", "1/0",
	}
	try := func(name string, text []string) {
		t.Helper()
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%s: panic: %v", name, r)
			}
		}()
		files := maps.Clone(g.files)
		files["main.hcl"] = &fstest.MapFile{Data: []byte(strings.Join(text, "\n"))}
		g := golden{files: files, vars: g.vars, options: g.options}
		offline, _ := g.run(t)
		g.evaluate, g.env, g.release = true, "production", &lang.Release{Tag: "v1.2.3"}
		online, _ := g.run(t)
		if strings.Contains(offline+online, "hunter22") {
			t.Errorf("%s: a secret is shown:\n%s", name, offline+online)
		}
		if m := notOurs.FindString(offline + online); m != "" {
			t.Errorf("%s: only the library's words: %s", name, m)
		}
	}
	for i, line := range lines {
		without := append(append([]string{}, lines[:i]...), lines[i+1:]...)
		try(fmt.Sprintf("without line %d: %s", i+1, line), without)
		m := value.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for j, v := range odd {
			if !*exhaustive && (i*7+j)%len(odd) >= 2 {
				continue
			}
			changed := append([]string{}, lines...)
			changed[i] = m[1] + v
			try(fmt.Sprintf("line %d: %s", i+1, changed[i]), changed)
		}
	}
}

func TestSecretsStayOutOfMessages(t *testing.T) {
	t.Parallel()
	const definition = `
variable "secret" {
  type      = any
  sensitive = true
  validation {
    condition = EXPR
    message   = "bad: ${var.secret}"
  }
}
locals {
  x = EXPR
}
hosts "a" {
  names = ["a"]
}
service "s" {
  hosts = hosts.a
  release {
    repo   = "r"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "p"
  }
  restart "none" {}
  file "f" {
    content = EXPR
  }
  assert {
    condition = EXPR
    message   = "bad: ${local.x}"
  }
}
`
	for _, expr := range []string{
		"var.secret", "tonumber(var.secret)", "var.secret + 1", "1 + var.secret", "!var.secret", "{ a = 1 }[var.secret]", "var.secret.name", "[1][var.secret]",
		"regex(var.secret, \"x\")", "jsondecode(var.secret)", "expand(\"[${var.secret}-z]\")", "file(var.secret)", "templatefile(var.secret, {})",
		"[for x in [var.secret] : tonumber(x)]", "{ for x in [var.secret, var.secret] : x => x }", "datefmt(var.secret, \"Y\")", "datefmt(\"2015-01-01\", var.secret)",
		"upper(tonumber(lower(var.secret)))", "var.secret ? 1 : 2", "format(var.secret)", "format(\"%d\", var.secret)", "select(var.secret, {})",
		"select(hosts.a, { (var.secret) = 1 })", "select(hosts.a, var.secret)", "local.x[var.secret]", "index([1], var.secret)", "element([1], var.secret)",
		"base64decode(var.secret)", "tobool(var.secret)", "merge(var.secret)", "keys(var.secret)", "substr(\"x\", var.secret, 1)", "lookup({}, var.secret)",
	} {
		text := strings.ReplaceAll(definition, "EXPR", expr)
		for _, value := range []string{`"hunter22"`, `{ name = "hunter22" }`, `["hunter22"]`, `"hunter22["`} {
			g := golden{files: fstest.MapFS{"main.hcl": {Data: []byte(text)}}, vars: []lang.Assignment{{Name: "secret", Value: value, From: "--var"}}}
			for _, g.evaluate = range []bool{false, true} {
				diags, _ := g.run(t)
				if strings.Contains(strings.ToLower(diags), "hunter22") {
					t.Errorf("%s with %s shows the secret:\n%s", expr, value, diags)
				}
			}
		}
	}
}

func TestDefinitionInADirectoryReadsBesideItself(t *testing.T) {
	t.Parallel()
	whole := os.DirFS("..")
	c, diags := lang.Load(whole, "examples/restbase.hcl", lang.Options{})
	if diags = append(diags, c.Validate(nil)...); len(diags) > 0 {
		t.Error(show(diags))
	}
}
