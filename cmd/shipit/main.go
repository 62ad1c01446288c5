// Command shipit deploys services to machines over SSH: it plans a true diff
// of what would change on every host, and applies exactly that.
//
// This package is the grammar of the command line, the wiring of the other
// packages, and the exit codes; what shipit does is in lang and exec.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"shipit/lang/diag"
)

// version is set when a release is built.
var version = "dev"

func main() { os.Exit(run(os.Args[1:], newWorld())) }

// cli is the grammar. Each command is one file with its own Run.
type cli struct {
	Plan     planCmd     `cmd:"" help:"Show exactly what would change on every host."`
	Apply    applyCmd    `cmd:"" help:"Do what a plan says, in batches, checked, abortable."`
	Rollback rollbackCmd `cmd:"" help:"Take the hosts back to their last good release."`
	Status   statusCmd   `cmd:"" help:"Show what runs on every host."`
	Releases releasesCmd `cmd:"" help:"List the releases, newest first, and where each one runs."`
	Tag      tagCmd      `cmd:"" help:"Create and push the next tag of the scheme."`
	Show     showCmd     `cmd:"" help:"Show a saved plan."`
	Validate validateCmd `cmd:"" help:"Check definitions, offline, for every host of every environment."`
	Fmt      fmtCmd      `cmd:"" help:"Rewrite definitions in the canonical form."`
	Lab      labCmd      `cmd:"" help:"Run a few hosts on this machine to try a definition."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
	Help     helpCmd     `cmd:"" help:"Show help for a command or a topic (exit-codes)."`

	Color string `enum:"auto,always,never" default:"auto" help:"When to use colour: ${enum}. NO_COLOR and CLICOLOR_FORCE are honoured."`
}

// run parses args, runs the command and returns the exit code.
func run(args []string, w *world) (code int) {
	var c cli
	type exited int
	parser, err := kong.New(&c,
		kong.Name("shipit"),
		kong.Description("Deploy services to machines over SSH: plan a true diff of every host, apply exactly that.\n\nRun 'shipit COMMAND --help' for examples. Exit codes: 'shipit help exit-codes'."),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.UsageOnError(),
	)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	defer func() { // --help ends parsing through kong.Exit
		if r := recover(); r != nil {
			e, ok := r.(exited)
			if !ok {
				panic(r)
			}
			code = int(e)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(w.stderr, "shipit: %v\n", err)
		if flag, ok := singleDash(args); ok {
			fmt.Fprintf(w.stderr, "Flags have two dashes here: did you mean -%s?\n", flag)
		} else {
			fmt.Fprintln(w.stderr, "Run 'shipit --help' for the commands, 'shipit COMMAND --help' for examples.")
		}
		return exitUsage
	}
	w.color = c.Color
	ctx.Bind(w, parser)
	return w.report(ctx.Run())
}

// singleDash finds a flag in the style of terraform, -out=FILE: kong reads it
// as the short flags -o -u -t.
func singleDash(args []string) (flag string, ok bool) {
	for _, a := range args {
		if a == "--" {
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && !strings.ContainsAny(a[1:2], "0123456789") {
			name, _, _ := strings.Cut(a, "=")
			if len(name) > 3 {
				return name, true
			}
		}
	}
	return "", false
}

// report prints an error and gives its exit code.
func (w *world) report(err error) int {
	if err == nil {
		return exitOK
	}
	var e *exitError
	if errors.As(err, &e) {
		if e.err != nil {
			w.complain(e.err)
		}
		return e.code
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w.stderr, "shipit: interrupted; nothing was changed.")
		return exitInterrupted
	}
	w.complain(err)
	return exitFailed
}

func (w *world) complain(err error) {
	_, _ = io.WriteString(w.stderr, "shipit: "+diag.Clean(err.Error())+"\n")
	var h interface{ Help() string }
	if errors.As(err, &h) && h.Help() != "" {
		fmt.Fprintf(w.stderr, "help: %s\n", h.Help())
	}
}
