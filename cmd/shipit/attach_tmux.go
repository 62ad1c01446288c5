package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"shipit/lang"
	"shipit/lang/diag"
)

// A tmux opens panes on a run: the run itself, its log, and what runs on the
// hosts. What they are is told to tmux on its standard input, because the URL
// of a Redis may hold a password and a command line is everybody's to read.
type tmux struct {
	w    *world
	path string // of the program
	self string // this program
	name string // of the session, or inside of tmux of the window
	dir  string // that the panes begin in
}

// inTmux shows a run in tmux.
func (c *attachCmd) inTmux(ctx context.Context, w *world, r *recorded) error {
	program, err := osexec.LookPath("tmux")
	if err != nil {
		return usageError{
			fmt.Errorf("there is no program tmux here"),
			"install the package tmux (apt-get, dnf, apk and brew all call it so), or leave --tmux out",
		}
	}
	t := &tmux{w: w, path: program, name: "shipit-" + r.id()}
	if t.self, err = os.Executable(); err == nil {
		t.dir, err = os.Getwd()
	}
	if err != nil {
		return fmt.Errorf("cannot open tmux: %w", err)
	}
	inside := w.getenv("TMUX") != ""
	if t.there(ctx, inside) {
		return t.goThere(ctx, inside)
	}
	begin := []string{"new-session", "-d", "-s", t.name, "-n", "run", "-x", "160", "-y", "45"}
	at := "=" + t.name + ":"
	if inside {
		begin = []string{"new-window", "-n", t.name}
		at = ":=" + t.name
	}
	script := t.pane(begin, "attach", r.id()) +
		t.line("set-option", "-w", "-t", at, "remain-on-exit", "on") + // else a report is gone with its run
		t.pane([]string{"split-window", "-h", "-l", "40%", "-t", at}, "logs", r.id(), "--follow") +
		t.pane([]string{"split-window", "-v", "-t", at}, t.status(r)...) +
		t.line("select-pane", "-t", at+".{left}")
	if out, err := t.run(ctx, script, "start-server", ";", "source-file", "-"); err != nil {
		return fmt.Errorf("cannot open tmux: %w: %s", err, diag.CleanLine(out))
	}
	return t.goThere(ctx, inside)
}

// status is the command of the pane that says what runs: the definition's
// status, where that is here, and else the runs.
func (t *tmux) status(r *recorded) []string {
	args := []string{"runs"}
	if root, err := r.root(); err == nil {
		b := &r.plan.Body
		args = []string{"status", filepath.Join(root, path.Base(b.Definition)), "--service", b.Service}
		if b.Env != lang.DefaultEnv {
			args = append(args, "--env", b.Env)
		}
	}
	return append([]string{"", "while clear; do \"$0\" \"$@\"; sleep 60; done"}, args...)
}

// pane is the line that opens a pane with a command of this program, or, where
// its first word is empty, with a shell's that gets the program and the rest.
func (t *tmux) pane(open []string, args ...string) string {
	open = append(open, "-c", t.dir)
	for _, e := range t.environ() {
		open = append(open, "-e", e)
	}
	if args[0] == "" {
		return t.line(append(append(open, "sh", "-c", args[1], t.self), args[2:]...)...)
	}
	return t.line(append(append(open, t.self), args...)...)
}

// environ is what the panes need of our environment: tmux has its own, from
// whenever it was started.
func (t *tmux) environ() []string {
	var env []string
	for _, e := range t.w.environ {
		name, _, _ := strings.Cut(e, "=")
		known := []string{"HOME", "PATH", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SSH_AUTH_SOCK", "NO_COLOR", "LANG", "LC_ALL", "LC_CTYPE"}
		wanted := slices.Contains(known, name) || strings.HasPrefix(name, "SHIPIT_") && name != "SHIPIT_STATE"
		if wanted && !strings.ContainsAny(e, "\n\x00") {
			env = append(env, e)
		}
	}
	if state := t.w.chosenState(); isURL(state) {
		env = append(env, "SHIPIT_STATE="+state)
	} else if state != "" {
		env = append(env, "SHIPIT_STATE="+t.w.expand(state))
	}
	return env
}

// line is a command of tmux with each word quoted.
func (t *tmux) line(words ...string) string {
	for i, word := range words {
		words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ") + "\n"
}

// there tells whether somebody has opened it before.
func (t *tmux) there(ctx context.Context, inside bool) bool {
	if !inside {
		_, err := t.run(ctx, "", "has-session", "-t", "="+t.name)
		return err == nil
	}
	names, err := t.run(ctx, "", "list-windows", "-F", "#{window_name}")
	return err == nil && slices.Contains(strings.Split(strings.TrimSpace(names), "\n"), t.name)
}

// goThere shows it, where there is a terminal, or says how to.
func (t *tmux) goThere(ctx context.Context, inside bool) error {
	switch {
	case inside:
		_, err := t.run(ctx, "", "select-window", "-t", ":="+t.name)
		return err
	case !t.w.interactive():
		fmt.Fprintf(t.w.stdout, "The session is open. Look at it with: tmux attach-session -t %s\n", t.name)
		return nil
	}
	cmd := osexec.Command(t.path, "attach-session", "-t", "="+t.name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot show the session of tmux: %w; it is open: tmux attach-session -t %s", err, t.name)
	}
	return nil
}

// run is a command of tmux, with what it is to read.
func (t *tmux) run(ctx context.Context, script string, args ...string) (string, error) {
	cmd := osexec.CommandContext(ctx, t.path, args...)
	cmd.Env, cmd.Stdin = t.w.environ, strings.NewReader(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
