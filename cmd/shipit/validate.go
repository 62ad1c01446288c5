package main

import (
	"fmt"

	"shipit/lang/diag"
)

type validateCmd struct {
	Files   []string `arg:"" help:"Definitions."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Set a variable."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"Set variables from a file."`
	JSON    bool     `name:"json" help:"Print one JSON document."`
}

func (c *validateCmd) Help() string {
	return "Reads no host, no network and no secret: what is not known (required variables, the release) is left open.\n\n" +
		examples("shipit validate restbase.hcl", "shipit validate --json services/*.hcl")
}

func (c *validateCmd) Run(w *world) error {
	var all diag.List
	files := map[string][]byte{}
	for _, file := range c.Files {
		f := definitionFlags{File: file, Var: c.Var, VarFile: c.VarFile}
		diags, sources, err := c.one(w, &f)
		if err != nil {
			return err
		}
		all = append(all, diags...)
		for name, src := range sources {
			files[name] = src
		}
	}
	all = all.Sorted()
	if c.JSON {
		data, err := all.JSON()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w.stdout, "%s\n", data); err != nil {
			return err
		}
	} else {
		w.diagnose(all, files)
		w.summary(all, c.Files)
	}
	if all.HasErrors() {
		return exit(exitFailed, nil)
	}
	return nil
}

// one validates one definition.
func (c *validateCmd) one(w *world, f *definitionFlags) (diag.List, map[string][]byte, error) {
	s, diags, err := f.parse()
	if err != nil {
		return nil, nil, err
	}
	if !diags.HasErrors() {
		if s.vars, err = f.assignments(w); err != nil {
			return nil, nil, err
		}
		diags = append(diags, s.cfg.Validate(s.vars)...)
	}
	return diags, s.files(), nil
}

// summary is the last line for people: on standard output, because it is the
// answer.
func (w *world) summary(l diag.List, files []string) {
	errs, warnings := l.Count()
	what := files[0]
	if len(files) > 1 {
		what = count(len(files), "definition")
	}
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
		if len(files) > 1 {
			verb = "are"
		}
		fmt.Fprintf(w.stdout, "%s %s valid.\n", what, verb)
	}
}
