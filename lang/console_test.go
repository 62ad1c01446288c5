package lang_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"shipit/lang"
)

const consoleDefinition = `
variable "workers" {
  type    = number
  default = 4
}
variable "secret" {
  sensitive = true
}
variable "missing" {}
locals {
  dsn   = "x:${var.secret}@y"
  seeds = { ams = ["a", "b"], "b c" = [] }
}
hosts "web" {
  names  = expand("web[1-2]")
  labels = { dc = "ams" }
}
environment "beta" {
  hosts = [hosts.web[0]]
}
environment "production" {
  hosts  = hosts.web
  values = { workers = 16 }
}
service "demo" {
  hosts = env.hosts
  release {
    repo   = "r"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "srv/demo"
  }
  restart "none" {}
}
`

func console(t *testing.T, in lang.Inputs, host string) *lang.Console {
	t.Helper()
	files := fstest.MapFS{"dir/main.hcl": {Data: []byte(consoleDefinition)}, "dir/motd": {Data: []byte("hello\n")}}
	c, diags := lang.Load(files, "dir/main.hcl", lang.Options{})
	if len(diags) > 0 {
		t.Fatal(show(diags))
	}
	in.Vars = append(in.Vars, lang.Assignment{Name: "secret", Value: "hunter22", From: "SHIPIT_VAR_secret"})
	s, diags := c.Console(in, host)
	if s == nil {
		t.Fatal(show(diags))
	}
	return s
}

func TestConsoleShowsValues(t *testing.T) {
	t.Parallel()
	plain := console(t, lang.Inputs{Env: "production"}, "")
	onHost := console(t, lang.Inputs{Env: "beta", Release: &lang.Release{Tag: "v1.2.3"}}, "web2")
	for _, test := range []struct {
		console   *lang.Console
		src, want string
	}{
		{plain, `1 + 2`, `3`},
		{plain, `1 / 3 * 3`, `1`},
		{plain, `"a${1}\n$${x}\u202e\u0007"`, `"a1\n$${x}\u202e\u0007"`},
		{plain, `local.seeds`, `{ ams = ["a", "b"], "b c" = [] }`},
		{plain, `{}`, `{}`},
		{plain, `null`, `null`},
		{plain, `true`, `true`},
		{plain, `var.workers`, `16`},
		{onHost, `var.workers`, `4`},
		{plain, `var.missing`, `(unknown)`},
		{plain, `var.secret`, `(sensitive)`},
		{plain, `[1, "${var.secret}!", local.dsn]`, `[1, (sensitive), (sensitive)]`},
		{plain, `upper(var.secret)`, `(sensitive)`},
		{plain, `env`, `{ hosts = [{ address = "web1", labels = { dc = "ams" }, name = "web1", port = null }, { address = "web2", labels = { dc = "ams" }, name = "web2", port = null }], name = "production", protected = false }`},
		{plain, `service.hosts[*].name`, `["web1", "web2"]`},
		{onHost, `service.hosts[*].name`, `["web1"]`},
		{onHost, `host.name`, `"web2"`},
		{onHost, `[for h in hosts.web : h.name if h.labels.dc == host.labels.dc]`, `["web1", "web2"]`},
		{plain, `release.tag`, `(unknown)`},
		{onHost, `"${release.tag} ${service.name}"`, `"v1.2.3 demo"`},
		{onHost, `release.commit`, `(unknown)`},
		{plain, `file("motd")`, `"hello\n"`},
		{plain, `select(hosts.web, { dc = "ams" })[0].name`, `"web1"`},
	} {
		for range 2 { // the second time is no different
			got, diags := test.console.Eval(test.src)
			if got != test.want || len(diags) > 0 {
				t.Errorf("%s gives %s\n%s, want %s", test.src, got, show(diags), test.want)
			}
		}
	}
}

func TestConsoleExplainsMistakes(t *testing.T) {
	t.Parallel()
	s := console(t, lang.Inputs{Env: "production"}, "")
	for src, want := range map[string]string{
		`var.wokers`:                 `E0203 <console>:1:4-11: unknown variable "wokers"`,
		`host.name`:                  `Start the console with --host NAME.`,
		`1 +`:                        `E0127 <console>`,
		``:                           `E0127 <console>`,
		`1 2`:                        `E0128 <console>`,
		`a = 1`:                      `E0128 <console>`,
		`"x" + 1`:                    `E03`,
		`0640`:                       `E0313`,
		`"x${1e20000000}"`:           `E0107`,
		strings.Repeat("(", 60_000):  `E0105`,
		strings.Repeat("x", 100_000): `E0104`,
		"\xff":                       `E0103`,
		`file("../../etc/passwd")`:   `E0316`,
		`file("/etc/passwd")`:        `E0316`,
		`tonumber(var.secret)`:       `withheld`,
		`{ a = 1, a = 2 }`:           `E0110`,
		`[for a in range(1000) : [for b in range(1000) : 1]]`: `E0124`,
		`local.seeds.rtm`: `E0207`,
	} {
		got, diags := s.Eval(src)
		if text := show(diags); got != "" || !diags.HasErrors() || !strings.Contains(text, want) || strings.Contains(text, "hunter22") {
			t.Errorf("%.40q gives %q and\n%s\nwant %s", src, got, text, want)
		}
	}
	if got, diags := s.Eval(`1`); got != "1" || len(diags) > 0 {
		t.Errorf("a mistake lingers: %q %s", got, show(diags))
	}
}

func TestConsoleSuggestsAHost(t *testing.T) {
	t.Parallel()
	c, _ := lang.Load(fstest.MapFS{"main.hcl": {Data: []byte(consoleDefinition)}}, "main.hcl", lang.Options{})
	for _, test := range []struct{ env, host, want string }{
		{"beta", "web11", `Did you mean "web1"?`},
		{"bta", "", `Did you mean "beta"?`},
		{"", "", "which environment?"},
	} {
		s, diags := c.Console(lang.Inputs{Env: test.env}, test.host)
		if text := show(diags); s != nil || !strings.Contains(text, test.want) {
			t.Errorf("%v says\n%s", test, text)
		}
	}
}

func TestConsoleKnowsWhereValuesComeFrom(t *testing.T) {
	t.Parallel()
	s := console(t, lang.Inputs{Env: "production"}, "")
	got := s.Variables()
	want := []lang.Variable{
		{Name: "workers", JSON: "16", From: "environment production", Known: true},
		{Name: "secret", JSON: `"hunter22"`, From: "SHIPIT_VAR_secret", Sensitive: true, Known: true},
		{Name: "missing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
