package main

import (
	"fmt"
	"io"

	"shipit/exec/event"
	"shipit/lang/diag"
)

// The exit codes are stable: scripts and CI branch on them. The table is
// printed by `shipit help exit-codes` and stands in the README; a test
// compares them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitChanges     = 2
	exitDifferences = 3
	exitRolledBack  = 4
	exitMixed       = 5
	exitDeclined    = 6
	exitLocked      = 7
	exitStale       = 8
	exitUsage       = 80
	exitInterrupted = 130
	exitTerminated  = 143
)

var exitCodes = []struct {
	code int
	text string
}{
	{exitOK, "success, or nothing to do"},
	{exitFailed, "error before anything changed (definition, ssh, policy)"},
	{exitChanges, "with --detailed-exitcode: plan has changes, status found drift"},
	{exitDifferences, "fmt --check: there are differences; test: a scenario failed"},
	{exitRolledBack, "apply failed, everything touched is rolled back"},
	{exitMixed, "apply failed, hosts are mixed, a human is needed"},
	{exitDeclined, "declined or aborted before any change"},
	{exitLocked, "the lock is held by someone else"},
	{exitStale, "the plan is stale: something moved since it was made"},
	{exitUsage, "usage: the command line cannot be understood"},
	{exitInterrupted, "interrupted (Ctrl-C); the journal says what was done"},
	{exitTerminated, "terminated (SIGTERM); the journal says what was done"},
}

func printExitCodes(w io.Writer) {
	for _, c := range exitCodes {
		fmt.Fprintf(w, "%4d  %s\n", c.code, c.text)
	}
}

// An exitError ends the command with a code. A nil err without diags has been
// told already, to people and to programs.
type exitError struct {
	code    int
	err     error
	told    bool      // people have read it, programs have not
	details []string  // for programs: the reasons one by one
	diags   diag.List // of the definition; people have read them
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func exit(code int, err error) error { return &exitError{code: code, err: err} }

// exitOf is the exit code of an outcome: what runs, not what was tried.
func (w *world) exitOf(o event.Outcome, touched bool) int {
	switch o {
	case event.Done, event.Nothing:
		return exitOK
	case event.RolledBack:
		return exitRolledBack
	case event.Mixed:
		return exitMixed
	case event.Abort:
		if touched {
			return w.interruptCode()
		}
		return exitDeclined
	}
	return exitFailed
}
