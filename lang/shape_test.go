package lang_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/lang"
)

// about is a definition with attributes that speak of hosts.
const about = `
variable "none" {
  type = string
}
variable "secret" {
  sensitive = true
  default   = "hunter22"
}
variable "later" {
  type      = string
  sensitive = true
}
environment "beta" {
  hosts = hosts.web
}
environment "production" {
  hosts = concat(hosts.web, hosts.far)
}
locals {
  port = 7231
  text = "e"
  map  = { eqiad = ["a", "b"], codfw = [] }
}
hosts "web" {
  names  = expand("web[1-3].example.org")
  labels = { dc = "eqiad", slow = "1m", path = ".a" }
  host "web2.example.org" {
    port   = 2222
    labels = { dc = "codfw", rack = "r1", path = "(a", slow = "9m" }
  }
}
hosts "far" {
  names  = ["far"]
  labels = { dc = "ulsfo" }
  ssh {
    jump = "bastion"
  }
  host "far" {
    address = "10.0.0.1"
  }
}
service "s" {
  hosts = env.hosts
  release {
    repo   = "r"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "/srv/s"
  }
  file "/etc/s" {
    content = CONTENT
    mode    = MODE
  }
  drain {
    out    = OUT
    in     = ["in", host.name]
    within = WITHIN
  }
  restart "systemd" {
    unit   = UNIT
    within = WITHIN
  }
  check "http" "web" {
    url     = URL
    json    = JSON
    headers = HEADERS
    within  = "20s"
    every   = EVERY
    from    = "deployer"
  }
  check "log" "lines" {
    unit   = "s.service"
    must   = MUST
    within = WITHIN
  }
  rollback {
    watchdog = "10m"
  }
  hook "h" {
    at    = "before_restart"
    shell = SHELL
  }
}
`

// words are expressions that may be wrong, unknown or sensitive, on some
// hosts or on all.
var words = []string{
	"host.name", "host.address", "host.port", "host.labels.dc", `host.labels["rack"]`, `host["name"]`, "host.labels", "host", "host.labels[host.labels.dc]",
	"local.port", "local.text", "local.map[host.labels.dc]", "var.none", "var.secret", "release.tag", "service.name", "null", `"text"`, `"-x"`, `"e\u0301"`, `"\u0301"`,
	`"bell\u0007"`, `""`, "true", "1.5", "tonumber(host.name)", `lookup(host.labels, "rack", "none")`, `join(",", [for h in service.hosts : h.name if h.name != host.name])`,
	`"%{for m in local.map.eqiad}${m}-${host.labels.dc} %{endfor}"`, `file("text")`, `file("gone")`,
}

func anExpression(deep int) *rapid.Generator[string] {
	if deep == 0 {
		return rapid.SampledFrom(words)
	}
	return rapid.Custom(func(t *rapid.T) string {
		part := func() string { return anExpression(deep-1).Draw(t, "part") }
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0, 1, 2:
			return part()
		case 3, 4:
			return fmt.Sprintf(`"http://${%s}:${%s}"`, part(), part())
		case 5:
			return fmt.Sprintf(`"${%s}"`, part())
		case 6:
			return fmt.Sprintf(`(%s)`, part())
		case 7:
			return fmt.Sprintf(`templatefile("%s.tmpl", { a = %s, b = %s })`, rapid.SampledFrom([]string{"both", "loop", "bare", "less", "more"}).Draw(t, "template"), part(), part())
		case 8:
			return fmt.Sprintf(`upper(%s)`, part())
		default:
			return fmt.Sprintf(`host.labels.dc == "eqiad" ? %s : %s`, part(), part())
		}
	})
}

// TestShapesGiveWhatHCLGives compares what is said about definitions, and
// what becomes of them, with a plain evaluation of everything for every host.
func TestShapesGiveWhatHCLGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := func(name string, usual ...string) string {
			// Most are good, so that what is wrong with one is seen.
			switch rapid.IntRange(0, 6).Draw(t, "how odd is "+name) {
			case 0:
				return anExpression(2).Draw(t, name)
			case 1, 2:
				return rapid.SampledFrom(usual).Draw(t, name)
			}
			return usual[0]
		}
		text := strings.NewReplacer(
			"CONTENT", e("content", `templatefile("both.tmpl", { a = host.name, b = local.port })`, `templatefile("loop.tmpl", { a = local.map[host.labels.dc], b = host.name })`), "MODE", e("mode", `"0644"`, `host.labels.dc == "eqiad" ? "0600" : "0640"`),
			"OUT", e("out", `["out", host.name]`, "[host.address, "+anExpression(1).Draw(t, "argument")+"]", `concat(["out"], [host.name])`, "[]"),
			"WITHIN", e("within", `"1m"`, "host.labels.slow"), "UNIT", e("unit", `"s.service"`, `"s@${host.labels.dc}.service"`),
			"URL", e("url", `"http://${host.address}/"`), "JSON", e("json", `{ ".version" = release.tag }`, `{ ".name" = host.name }`, `{ (host.labels.path) = "x" }`),
			"HEADERS", e("headers", "{}", `{ Host = host.name }`), "EVERY", e("every", `"1s"`, `"30s"`, `host.labels.dc == "eqiad" ? "1s" : "30s"`, "host.labels.slow"),
			"MUST", e("must", `"up"`, `"${host.name} is up"`, "host.labels.path"), "SHELL", e("shell", `"echo ${host.name}"`, `"${host.name}${local.text}\u0301"`, `"${host.name}${var.later}"`),
		).Replace(about)
		files := fstest.MapFS{
			"main.hcl": {Data: []byte(text)}, "text": {Data: []byte("some text")},
			"both.tmpl": {Data: []byte("${a} and ${b}${a}")}, "loop.tmpl": {Data: []byte("%{ for x in a ~}\n${x}${b}\n%{ endfor ~}\nend")},
			"bare.tmpl": {Data: []byte("${a}")}, "less.tmpl": {Data: []byte("nothing of ${upper(b)}")}, "more.tmpl": {Data: []byte("${a}${c}")},
		}
		told := func(plainly bool) []string {
			c, diags := lang.Load(files, "main.hcl", lang.Options{})
			if plainly {
				c.Plainly()
			}
			if diags.HasErrors() {
				t.Skip("not a definition")
			}
			out := []string{fmt.Sprintf("%+v", append(diags, c.Validate(nil)...))}
			for _, env := range c.Environments() {
				d, diags := c.Evaluate(lang.Inputs{Env: env, Release: &lang.Release{Tag: "v1.2.3"}, Vars: []lang.Assignment{{Name: "none", Value: "given"}, {Name: "later", Value: "hunter23"}}})
				text, err := json.MarshalIndent(d, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, fmt.Sprintf("%+v\n%s", diags, text))
			}
			return out
		}
		want := told(true)
		got := told(false)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("plainly (-), by shapes (+):\n%s\n%s", diff, text)
		}
	})
}
