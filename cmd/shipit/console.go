package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"shipit/exec/tag"
	"shipit/lang"
	"shipit/lang/diag"
)

type consoleCmd struct {
	File    string   `arg:"" help:"The definition, like restbase.hcl."`
	Env     string   `short:"e" placeholder:"NAME" help:"The environment; else the one that SHIPIT_ENV names."`
	Service string   `placeholder:"NAME" help:"The service of several."`
	Host    string   `placeholder:"HOST" help:"The machine that host stands for."`
	Release string   `short:"r" placeholder:"TAG" help:"The release that release stands for; unknown if left out."`
	Vars    bool     `help:"Print the variables with their values and where those come from."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Set a variable; over everything else."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"Set variables from a file of NAME = VALUE lines; over SHIPIT_VAR_*."`

	Timeout time.Duration `default:"10s" help:"Give up on what takes longer than this."`
}

func (c *consoleCmd) Help() string {
	return "Evaluates expressions of the language, one a line, and touches neither network nor hosts. What nobody gave is (unknown), what is sensitive says so. From a pipe, it exits with 1 if an expression has no value.\n\n" + examples(
		"shipit console restbase.hcl -e production --host restbase1001.eqiad.wmnet",
		"shipit console restbase.hcl -e production --vars",
		"echo 'service.hosts[*].name' | shipit console restbase.hcl -e beta")
}

const consoleHelp = `Type an expression: var.NAME, local.NAME, hosts.NAME, env, service, release, and host with --host.
  :vars    the variables, their values and where those come from
  :help    this
  :quit    leave, as ctrl-D does
`

func (c *consoleCmd) Run(w *world) error {
	s, console, err := c.open(w)
	if err != nil {
		return err
	}
	if c.Vars {
		return printVariables(w.stdout, console)
	}
	t := &session{w: w, s: s, console: console, dog: ordinary.within(c.Timeout)}
	if w.inTTY && w.outTTY {
		return t.terminal()
	}
	return t.pipe()
}

// open reads the definition and makes the console.
func (c *consoleCmd) open(w *world) (*source, *lang.Console, error) {
	flags := definitionFlags{valueFlags: valueFlags{Env: c.Env, Var: c.Var, VarFile: c.VarFile}}
	flags.choose(w)
	vars, err := flags.assignments(w)
	if err != nil {
		return nil, nil, err
	}
	var s *source
	var console *lang.Console
	var diags diag.List
	dog := ordinary.within(c.Timeout).guard(c.File, func() {
		if s, diags, err = parse(c.File, ""); err != nil || diags.HasErrors() {
			return
		}
		w.secrets.hide(s.cfg.Secrets(vars))
		in := lang.Inputs{Env: flags.Env, Service: c.Service, Vars: vars}
		console, diags = s.cfg.Console(in, c.Host)
		if c.Release == "" || console == nil {
			return
		}
		if in.Release, err = c.release(s, console.Release()); err == nil {
			console, diags = s.cfg.Console(in, c.Host)
		}
	})
	switch {
	case dog != nil:
		w.diagnose(diag.List{*dog}, nil)
		return nil, nil, &exitError{code: exitFailed, diags: diag.List{*dog}}
	case err != nil:
		return nil, nil, err
	case console == nil:
		return nil, nil, w.refuse(diags, s)
	}
	w.diagnose(diags, s.files())
	return s, console, nil
}

// release is what the tag says by its scheme, and its commit where the
// repository lies on this machine.
func (c *consoleCmd) release(s *source, spec lang.ReleaseSpec) (*lang.Release, error) {
	scheme, err := tag.ParseScheme(spec.Scheme)
	if err != nil {
		return nil, fmt.Errorf("cannot tell what release %s is: the scheme of the service's tags is not known", c.Release)
	}
	t, ok := scheme.Parse(c.Release)
	if !ok {
		return nil, fmt.Errorf("the tag %s is not of the scheme %s", c.Release, spec.Scheme)
	}
	r := &lang.Release{Tag: c.Release, Date: t.Date, N: t.N}
	if repo := spec.Repo; !strings.Contains(repo, "://") && !isSCP(repo) {
		if !filepath.IsAbs(repo) {
			repo = filepath.Join(s.base(), filepath.FromSlash(repo))
		}
		r.Commit = commitOf(repo, c.Release)
	}
	return r, nil
}

// printVariables prints the table of variables.
func printVariables(out io.Writer, console *lang.Console) error {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "NAME\tVALUE\tSOURCE")
	for _, v := range console.Variables() {
		value, from := "(not set)", cmp.Or(v.From, "-")
		switch {
		case v.Known && v.Sensitive:
			value = withheld
		case v.Known:
			value, _ = console.Eval("var." + v.Name)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Name, value, diag.CleanLine(from))
	}
	return t.Flush()
}

// A session is one use of a console.
type session struct {
	w       *world
	s       *source
	console *lang.Console
	dog     watchdog
	failed  bool
}

// line answers one line; false ends the session.
func (t *session) line(text string) (more bool, err error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || strings.HasPrefix(text, "#"):
		return true, nil
	case text == ":quit" || text == ":q":
		return false, nil
	case text == ":help" || text == ":h" || text == "?":
		_, err := io.WriteString(t.w.stdout, consoleHelp)
		return true, err
	case text == ":vars":
		return true, printVariables(t.w.stdout, t.console)
	case strings.HasPrefix(text, ":"):
		t.failed = true
		fmt.Fprintf(t.w.stderr, "There is no %s; :help lists what there is.\n", diag.CleanLine(text))
		return true, nil
	}
	var value string
	var diags diag.List
	if dog := t.dog.guard(lang.ConsoleFile, func() { value, diags = t.console.Eval(text) }); dog != nil {
		t.w.diagnose(diag.List{*dog}, nil)
		return false, exit(exitFailed, nil)
	}
	sources := t.s.files()
	sources[lang.ConsoleFile] = []byte(text)
	t.w.diagnose(diags, sources)
	if diags.HasErrors() {
		t.failed = true
		return true, nil
	}
	_, err = fmt.Fprintln(t.w.stdout, value)
	return true, err
}

// pipe answers what it is given and tells by the exit code whether all of it
// had an answer.
func (t *session) pipe() error {
	in := bufio.NewScanner(t.w.stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		more, err := t.line(in.Text())
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("cannot read the expressions: %w", err)
	}
	if t.failed {
		return exit(exitFailed, nil)
	}
	return nil
}

// terminal talks to a person, with the keys that edit a line, its history and
// the names behind the tabulator key.
func (t *session) terminal() error {
	fd := int(os.Stdin.Fd())
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.w.stdin, t.w.stdout}, "> ")
	if t.w.width > 0 {
		_ = screen.SetSize(t.w.width, 24)
	}
	screen.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return complete(t.console.Names(), line, pos)
	}
	for {
		// Only while a line is typed: what is printed between is ordinary.
		state, err := term.MakeRaw(fd)
		if err != nil {
			return fmt.Errorf("cannot use the terminal: %w", err)
		}
		text, err := screen.ReadLine()
		_ = term.Restore(fd, state)
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(t.w.stdout)
			return nil
		case err != nil && !errors.Is(err, term.ErrPasteIndicator):
			return fmt.Errorf("cannot read the terminal: %w", err)
		}
		if more, err := t.line(text); err != nil || !more {
			return err
		}
	}
}

// complete continues the word before pos as far as it is certain.
func complete(names []string, line string, pos int) (string, int, bool) {
	start := strings.LastIndexFunc(line[:pos], func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) + 1
	word := line[start:pos]
	matching := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, word) })
	if word == "" || len(matching) == 0 {
		return "", 0, false
	}
	common := matching[0]
	for _, name := range matching {
		for !strings.HasPrefix(name, common) {
			common = common[:len(common)-1]
		}
	}
	return line[:start] + common + line[pos:], start + len(common), true
}
