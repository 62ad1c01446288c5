package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"shipit/exec/release"
	"shipit/exec/tag"
	"shipit/lang"
	"shipit/lang/diag"
)

// definitionFlags choose definitions and their values.
type definitionFlags struct {
	Files []string `arg:"" name:"file" help:"Definitions like restbase.hcl, or directories of them."`
	valueFlags
}

// valueFlags choose among what definitions say.
type valueFlags struct {
	Service []string `sep:"none" placeholder:"NAME" help:"Only this service of several; may be repeated."`
	Env     string   `short:"e" placeholder:"NAME" help:"The environment; else the one that SHIPIT_ENV names. May be left out where the definition has one."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Set a variable; over everything else."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"Set variables from a file of NAME = VALUE lines; over SHIPIT_VAR_*."`
}

// A source is a loaded definition with where it lives, or one service of it.
type source struct {
	cfg     *lang.Config
	root    string // of the repository, or the definition's directory
	path    string // below root, slash-separated
	typed   string // as the command line names it
	service string
	broken  bool            // it cannot be evaluated
	beside  *lang.Scenarios // of validate: the scenario file beside it, nil if there is none
	vars    []lang.Assignment
	def     *lang.Definition // of the chosen environment, release unknown
	// inventory runs the commands that list hosts; nil where none may run.
	inventory func(argv []string) ([]byte, error)
}

// parse reads the files of a definition. Where no repository holds it, home
// does, or its own directory.
func parse(file, home string) (*source, diag.List, error) {
	root, rel, err := rootOf(file, home)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open %s: %w", root, err)
	}
	cfg, diags := lang.Load(dir.FS(), rel, languageOptions())
	return &source{cfg: cfg, root: root, path: rel, typed: file, broken: diags.HasErrors()}, diags, nil
}

// choose takes the environment from SHIPIT_ENV where the command line names
// none, and never silently.
func (f *definitionFlags) choose(w *world) {
	if name := w.getenv("SHIPIT_ENV"); f.Env == "" && name != "" {
		f.Env = name
		fmt.Fprintf(w.stderr, "environment %s (from SHIPIT_ENV)\n", diag.CleanLine(name))
	}
}

// languageOptions are what the language asks other packages about.
func languageOptions() lang.Options {
	return lang.Options{
		Version: version, Linked: true,
		Scheme: func(s string) error {
			_, err := tag.ParseScheme(s)
			return err
		},
		Signers: func(text []byte) error {
			_, err := release.ParseSigners("", text)
			return err
		},
	}
}

func (s *source) files() map[string][]byte {
	if s.cfg == nil {
		return nil
	}
	texts := s.cfg.Files()
	if s.beside != nil {
		maps.Copy(texts, s.beside.Files())
	}
	return texts
}

// refuse prints diagnostics and ends the command.
func (w *world) refuse(diags diag.List, s *source) error {
	return w.refuseAll(diags, &reading{sources: []*source{s}})
}

func (w *world) refuseAll(diags diag.List, r *reading) error {
	w.diagnose(diags, r.files())
	where := r.what()
	if len(r.sources) == 1 {
		where = r.sources[0].path // as the messages name it
	}
	n, warnings := diags.Sorted().Count()
	text := count(n, "error")
	if warnings > 0 {
		text += ", " + count(warnings, "warning")
	}
	fmt.Fprintf(w.stderr, "\n%s in %s.\n", text, where)
	return &exitError{code: exitFailed, diags: diags.Sorted()}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// evaluate resolves the definition for the environment; rel is nil while the
// release is not chosen.
func (f *definitionFlags) evaluate(w *world, s *source, rel *lang.Release) (*lang.Definition, error) {
	def, diags := s.cfg.Evaluate(lang.Inputs{Env: f.Env, Service: s.service, Vars: s.vars, Release: rel, Inventory: s.inventory})
	if diags.HasErrors() {
		return nil, w.refuse(diags, s)
	}
	if rel != nil { // the same warnings were printed with the release unknown
		diags = nil
	}
	w.diagnose(diags, s.files())
	return def, nil
}

// assignments are the values of variables, weakest first.
func (f *definitionFlags) assignments(w *world) ([]lang.Assignment, error) {
	var out []lang.Assignment
	for _, kv := range w.environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			if v, ok := strings.CutPrefix(name, "SHIPIT_VAR_"); ok && v != "" {
				out = append(out, lang.Assignment{Name: v, Value: value, From: name, Lenient: true})
			}
		}
	}
	for _, file := range f.VarFile {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the variables in %s: %w", file, err)
		}
		vars, diags := lang.ParseVarFile(src, file)
		if diags.HasErrors() {
			w.diagnose(diags, nil) // the lines hold secrets
			return nil, &exitError{code: exitFailed, diags: diags.Sorted()}
		}
		out = append(out, vars...)
	}
	for _, kv := range f.Var {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || strings.TrimSpace(name) != name || name == "" {
			return nil, exit(exitUsage, fmt.Errorf("--var %q is not NAME=VALUE, without blanks around the =", kv))
		}
		out = append(out, lang.Assignment{Name: name, Value: value, From: "--var"})
	}
	return out, nil
}

// rootOf finds the repository that holds a definition; includes and files
// stay inside of it. Without a repository it is home, or the definition's
// directory where that is "".
func rootOf(file, home string) (root, rel string, err error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", "", fmt.Errorf("cannot find %s: %w", file, err)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", "", fmt.Errorf("there is no definition %s; 'shipit lab up' writes one to try", file)
	case err != nil:
		return "", "", fmt.Errorf("cannot read the definition: %w", err)
	case info.IsDir():
		return "", "", fmt.Errorf("%s is a directory; name the definition in it, like %s", file, filepath.Join(file, "restbase.hcl"))
	}
	// A link is followed within the repository that holds it and no further:
	// in a stranger's branch it could lead to any file of this machine.
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", "", fmt.Errorf("cannot read the definition: %w", err)
	}
	inside := filepath.Dir(abs)
	root, ok := repository(inside)
	if !ok {
		if inside, err = filepath.EvalSymlinks(inside); err != nil {
			return "", "", fmt.Errorf("cannot read the definition: %w", err)
		}
		if root, ok = repository(inside); !ok {
			root = cmp.Or(home, inside)
		}
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", "", fmt.Errorf("cannot read the definition: %w", err)
	}
	rel, err = filepath.Rel(root, target)
	if err != nil || !filepath.IsLocal(rel) {
		return "", "", fmt.Errorf("%s is a link that leads out of %s; name the file that it leads to", file, root)
	}
	return root, filepath.ToSlash(rel), nil
}

// repository finds the repository that holds a directory. A directory that is
// a link is no repository: the one in which the link stands decides.
func repository(dir string) (root string, ok bool) {
	for ; ; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, ".git"))
		if info, problem := os.Lstat(dir); err == nil && problem == nil && info.IsDir() {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// full is where the definition is on this machine.
func (s *source) full() string { return filepath.Join(s.root, filepath.FromSlash(s.path)) }

// base is the directory of the definition: what its relative paths start at.
func (s *source) base() string { return filepath.Join(s.root, filepath.FromSlash(path.Dir(s.path))) }

// openRepo opens the service's repository.
func openRepo(ctx context.Context, w *world, base, repo string) (*release.Repo, error) {
	return release.Open(ctx, repoPath(base, repo), w.cacheDir())
}

// releases opens the repository of the service's releases, with their scheme.
func (s *source) releases(ctx context.Context, w *world) (*release.Repo, tag.Scheme, error) {
	spec := s.def.Service.Release
	scheme, err := tag.ParseScheme(spec.Scheme)
	if err != nil {
		return nil, scheme, fmt.Errorf("%s: %w", spec.Range, err)
	}
	repo, err := openRepo(ctx, w, s.base(), spec.Repo)
	return repo, scheme, err
}

// signers are who may sign the service's tags; nil where no signature is asked
// for.
func (s *source) signers() (*release.Signers, error) {
	v := s.def.Service.Release.Verify
	if v == nil {
		return nil, nil
	}
	signers, err := release.ParseSigners(v.Signers, v.Text)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", v.Range, v.Signers, err)
	}
	return &signers, nil
}

// trusted sees that the release's tag is signed by whom the definition names,
// and returns whom; "" where it asks for no signature.
func (s *source) trusted(ctx context.Context, repo *release.Repo, rel release.Release) (by string, err error) {
	signers, err := s.signers()
	if err != nil || signers == nil {
		return "", err
	}
	if by, err = repo.Verify(ctx, rel, *signers); err != nil {
		return "", fmt.Errorf("%w (%s asks for a signature)", err, s.def.Service.Release.Verify.Range)
	}
	return by, nil
}

// repoPath is where a repository is: a URL as it is, a path from base.
func repoPath(base, repo string) string {
	if strings.Contains(repo, "://") || isSCP(repo) || filepath.IsAbs(repo) {
		return repo
	}
	return filepath.Join(base, filepath.FromSlash(repo))
}

// isSCP tells git's host:path form from a path, as git does: a colon before
// the first slash.
func isSCP(repo string) bool {
	host, _, ok := strings.Cut(repo, ":")
	return ok && !strings.Contains(host, "/")
}
