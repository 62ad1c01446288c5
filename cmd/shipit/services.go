package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shipit/lang"
	"shipit/lang/diag"
)

// A reading is the definitions that a command names, read and looked at
// together.
type reading struct {
	sources  []*source // each definition once
	services []*source // one for each service, in the order of their after
	diags    diag.List
}

// read reads definitions: files, and directories recursively. Of a directory,
// a file that declares no service or that another one includes is no
// definition of its own.
func read(args []string) (*reading, error) {
	var files []string
	found := map[string]bool{} // in a directory
	for _, arg := range args {
		if info, err := os.Stat(arg); err != nil || !info.IsDir() {
			files = append(files, arg)
			continue
		}
		inside, err := definitions([]string{arg})
		if err != nil {
			return nil, err
		}
		for _, name := range inside {
			if !strings.HasSuffix(name, ".test.hcl") {
				files, found[name] = append(files, name), true
			}
		}
	}
	r := &reading{}
	home := common(files)
	loaded := map[string]diag.List{}
	optional := map[string]bool{}
	included := map[string]bool{}
	for _, file := range files {
		s, diags, err := parse(file, home)
		if err != nil {
			return nil, err
		}
		if _, again := loaded[s.full()]; again {
			optional[s.full()] = optional[s.full()] && found[file]
			continue
		}
		loaded[s.full()], optional[s.full()] = diags, found[file]
		r.sources = append(r.sources, s)
		for _, name := range s.cfg.Includes() {
			included[filepath.Join(s.root, filepath.FromSlash(name))] = true
		}
	}
	r.sources = slices.DeleteFunc(r.sources, func(s *source) bool {
		return optional[s.full()] && (included[s.full()] || noService(s.cfg, loaded[s.full()]))
	})
	if len(r.sources) == 0 {
		return nil, fmt.Errorf("no *.hcl file in %s declares a service", strings.Join(args, ", "))
	}
	var configs []*lang.Config
	for _, s := range r.sources {
		configs = append(configs, s.cfg)
		r.diags = append(r.diags, loaded[s.full()]...)
	}
	linked, diags := lang.Link(configs)
	r.diags = once(append(r.diags, diags...))
	for _, l := range linked {
		s := *r.sources[l.Config]
		s.service = l.Service
		r.services = append(r.services, &s)
	}
	return r, nil
}

// noService tells that nothing is wrong with a file but that it declares no
// service.
func noService(cfg *lang.Config, diags diag.List) bool {
	return len(cfg.Services()) == 0 && !slices.ContainsFunc(diags, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && d.Code != "E0411"
	})
}

// once leaves out what was said already: definitions include the same files.
func once(list diag.List) diag.List {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		key := fmt.Sprint(d.Code, d.Subject, d.Summary, d.Detail, d.Hosts, d.Envs)
		again := seen[key]
		seen[key] = true
		return again
	})
}

// files are the texts of all definitions. A path that means two files in two
// repositories is left out rather than shown wrongly.
func (r *reading) files() map[string][]byte {
	all := map[string][]byte{}
	for _, s := range r.sources {
		for name, text := range s.files() {
			if other, ok := all[name]; ok && !bytes.Equal(other, text) {
				text = nil
			}
			all[name] = text
		}
	}
	return all
}

// what names the definitions in a sentence.
func (r *reading) what() string {
	if len(r.sources) == 1 {
		return r.sources[0].typed
	}
	return count(len(r.sources), "definition")
}

// assigned are the values for the variables of s: without those that only
// another of the definitions declares.
func (r *reading) assigned(s *source, vars []lang.Assignment) []lang.Assignment {
	return slices.DeleteFunc(slices.Clone(vars), func(a lang.Assignment) bool {
		return !s.cfg.Declares(a.Name) && slices.ContainsFunc(r.sources, func(o *source) bool { return o.cfg.Declares(a.Name) })
	})
}

// hide keeps the sensitive values that the definitions and vars give out of
// every output from now on.
func (r *reading) hide(w *world, vars []lang.Assignment) {
	for _, s := range r.sources {
		w.secrets.hide(s.cfg.Secrets(r.assigned(s, vars)))
	}
}

// pick leaves the services that --service names, or all.
func (f *definitionFlags) pick(r *reading) error {
	if len(f.Service) == 0 {
		return nil
	}
	var known []string
	for _, s := range r.services {
		known = append(known, s.service)
	}
	for _, name := range f.Service {
		if slices.Contains(known, name) {
			continue
		}
		help := "there are " + strings.Join(known, ", ")
		if near := diag.Nearest(name, known); near != "" {
			help = "did you mean " + near + "?"
		}
		return exit(exitUsage, usageError{fmt.Errorf("there is no service %s", name), help})
	}
	r.services = slices.DeleteFunc(r.services, func(s *source) bool { return !slices.Contains(f.Service, s.service) })
	return nil
}

// read reads the definitions and chooses services, without evaluating any.
func (f *definitionFlags) read(w *world) (*reading, error) {
	r, err := read(f.Files)
	if err != nil {
		return nil, err
	}
	r.hide(w, nil)
	if r.diags.HasErrors() {
		return nil, w.refuseAll(r.diags, r)
	}
	w.diagnose(r.diags, r.files())
	if err := f.pick(r); err != nil {
		return nil, err
	}
	f.choose(w)
	vars, err := f.assignments(w)
	if err != nil {
		return nil, err
	}
	r.hide(w, vars)
	for _, s := range r.services {
		s.vars = r.assigned(s, vars)
		s.inventory = lister(s.base(), func() bool { return w.signal.Load() != nil })
	}
	return r, nil
}

// loadAll reads the definitions and evaluates their services for the
// environment, without a release, each behind those it comes after.
func (f *definitionFlags) loadAll(w *world) ([]*source, error) {
	r, err := f.read(w)
	if err != nil {
		return nil, err
	}
	var defs []*lang.Definition
	for _, s := range r.services {
		if s.def, err = f.evaluate(w, s, nil); err != nil {
			return nil, err
		}
		defs = append(defs, s.def)
	}
	if diags := lang.Overlaps(defs); diags.HasErrors() {
		return nil, w.refuseAll(diags, r)
	}
	return r.services, nil
}

// load is loadAll for a command that is about one service.
func (f *definitionFlags) load(w *world) (*source, error) {
	s, err := f.one(w)
	if err != nil {
		return nil, err
	}
	s.def, err = f.evaluate(w, s, nil)
	return s, err
}

// one reads the definition of a command that is about one service.
func (f *definitionFlags) one(w *world) (*source, error) {
	r, err := f.read(w)
	if err != nil {
		return nil, err
	}
	if len(r.services) > 1 {
		var known []string
		for _, s := range r.services {
			known = append(known, s.service)
		}
		return nil, exit(exitUsage, usageError{errors.New("which service? there are " + strings.Join(known, ", ")), "choose with --service " + known[0]})
	}
	return r.services[0], nil
}

// loadEnvironments is load for a command that looks at all environments where
// none is chosen. One that has errors of its own is left out, and said.
func (f *definitionFlags) loadEnvironments(w *world) ([]*source, error) {
	s, err := f.one(w)
	if err != nil {
		return nil, err
	}
	names := s.cfg.Environments()
	if f.Env != "" || len(names) == 1 {
		s.def, err = f.evaluate(w, s, nil)
		return []*source{s}, err
	}
	var all []*source
	var last diag.List
	for _, name := range names {
		def, diags := s.cfg.Evaluate(lang.Inputs{Env: name, Service: s.service, Vars: s.vars, Inventory: s.inventory})
		if diags.HasErrors() {
			last = diags
			fmt.Fprintf(w.stderr, "environment %s is left out: 'shipit validate %s' and the values that it needs say why\n", name, strings.Join(f.Files, " "))
			continue
		}
		one := *s
		one.def = def
		if len(all) > 0 && (one.spec() != all[0].spec()) {
			return nil, exit(exitUsage, usageError{errors.New("the environments have their releases from different places"), "choose with --env " + name})
		}
		all = append(all, &one)
	}
	if len(all) == 0 {
		return nil, w.refuse(last, s)
	}
	return all, nil
}

// spec is where releases are, which of the tags they are, and who signs them.
func (s *source) spec() [3]string {
	r := s.def.Service.Release
	signers := ""
	if r.Verify != nil {
		signers = r.Verify.Signers
	}
	return [3]string{r.Repo, r.Scheme, signers}
}

// typed is the definitions as they were typed, with the services.
func (f *definitionFlags) typed() string {
	text := strings.Join(f.Files, " ")
	for _, name := range f.Service {
		text += " --service " + name
	}
	return text
}

// common is the directory that holds all files, "" where there is one file
// or where it is the root of everything. It stands for a repository where
// there is none, so that each file has a path of its own.
func common(files []string) string {
	dir := ""
	for i, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return ""
		}
		here, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return ""
		}
		if i == 0 {
			dir = here
		}
		for dir != here && !strings.HasPrefix(here, strings.TrimSuffix(dir, "/")+"/") {
			dir = filepath.Dir(dir)
		}
	}
	if len(files) < 2 || dir == filepath.Dir(dir) {
		return ""
	}
	return dir
}
