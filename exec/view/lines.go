package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/lang/diag"
)

// Lines prints a run as it happens, one line per change of state: for
// terminals, logs and screen readers alike. It is an event.Sink.
type Lines struct {
	Style   Style
	Verbose bool // also every step
	Asking  bool // somebody asks the run's questions here, so that they are not printed

	w       io.Writer
	mu      sync.Mutex // events come from the run, Heartbeat from a ticker
	started map[string]begun
	told    map[string]bool // hosts whose failed step was printed
	logged  map[string]int  // lines of hosts' own logs that look like errors, since the gate was opened
	last    time.Time       // of the last line
	err     error
}

// begun is what a host is at, and since when.
type begun struct {
	what  string
	since time.Time
}

// mostLogged is how many lines that look like errors are shown of a host's own
// log while its batch soaks.
const mostLogged = 5

// NewLines prints to w.
func NewLines(w io.Writer, s Style) *Lines {
	return &Lines{Style: s, w: w, started: map[string]begun{}, told: map[string]bool{}, logged: map[string]int{}}
}

// Plain has lines printed without colours from here on: into a file, and no
// longer on a terminal.
func (l *Lines) Plain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Style.Color = false
}

// Append prints e. An error of the writer (a closed pipe) is remembered and
// not repeated: losing the reader does not end a run.
func (l *Lines) Append(e event.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Type {
	case event.GateOpened:
		clear(l.logged)
	case event.HostStarted:
		l.started[e.Host] = begun{string(e.Phase), e.Time}
	case event.StepStarted:
		b, ok := l.started[e.Host]
		if !ok { // the step of a hook of the run, which is no phase of the host
			b.since = e.Time
		}
		l.started[e.Host] = begun{e.Step, b.since}
	}
	if e.Type == event.StepFailed {
		l.told[e.Host] = true
	}
	if line, ok := l.line(e); ok {
		l.print(e.Time, line)
		for _, d := range e.Detail {
			l.print(time.Time{}, "    | "+diag.CleanLine(d))
		}
	}
	switch e.Type {
	case event.HostDone, event.HostFailed, event.HookDone, event.HookFailed:
		delete(l.started, e.Host)
		delete(l.told, e.Host)
	}
	return l.err
}

// line is what to print of e; ok is false where a reader needs nothing.
func (l *Lines) line(e event.Event) (line string, ok bool) {
	s := l.Style
	host, text := "", diag.CleanLine(e.Text)
	if name := diag.CleanLine(e.Host); name != "" {
		host, text = s.paint(bold, name)+"  ", Alone(text, name)
	}
	switch e.Type {
	case event.HostStarted, event.StepStarted, event.HookStarted:
		return host + s.paint(dim, text), l.Verbose
	case event.StepDone:
		return host + s.paint(dim, text+": ok"), l.Verbose
	case event.HostDone, event.HookDone, event.GatePassed:
		return host + s.paint(green, "ok") + "  " + text + l.took(e), true
	case event.StepFailed:
		if e.Answer == event.NotKnown {
			return host + s.paint(yellow, "unknown") + "  " + strings.Replace(text, ": unknown: ", ": ", 1) + at(e), true
		}
		return host + s.paint(red, "failed") + "  " + text + at(e), true
	case event.HostFailed:
		return host + s.paint(red, "failed") + "  " + text + l.took(e), !l.told[e.Host]
	case event.HookFailed, event.GateRefused, event.LockLost:
		return host + s.paint(red, "failed") + "  " + text + at(e), true
	case event.BatchStarted:
		return s.paint(bold, text), true
	case event.BatchDone:
		return s.paint(dim, text), l.Verbose
	case event.RollingBack, event.Halted, event.Aborted:
		return s.paint(yellow, text), true
	case event.Output:
		if e.Step == event.LogStep && event.LevelOf(e) == event.Error {
			l.logged[e.Host]++
			if n := l.logged[e.Host]; n <= mostLogged {
				return host + s.paint(yellow, "log") + "  " + text, true
			} else if n == mostLogged+1 && !l.Verbose {
				return host + s.paint(yellow, "log") + "  … and more: shipit logs " + e.Run + " " + e.Host + " step=" + event.LogStep, true
			}
		}
		return host + s.paint(dim, "| ") + text, l.Verbose
	case event.RunFinished:
		return "", false // the report says it
	case event.Asked:
		return text, !l.Asking
	}
	return host + text, text != ""
}

// Alone is a sentence about a host without the host's name in front, which
// the line begins with already.
func Alone(text, host string) string {
	rest, ok := strings.CutPrefix(text, host)
	if !ok || rest == "" || !strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, ":") {
		return text
	}
	return strings.TrimLeft(rest, ": ")
}

func at(e event.Event) string {
	if e.At == "" {
		return ""
	}
	return " (" + diag.CleanLine(e.At) + ")"
}

func (l *Lines) took(e event.Event) string {
	b, ok := l.started[e.Host]
	if !ok || e.Host == "" || e.Time.Before(b.since) {
		return ""
	}
	return l.Style.paint(dim, " ("+Took(e.Time.Sub(b.since))+")")
}

func (l *Lines) print(t time.Time, line string) {
	stamp := "        "
	if !t.IsZero() {
		stamp = t.UTC().Format("15:04:05")
		l.last = t
	}
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, "%s %s\n", l.Style.paint(dim, stamp), line)
	}
}

// silence is how long nothing is printed before a heartbeat is.
const silence = 30 * time.Second

// Heartbeat says what is being waited for, if nothing was printed for a while.
// Its caller rings every few seconds.
func (l *Lines) Heartbeat(now time.Time, what func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last.IsZero() {
		l.last = now
	}
	if now.Sub(l.last) < silence {
		return
	}
	l.print(now, l.Style.paint(dim, diag.CleanLine(what())))
}
