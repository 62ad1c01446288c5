// Command shipit deploys services to machines over SSH: it plans a true diff
// of what would change on every host, and applies exactly that.
//
// This package is the grammar of the command line, the wiring of the other
// packages, and the exit codes; what shipit does is in lang and exec.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// version is set when a release is built.
var version = "dev"

func main() {
	collectRarely()
	os.Exit(run(os.Args[1:], newWorld()))
}

// cli is the grammar. Each command is one file with its own Run.
type cli struct {
	Plan     planCmd     `cmd:"" group:"deploy" help:"Show exactly what would change on every host."`
	Apply    applyCmd    `cmd:"" group:"deploy" help:"Do what a plan says, in batches, checked, abortable."`
	Rollback rollbackCmd `cmd:"" group:"deploy" help:"Take the hosts back to their last good release."`
	Resume   resumeCmd   `cmd:"" group:"steer" help:"Go on with a run that was interrupted."`
	Attach   attachCmd   `cmd:"" group:"steer" help:"Watch a run that is under way, from anywhere."`
	Pause    pauseCmd    `cmd:"" group:"steer" help:"Start no new host in a run that is under way."`
	Continue continueCmd `cmd:"" group:"steer" help:"Go on with a run that is paused."`
	Confirm  confirmCmd  `cmd:"" group:"steer" help:"Answer the question of a run that is under way."`
	Retry    retryCmd    `cmd:"" group:"steer" help:"Try a host again that failed in a run that is under way."`
	Skip     skipCmd     `cmd:"" group:"steer" help:"Leave a host out of a run that is under way."`
	Abort    abortCmd    `cmd:"" group:"steer" help:"Stop a run that is under way."`
	Runs     runsCmd     `cmd:"" group:"look" aliases:"history" help:"List the runs that are recorded, newest first."`
	Replay   replayCmd   `cmd:"" group:"look" help:"Play a recorded run again, on the screen that it had or in lines."`
	Serve    serveCmd    `cmd:"" group:"look" help:"Show runs in a browser, steer them and start new ones."`
	Journal  journalCmd  `cmd:"" group:"look" help:"Check what is recorded of a run."`
	Status   statusCmd   `cmd:"" group:"look" help:"Show what runs on every host."`
	Hosts    hostsCmd    `cmd:"" group:"look" help:"List the hosts, and how each one is reached."`
	Doctor   doctorCmd   `cmd:"" group:"look" help:"Check whether this machine and the hosts are ready for a deployment."`
	Exec     execCmd     `cmd:"" group:"look" help:"Run a command on the hosts."`
	Logs     logsCmd     `cmd:"" group:"look" help:"Show all that is recorded of a run, or the log of a service from its hosts."`
	Lock     lockCmd     `cmd:"" group:"steer" help:"List, show, hold and release the locks on the hosts."`
	Sudoers  sudoersCmd  `cmd:"" group:"write" help:"Print the lines of sudoers that the hosts need."`
	Releases releasesCmd `cmd:"" group:"look" help:"List the releases, newest first, and where each one runs."`
	Diff     diffCmd     `cmd:"" group:"look" help:"Show the commits and files between two releases."`
	Tag      tagCmd      `cmd:"" group:"write" help:"Create and push the next tag of the scheme."`
	Show     showCmd     `cmd:"" group:"deploy" help:"Show a saved plan."`
	Validate validateCmd `cmd:"" group:"write" help:"Check definitions, offline, for every host of every environment."`
	Test     testCmd     `cmd:"" group:"write" help:"Play the scenarios beside definitions on a simulated fleet."`
	Console  consoleCmd  `cmd:"" group:"write" help:"Evaluate expressions among the names of a definition."`
	Fmt      fmtCmd      `cmd:"" group:"write" help:"Rewrite definitions in the canonical form."`
	Schema   schemaCmd   `cmd:"" group:"write" help:"List the blocks and arguments of the language; as JSON for programs."`
	Explain  explainCmd  `cmd:"" group:"look" help:"Explain a code, a block, an argument or a function; or a run, from its journal."`
	Lab      labCmd      `cmd:"" group:"other" help:"Run a few hosts on this machine to try a definition."`
	Version  versionCmd  `cmd:"" group:"other" help:"Print the version."`
	Help     helpCmd     `cmd:"" group:"other" help:"Show help for a command or a topic (exit-codes)."`

	Completion completionCmd `cmd:"" group:"other" help:"Print a completion script for bash, zsh or fish."`
	Complete   completeCmd   `cmd:"" name:"__complete" hidden:""`
	Detached   detachedCmd   `cmd:"" name:"__detached" hidden:""`
	Guard      guardCmd      `cmd:"" name:"__terminal" hidden:""`

	State string `placeholder:"DIR|URL|FILE" help:"Where runs are recorded: a directory, the URL of a Redis, or a definition whose state block says it; over SHIPIT_STATE and the definition's state block."`
	Color string `enum:"auto,always,never" default:"auto" help:"When to use colour: ${enum}. NO_COLOR and CLICOLOR_FORCE are honoured."`
}

// groups are the commands by what one is about, in the order of --help.
var groups = []kong.Group{
	{Key: "deploy", Title: "Deploy:"},
	{Key: "steer", Title: "Runs and locks:"},
	{Key: "look", Title: "Look:"},
	{Key: "write", Title: "Definitions and releases:"},
	{Key: "other", Title: "This program:"},
}

// run parses args, runs the command and returns the exit code.
func run(args []string, w *world) (code int) {
	defer w.redact()()
	w.look(args)
	var c cli
	type exited int
	parser, err := kong.New(&c,
		kong.Name("shipit"),
		kong.Description("Deploy services to machines over SSH: plan a true diff of every host, apply exactly that.\n\nExit codes: 'shipit help exit-codes'. Without servers: 'shipit lab up'."),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups(groups),
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
	if flag, ok := singleDash(parser.Model.Node, args); ok {
		return w.report(exit(exitUsage, usageError{
			fmt.Errorf("there is no flag -%s", flag),
			fmt.Sprintf("flags have two dashes here: did you mean --%s?", flag),
		}))
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return w.report(exit(exitUsage, usageError{err, "'shipit --help' lists the commands, 'shipit COMMAND --help' shows examples"}))
	}
	w.color, w.state = c.Color, c.State
	ctx.Bind(w, parser)
	err = ctx.Run()
	w.background.Wait()
	return w.report(err)
}

// A usageError is one that something else on the command line avoids.
type usageError struct {
	error
	help string
}

// Help says what to type instead.
func (e usageError) Help() string { return e.help }

// singleDash finds a flag in the style of terraform, -out=FILE, which kong
// would read as the short flag -o with the value ut=FILE.
func singleDash(commands *kong.Node, args []string) (flag string, ok bool) {
	long := map[string]bool{}
	_ = kong.Visit(commands, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			long[f.Name] = true
		}
		return next(nil)
	})
	for _, a := range args {
		if a == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		if strings.HasPrefix(a, "-") && len(name) > 1 && long[name] {
			return name, true
		}
	}
	return "", false
}
