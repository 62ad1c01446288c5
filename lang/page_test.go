package lang_test

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"shipit/exec/release"
	"shipit/exec/tag"
	"shipit/lang"
	"shipit/lang/diag"
)

// assemble makes a whole definition of the examples of a page: they are
// shown without what every definition has.
func assemble(examples []lang.Example) fstest.MapFS {
	files := fstest.MapFS{}
	var top, service string
	whole := false
	for _, e := range examples {
		text := strings.ReplaceAll(e.Source(), `\xe9`, "\xe9")
		switch {
		case e.File != "":
			files[e.File] = &fstest.MapFile{Data: []byte(text)}
		case e.InService:
			service += text
		default:
			top += text
		}
		whole = whole || e.Whole
	}
	has := func(text, name string) bool {
		return regexp.MustCompile(`(?m)^` + name + `(\W|$)`).MatchString(text)
	}
	if !whole && !has(top, `hosts "web"`) {
		top += "hosts \"web\" {\n  names = [\"web1.example.org\", \"web2.example.org\"]\n  labels = { dc = \"ams\" }\n}\n"
	}
	if !whole && (service != "" || !has(top, "service")) {
		for _, part := range [][2]string{
			{"hosts", "hosts = hosts.web\n"},
			{"release", "release {\n  repo   = \"demo.git\"\n  scheme = \"v{semver}\"\n}\n"},
			{"transport", "transport \"push\" {\n  path = \"srv/demo\"\n}\n"},
			{"restart", "restart \"none\" {}\n"},
		} {
			if !has(service, part[0]) {
				service += part[1]
			}
		}
		top += "service \"demo\" {\n" + service + "}\n"
	}
	files["main.hcl"] = &fstest.MapFile{Data: []byte(top)}
	return files
}

// said is what shipit says about the examples, run as they say.
func said(t *testing.T, examples []lang.Example) diag.List {
	t.Helper()
	in := lang.Inputs{}
	command := "validate"
	for _, e := range examples {
		if e.Inventory != "" {
			in.Inventory = func([]string) ([]byte, error) {
				if e.Inventory == "fails" {
					return nil, errors.New("it ended with 1")
				}
				return []byte(`{"db": {"hosts": ["db1"]}}`), nil
			}
		}
		if len(e.Run) == 0 {
			continue
		}
		command = e.Run[0]
		for i, arg := range e.Run {
			switch {
			case arg == "-e":
				in.Env = e.Run[i+1]
			case arg == "--service":
				in.Service = e.Run[i+1]
			case arg == "--var":
				name, value, _ := strings.Cut(e.Run[i+1], "=")
				in.Vars = append(in.Vars, lang.Assignment{Name: name, Value: value, From: "--var"})
			case strings.HasPrefix(arg, "SHIPIT_VAR_"):
				name, value, _ := strings.Cut(strings.TrimPrefix(arg, "SHIPIT_VAR_"), "=")
				in.Vars = append(in.Vars, lang.Assignment{Name: name, Value: value, From: "SHIPIT_VAR_" + name, Lenient: true})
			}
		}
	}
	c, list := lang.Load(assemble(examples), "main.hcl", lang.Options{Version: "0.4.0", Scheme: func(s string) error {
		_, err := tag.ParseScheme(s)
		return err
	}, Signers: func(text []byte) error {
		_, err := release.ParseSigners("", text)
		return err
	}})
	files := assemble(examples)
	switch {
	case files[scenarios] != nil:
		list, _ = play(c, files)
		return list
	case command == "validate":
		return append(slices.Clone(list), c.Validate(in.Vars)...).Sorted()
	case list.HasErrors():
		return list
	}
	_, list = c.Evaluate(in)
	return list
}

// TestEveryCodeHasAPageThatIsTrue runs the examples of every page.
func TestEveryCodeHasAPageThatIsTrue(t *testing.T) {
	t.Parallel()
	entries, err := fs.Glob(os.DirFS("pages"), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, name := range entries {
		left[strings.TrimSuffix(name, ".md")] = true
	}
	for _, c := range lang.Codes() {
		delete(left, c.Code)
		t.Run(c.Code, func(t *testing.T) {
			t.Parallel()
			p, ok := lang.PageOf(c.Code)
			if !ok || p.Why == "" || len(p.Wrong) == 0 || len(p.Right) == 0 {
				t.Fatalf("%s has no page with a reason, a wrong and a right example in lang/pages", c.Code)
			}
			wrong, right := said(t, p.Wrong), said(t, p.Right)
			if c.Code != "W0409" {
				// What uses the locals of an example is left out of it.
				right = slices.DeleteFunc(right, func(d diag.Diagnostic) bool { return d.Code == "W0409" })
			}
			if len(wrong) == 0 || slices.ContainsFunc(wrong, func(d diag.Diagnostic) bool { return d.Code != c.Code }) {
				t.Errorf("the wrong example makes shipit say:\n%s", show(wrong))
			}
			if len(right) > 0 {
				t.Errorf("the right example makes shipit say:\n%s", show(right))
			}
			for line := range strings.Lines(p.Why) {
				if len([]rune(line)) > 81 {
					t.Errorf("the line is too long for a terminal: %s", line)
				}
			}
			if text := p.Text(); !strings.Contains(text, c.Meaning) || !strings.Contains(text, "\nRight") {
				t.Errorf("the page reads:\n%s", text)
			}
		})
	}
	for code := range left {
		t.Errorf("lang/pages/%s.md is of no code", code)
	}
	if _, ok := lang.PageOf("E0000"); ok {
		t.Error("a code that does not exist has a page")
	}
}
