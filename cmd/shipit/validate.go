package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"shipit/lang"
	"shipit/lang/diag"
)

type validateCmd struct {
	Files   []string `arg:"" name:"file" help:"Definitions like restbase.hcl, or directories of them."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Set a variable."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"Set variables from a file."`
	Format  string   `enum:"human,json,github,gitlab,sarif,junit" default:"human" placeholder:"FORMAT" help:"How to answer: ${enum}."`
	JSON    bool     `name:"json" help:"The same as --format json."`
	Fix     bool     `help:"First correct in the files what has exactly one answer."`

	Timeout time.Duration `default:"10s" help:"Give up on a definition that takes longer than this."`
}

func (c *validateCmd) Help() string {
	return "Reads no host, no network and no secret, SHIPIT_VAR_* neither: what is not known (required variables, the release) is left open. The scenarios beside a definition (NAME.test.hcl) are read too, and played by 'shipit test'.\n\n" +
		examples("shipit validate restbase.hcl", "shipit validate --format sarif services/ > shipit.sarif", "shipit validate --fix restbase.hcl")
}

func (c *validateCmd) Run(w *world) error {
	if c.JSON {
		c.Format = "json"
	}
	r, all, err := c.check(w)
	if err != nil {
		return err
	}
	all = once(all).Sorted()
	if err := w.answer(c.Format, all, r); err != nil {
		return err
	}
	if all.HasErrors() {
		return exit(exitFailed, nil)
	}
	return nil
}

// check reads and evaluates the definitions, each as long as the watchdog
// allows.
func (c *validateCmd) check(w *world) (*reading, diag.List, error) {
	vars, err := (&definitionFlags{valueFlags: valueFlags{Var: c.Var, VarFile: c.VarFile}}).assignments(w)
	if err != nil {
		return nil, nil, err
	}
	dog := ordinary.within(c.Timeout)
	var r *reading
	if d := dog.guard(c.Files[0], func() { r, err = read(c.Files) }); d != nil {
		return &reading{sources: []*source{{typed: c.Files[0]}}}, diag.List{*d}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	vars = r.strangers(vars)
	r.hide(w, vars)
	if c.Fix {
		out := w.stdout
		if c.Format != "human" {
			out = w.stderr
		}
		if err := r.fix(out, dog, vars); err != nil {
			return nil, nil, err
		}
		if r, err = read(c.Files); err != nil {
			return nil, nil, err
		}
		r.hide(w, vars)
	}
	all := r.diags
	var beside lang.Beside
	for _, s := range r.sources {
		if s.broken {
			continue
		}
		var found diag.List
		cfg, given := s.cfg, r.assigned(s, vars)
		if d := dog.guard(s.path, func() { found = cfg.ValidateBeside(&beside, given) }); d != nil {
			s.cfg = nil // it is in use until the process ends
			return r, append(all, *d), nil
		}
		all = append(append(all, found...), s.readScenarios()...)
	}
	return r, all, nil
}

// readScenarios reads the scenario file beside the definition, if there is
// one: a mistake in it is found before somebody plays it.
func (s *source) readScenarios() diag.List {
	dir, err := os.OpenRoot(s.root)
	if err != nil {
		return nil // the definition was read there
	}
	defer dir.Close()
	file := strings.TrimSuffix(s.path, ".hcl") + scenarioSuffix
	if _, err := dir.Stat(file); err != nil {
		return nil
	}
	var diags diag.List
	s.beside, diags = lang.LoadScenarios(dir.FS(), file)
	return diags
}

// strangers are the values for a check of what anybody may have written: the
// ones in the process environment, which may be secrets, stay out of it.
func (r *reading) strangers(vars []lang.Assignment) []lang.Assignment {
	return slices.DeleteFunc(vars, func(a lang.Assignment) bool {
		return a.Lenient && slices.ContainsFunc(r.sources, func(s *source) bool { return s.cfg.Declares(a.Name) })
	})
}

// summary is the last line for people: on standard output, because it is the
// answer.
func (w *world) summary(l diag.List, r *reading) {
	errs, warnings := l.Count()
	what := r.what()
	switch {
	case errs > 0:
		text := count(errs, "error")
		if warnings > 0 {
			text += ", " + count(warnings, "warning")
		}
		fmt.Fprintf(w.stdout, "%s in %s.\n", text, what)
	case warnings > 0:
		fmt.Fprintf(w.stdout, "%s is valid, with %s.\n", what, count(warnings, "warning"))
	default:
		verb := "is"
		if len(r.sources) > 1 {
			verb = "are"
		}
		fmt.Fprintf(w.stdout, "%s %s valid.\n", what, verb)
	}
}
