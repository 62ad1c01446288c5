package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/lang/diag"
)

// A Log prints all that is recorded of a run, an event a line: its number, its
// time, its host, and what it says. It is an event.Sink.
type Log struct {
	w       io.Writer
	s       Style
	printed map[string]bool // hosts whose step printed lines, by host and step
}

// NewLog prints to w.
func NewLog(w io.Writer, s Style) *Log { return &Log{w: w, s: s, printed: map[string]bool{}} }

// Append prints e.
func (l *Log) Append(e event.Event) error {
	s := l.s
	host := diag.CleanLine(e.Host)
	text := diag.CleanLine(e.Text)
	source := e.Host + " " + e.Step
	mark := " "
	if e.Type == event.Output {
		mark = s.paint(dim, "|")
		l.printed[source] = true
	} else if host != "" {
		text = Alone(text, host)
	}
	switch event.LevelOf(e) {
	case event.Error:
		mark = s.paint(red, "!")
	case event.Warn:
		mark = s.paint(yellow, "?")
	case event.Debug:
		text = s.paint(dim, text)
	}
	if host != "" {
		host = s.paint(bold, host) + " "
	}
	if e.Type == event.StepStarted || e.Type == event.StepDone {
		text += map[event.Type]string{event.StepStarted: " …", event.StepDone: ": ok"}[e.Type]
	}
	stamp := s.paint(dim, fmt.Sprintf("%6d %s", e.Seq, e.Time.UTC().Format(time.TimeOnly)))
	_, err := fmt.Fprintln(l.w, strings.TrimRight(fmt.Sprintf("%s %s%s %s%s", stamp, host, mark, text, at(e)), " "))
	if e.Type == event.StepFailed && l.printed[source] {
		return err // its lines stand above
	}
	for _, d := range e.Detail {
		if err == nil && e.Type != event.HostFailed { // which repeats what its step said
			_, err = fmt.Fprintf(l.w, "%s %s| %s\n", strings.Repeat(" ", 15), host, diag.CleanLine(d))
		}
	}
	return err
}
