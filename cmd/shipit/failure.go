package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"shipit/exec/event"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// jsonOutput is what standard output owes to a program that reads it: with
// --json every outcome is JSON there, the refusals too.
type jsonOutput struct {
	wanted  bool
	started bool // the first line of a stream of events, the version, is out
	stream  *view.Stream
}

// look finds out of the arguments what the outcome needs, even if they cannot
// be parsed: that is an outcome, too.
func (w *world) look(args []string) {
	command := ""
	for i, a := range args {
		switch {
		case a == "--":
			return
		case a == "--json", a == "--format=json", a == "--format" && i+1 < len(args) && args[i+1] == "json":
			w.json.wanted = true
		case command == "" && !strings.HasPrefix(a, "-"):
			command = a
		}
		w.applies = command == "apply" || command == "rollback" || command == "resume"
	}
}

// A failure is an error as programs read it, one line on standard output.
type failure struct {
	Type        string    `json:"type"` // "error"
	ExitCode    int       `json:"exit_code"`
	Message     string    `json:"message"`
	Help        string    `json:"help,omitempty"`
	Details     []string  `json:"details,omitempty"` // of a refused or stale plan: its reasons
	Diagnostics diag.List `json:"diagnostics,omitempty"`
}

// report prints an error, once, and gives its exit code.
func (w *world) report(err error) int {
	defer w.closeInto()
	if err == nil {
		return exitOK
	}
	e := &exitError{code: exitFailed, err: err}
	if !errors.As(err, &e) && w.signal.Load() != nil {
		// Whatever was under way says in its own words that it was stopped.
		e = &exitError{code: w.interruptCode(), err: errors.New("interrupted; nothing was changed")}
		if w.applies {
			e.code = exitDeclined
		}
	}
	if e.err != nil && !e.told {
		w.complain(e.err)
	}
	if (w.json.wanted || w.into != nil) && (e.err != nil || len(e.diags) > 0) {
		w.failure(e)
	}
	return e.code
}

func (w *world) complain(err error) {
	_, _ = io.WriteString(w.stderr, "shipit: "+diag.Clean(err.Error())+"\n")
	if help := helpOf(err); help != "" {
		fmt.Fprintf(w.stderr, "help: %s\n", help)
	}
}

// failure writes the error for programs.
func (w *world) failure(e *exitError) {
	f := failure{Type: "error", ExitCode: e.code, Help: helpOf(e.err), Details: e.details, Diagnostics: e.diags}
	if e.err != nil {
		f.Message = diag.Clean(e.err.Error())
	} else {
		f.Message = "the definition has mistakes"
	}
	write := func(to io.Writer) {
		enc := json.NewEncoder(to)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(f) // who closed standard output wants no more of it
	}
	if w.into != nil {
		write(w.into.lines)
	}
	if !w.json.wanted {
		return
	}
	if w.applies && !w.json.started {
		_, _ = w.stdout.Write(event.Header(version))
	}
	write(w.stdout)
}

// helpOf is what an error advises to do.
func helpOf(err error) string {
	var h interface{ Help() string }
	if errors.As(err, &h) {
		return diag.Clean(h.Help())
	}
	return ""
}

// eventStream begins the stream of events on standard output, or goes on with
// it: several runs of a command share it.
func (w *world) eventStream() (*view.Stream, error) {
	if w.json.stream != nil {
		return w.json.stream, nil
	}
	w.json.started = true
	var err error
	w.json.stream, err = view.NewStream(w.stdout, version)
	return w.json.stream, err
}
