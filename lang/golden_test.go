package lang_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"shipit/exec"
	"shipit/exec/release"
	"shipit/exec/scenario"
	"shipit/lang"
	"shipit/lang/diag"
)

var update = flag.Bool("update", false, "rewrite the goldens and the reference documentation")

const goldens = "../testdata/lang/*.txtar"

// A golden is a definition with what shipit says about it. The comment of the
// archive holds directives, one a line: evaluate [ENV], var NAME=VALUE,
// environ NAME=VALUE, release TAG, service NAME, version V, pad FILE BYTES,
// inventory FILE (what commands that list hosts print), slow (run twice, not twenty times); everything else is for readers.
type golden struct {
	files    fstest.MapFS
	vars     []lang.Assignment
	evaluate bool
	env      string
	service  string
	release  *lang.Release
	// inventory stands for the command that lists hosts
	inventory func([]string) ([]byte, error)
	options   lang.Options
	pad       []padding
	slow      bool
}

// A padding makes a file as large as nobody wants to keep in testdata.
type padding struct {
	file  string
	bytes int
}

func parseGolden(a *txtar.Archive) golden {
	g := golden{files: fstest.MapFS{}}
	g.options.Scheme = func(scheme string) error {
		if !strings.Contains(scheme, "{") {
			return errors.New("a scheme needs {n}, {date} or {semver}")
		}
		return nil
	}
	g.options.Signers = func(text []byte) error {
		_, err := release.ParseSigners("", text)
		return err
	}
	for line := range strings.Lines(string(a.Comment)) {
		directive, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, value, _ := strings.Cut(rest, "=")
		switch directive {
		case "evaluate":
			g.evaluate, g.env = true, rest
		case "var":
			g.vars = append(g.vars, lang.Assignment{Name: name, Value: value, From: "--var"})
		case "environ":
			g.vars = append(g.vars, lang.Assignment{Name: name, Value: value, From: "SHIPIT_VAR_" + name, Lenient: true})
		case "release":
			g.release = &lang.Release{Tag: rest, Commit: "e4f5a6b0c1d2e4f5a6b0c1d2e4f5a6b0c1d2e4f5", Date: "2015-06-10", N: 2}
		case "pad": // pad FILE BYTES
			file, size, _ := strings.Cut(rest, " ")
			n, _ := strconv.Atoi(size)
			g.pad = append(g.pad, padding{file, n})
		case "inventory":
			g.inventory = func([]string) ([]byte, error) {
				if f := g.files[rest]; f != nil {
					return f.Data, nil
				}
				return nil, errors.New("it ended with 4: no such inventory")
			}
		case "slow":
			g.slow = true
		case "service":
			g.service = rest
		case "version":
			g.options.Version = rest
		}
	}
	for _, f := range a.Files {
		if !strings.HasPrefix(f.Name, "want.") {
			text := strings.ReplaceAll(string(f.Data), `\r\n`+"\n", "\r\n")
			text = strings.ReplaceAll(text, `\xff`, "\xff")
			g.files[f.Name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	for _, p := range g.pad {
		f := g.files[p.file]
		f.Data = append(f.Data, bytes.Repeat([]byte("#"), p.bytes)...)
	}
	return g
}

// run is what shipit says, as diagnostics and as the definition in JSON.
func (g golden) run(t *testing.T) (diags, definition string) {
	t.Helper()
	c, list := lang.Load(g.files, "main.hcl", g.options)
	var d *lang.Definition
	if g.evaluate {
		if !list.HasErrors() {
			d, list = c.Evaluate(lang.Inputs{Env: g.env, Service: g.service, Vars: g.vars, Release: g.release, Inventory: g.inventory})
		}
		if d == nil && !list.HasErrors() {
			t.Error("no definition and no error")
		}
	} else {
		list = append(list, c.Validate(g.vars)...).Sorted()
	}
	texts := c.Files()
	if g.files[scenarios] != nil && !list.HasErrors() {
		var played map[string][]byte
		list, played = play(c, g.files)
		maps.Copy(texts, played)
	}
	for _, d := range list {
		checkRange(t, texts, d)
	}
	if d != nil {
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		definition = string(text) + "\n"
	}
	return show(list), definition
}

// scenarios is the scenario file beside main.hcl.
const scenarios = "main.test.hcl"

// play plays the scenarios beside a definition, for what is wrong with them.
func play(c *lang.Config, files fstest.MapFS) (diag.List, map[string][]byte) {
	s, list := lang.LoadScenarios(files, scenarios)
	if list.HasErrors() {
		return list, s.Files()
	}
	for _, x := range s.List {
		list = append(list, scenario.Play(c, x, scenario.Options{Exit: func(exec.Result, error) int { return 0 }}).Diags...)
	}
	return list.Sorted(), s.Files()
}

// checkRange checks that every place lies inside of a file that was read.
func checkRange(t *testing.T, texts map[string][]byte, d diag.Diagnostic) {
	t.Helper()
	places := []diag.Range{d.Subject}
	for _, r := range d.Related {
		places = append(places, r.Range)
	}
	for _, r := range places {
		if r == (diag.Range{}) {
			continue
		}
		text, ok := texts[r.File]
		if !ok && d.Code != "E0102" && d.Code != "E0104" {
			t.Errorf("%s is in the file %q, which was not read", d.Code, r.File)
		}
		if ok && (r.Start.Byte < 0 || r.Start.Byte > r.End.Byte || r.End.Byte > len(text)) {
			t.Errorf("%s: the range %v is outside of %s (%d bytes)", d.Code, r, r.File, len(text))
		}
	}
}

func show(list diag.List) string {
	var b strings.Builder
	place := func(r diag.Range) string { return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Column) }
	for _, d := range list {
		fmt.Fprintf(&b, "%s %s-%d: %s\n", d.Code, place(d.Subject), d.Subject.End.Column, d.Summary)
		for _, line := range []struct{ name, text string }{{"label", d.Label}, {"detail", d.Detail}, {"help", d.Help}} {
			if line.text != "" {
				fmt.Fprintf(&b, "  %s: %s\n", line.name, line.text)
			}
		}
		for _, r := range d.Related {
			fmt.Fprintf(&b, "  related: %s %s\n", place(r.Range), r.Text)
		}
		if len(d.Hosts) > 0 {
			fmt.Fprintf(&b, "  hosts: %s\n", lang.Fold(d.Hosts))
		}
		if len(d.Envs) > 0 {
			fmt.Fprintf(&b, "  environments: %s\n", strings.Join(d.Envs, ", "))
		}
	}
	return b.String()
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(goldens)
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			g := parseGolden(a)
			diags, definition := g.run(t)
			repeats := 19
			if g.slow {
				repeats = 1
			}
			for range repeats {
				again, definitionAgain := g.run(t)
				if again != diags || definitionAgain != definition {
					t.Fatalf("a second run says something else:\n%s", cmp.Diff(diags+definition, again+definitionAgain))
				}
			}
			got := map[string]string{"want.diag": diags, "want.json": definition}
			for i, f := range a.Files {
				if !strings.HasPrefix(f.Name, "want.") {
					continue
				}
				if *update {
					a.Files[i].Data = []byte(got[f.Name])
				} else if diff := cmp.Diff(string(f.Data), got[f.Name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestEveryCodeHasAnExample(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(goldens)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	code := regexp.MustCompile(`(?m)^([EW]0\d{3}) `)
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if f.Name == "want.diag" {
				for _, m := range code.FindAllStringSubmatch(string(f.Data), -1) {
					shown[m[1]] = true
				}
			}
		}
	}
	last := ""
	for _, c := range lang.Codes() {
		if !shown[c.Code] {
			t.Errorf("%s (%s) has no example in %s", c.Code, c.Meaning, goldens)
		}
		if c.Code <= last {
			t.Errorf("%s is out of order", c.Code)
		}
		last = c.Code
		delete(shown, c.Code)
	}
	for c := range shown {
		t.Errorf("%s is not in the table of codes", c)
	}
}
