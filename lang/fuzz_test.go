package lang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"shipit/lang"
)

// FuzzLoad holds that no text makes Load, Validate or Evaluate panic, and
// that every place in a message lies inside its file.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob(goldens)
	for _, file := range files {
		if a, err := txtar.ParseFile(file); err == nil && len(a.Files[0].Data) < 4096 {
			f.Add(string(a.Files[0].Data))
		}
	}
	for _, file := range []string{"restbase.hcl", "hello.hcl", "shared/fleet.hcl"} {
		if text, err := os.ReadFile("../examples/" + file); err == nil {
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		// Loops within the limits can still be slow; the fuzzer finds nothing
		// new by waiting for them.
		if strings.Count(text, "for") > 4 || strings.Contains(text, "range") {
			t.Skip()
		}
		c, diags := lang.Load(fstest.MapFS{"main.hcl": {Data: []byte(text)}}, "main.hcl", lang.Options{})
		diags = append(diags, c.Validate(nil)...)
		for _, env := range c.Environments() {
			d, more := c.Evaluate(lang.Inputs{Env: env})
			if d == nil && !more.HasErrors() {
				t.Error("no definition and no error")
			}
			diags = append(diags, more...)
		}
		for _, d := range diags {
			if d.Code == "" || d.Summary == "" {
				t.Errorf("a diagnostic without code or summary: %+v", d)
			}
			checkRange(t, c.Files(), d)
		}
	})
}

// FuzzLists holds the same for lists of hosts in files, and that a secret of
// an inventory is in no message.
func FuzzLists(f *testing.F) {
	f.Add("web[1-3]\n# x\n db1 # y\n", `{"web": ["a"], "_meta": {"hostvars": {"a": {"ansible_host": "b", "ansible_port": "22", "dc": true}}}}`)
	f.Add("web[1-\n\xff\n", `{"all": {"children": ["all", "b"]}, "b": {"hosts": ["x", "x"]}, "_meta": {"hostvars": {"x": {"password": "hunter22"}}}}`)
	f.Add("\ufeffa\r\n-b\r\n", `{"web": {"hosts": [1]}}`)
	f.Add("", `[`)
	const definition = `
hosts "file" {
  from_file = "list"
}
hosts "command" {
  from_command = ["list"]
  snapshot     = "json"
  label_vars   = ["dc"]
}
hosts "group" {
  from_command = ["list"]
  snapshot     = "json"
  group        = "web"
}
service "s" {
  hosts = concat(hosts.file, hosts.command)
  release {
    repo   = "r"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "p"
  }
  restart "none" {}
}
`
	f.Fuzz(func(t *testing.T, list, inventory string) {
		if len(list) > 200 || strings.Count(list, "-") > 3 {
			t.Skip() // ranges are FuzzExpand's
		}
		c, diags := lang.Load(fstest.MapFS{"main.hcl": {Data: []byte(definition)}, "list": {Data: []byte(list)}, "json": {Data: []byte(inventory)}}, "main.hcl", lang.Options{})
		for _, d := range append(diags, c.Validate(nil)...) {
			checkRange(t, c.Files(), d)
			if strings.Contains(d.Detail, "hunter22") {
				t.Errorf("%+v", d)
			}
		}
	})
}

// FuzzConsole holds that no expression makes a console panic or shows a
// secret.
func FuzzConsole(f *testing.F) {
	for _, src := range []string{"var.secret", "1 + 2", "local.seeds.ams[0]", "host", "[for k, v in local.seeds : upper(k)]", "\"${var.secret}\"", "file(\"motd\")", "{ (var.secret) = 1 }", "release.tag", "env.hosts[*].labels", "%{", "<<A\nA\n"} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Count(src, "for") > 2 || strings.Contains(src, "range") || strings.Contains(src, "hunter") {
			t.Skip()
		}
		s := console(t, lang.Inputs{Env: "production"}, "web1")
		value, diags := s.Eval(src)
		if value == "" && !diags.HasErrors() {
			t.Error("no value and no error")
		}
		if strings.Contains(value+show(diags), "hunter22") {
			t.Errorf("it shows the secret: %s %s", value, show(diags))
		}
	})
}

// FuzzScenarios holds that no text makes loading scenarios panic, and that
// every place in a message lies inside the file.
func FuzzScenarios(f *testing.F) {
	files, _ := filepath.Glob("../testdata/lang/scenario-*.txtar")
	for _, file := range files {
		if a, err := txtar.ParseFile(file); err == nil {
			for _, part := range a.Files {
				if part.Name == scenarios {
					f.Add(string(part.Data))
				}
			}
		}
	}
	if text, err := os.ReadFile("../examples/restbase.test.hcl"); err == nil {
		f.Add(string(text))
	}
	f.Add("scenario \"a\" {\n  release = null\n  fleet = null\n  fail = { a = null, \"b\" = [null] }\n  values = null\n  expect {\n    batches = [null, []]\n    touched = null\n    exit = null\n    within = null\n  }\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "for") > 4 || strings.Contains(text, "range") {
			t.Skip()
		}
		s, diags := lang.LoadScenarios(fstest.MapFS{scenarios: {Data: []byte(text)}}, scenarios)
		for _, d := range diags {
			if d.Code == "" || d.Summary == "" {
				t.Errorf("a diagnostic without code or summary: %+v", d)
			}
			checkRange(t, s.Files(), d)
		}
	})
}
