package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"shipit/lang"
	"shipit/lang/diag"
)

// Locks are who holds the lock of a service on its hosts.
type Locks struct {
	Service string     `json:"service"`
	Env     string     `json:"environment"`
	Hosts   []HostLock `json:"hosts"`
}

// A HostLock is who holds a service's lock on one host.
type HostLock struct {
	Name    string   `json:"name"`
	State   string   `json:"state"`           // free, run, hold, expired, unreachable
	Run     string   `json:"run,omitempty"`   // or the hold's id
	By      string   `json:"by,omitempty"`    // user@machine
	Since   int64    `json:"since,omitempty"` // by the host's clock, as Until
	Until   int64    `json:"until,omitempty"` // of a hold
	Reason  string   `json:"reason,omitempty"`
	Global  bool     `json:"global,omitempty"` // the whole host is locked
	Queue   []InLine `json:"queue,omitempty"`  // in the order of their turn
	Problem string   `json:"problem,omitempty"`
}

// An InLine is a run that waits.
type InLine struct {
	Run    string `json:"run"`
	By     string `json:"by"`
	Since  int64  `json:"since"`
	Reason string `json:"reason,omitempty"`
}

// The states of a HostLock.
const (
	LockFree        = "free"
	LockRun         = "run"
	LockHold        = "hold"
	LockExpired     = "expired"
	LockUnreachable = "unreachable"
)

// PrintLocks prints one line per group of hosts that say the same, and who
// waits there.
func PrintLocks(w io.Writer, l Locks, now time.Time, s Style) {
	l.title(w, s)
	rows := [][]string{{"HOSTS", "LOCK", "BY", "SINCE", "UNTIL", "WAITING", "WHY"}}
	for _, g := range l.groups() {
		h := g.HostLock
		row := []string{hostNames(g.names), lockState(h), h.By, "", "", "", h.Reason + h.Problem}
		if h.Since > 0 {
			row[3] = age(now.Sub(time.Unix(h.Since, 0))) + " ago"
		}
		if h.Until > 0 {
			row[4] = utc(h.Until)
		}
		if len(h.Queue) > 0 {
			row[5] = fmt.Sprint(len(h.Queue))
		}
		rows = append(rows, row)
	}
	table(w, rows, func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col == 1 && cell != LockFree:
			return s.paint(yellow, cell)
		}
		return cell
	})
}

// ExplainLocks says in sentences who holds what, why, and who is next.
func ExplainLocks(w io.Writer, l Locks, now time.Time, s Style) {
	l.title(w, s)
	for i, g := range l.groups() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		h := g.HostLock
		line := func(format string, args ...any) {
			fmt.Fprintf(w, "  %s\n", diag.CleanLine(fmt.Sprintf(format, args...)))
		}
		fmt.Fprintf(w, "%s  %s\n", s.paint(bold, hostNames(g.names)), diag.CleanLine(lockState(h)))
		if h.By != "" {
			line("by      %s, since %s (%s ago)", h.By, utc(h.Since), age(now.Sub(time.Unix(h.Since, 0))))
		}
		if h.Until > 0 {
			line("until   %s (in %s)", utc(h.Until), age(time.Unix(h.Until, 0).Sub(now)))
		}
		if h.Reason != "" {
			line("why     %s", h.Reason)
		}
		if h.Problem != "" {
			line("%s", h.Problem)
		}
		if h.State == LockExpired {
			line("its process is gone; the next run takes the lock")
		}
		for i, t := range h.Queue {
			line("next %d  %s, run %s, waits since %s%s", i+1, t.By, t.Run, utc(t.Since), because(t.Reason))
		}
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func (l Locks) title(w io.Writer, s Style) {
	title := l.Service
	if l.Env != lang.DefaultEnv {
		title += "  " + l.Env
	}
	fmt.Fprintf(w, "%s\n\n", s.paint(bold, diag.CleanLine(title)))
}

func lockState(h HostLock) string {
	text := h.State
	switch h.State {
	case LockRun:
		text = "run " + h.Run
	case LockHold:
		text = "held by hand"
	case LockExpired:
		text = "run out, of " + h.Run
	}
	if h.Global {
		text += ", the whole host"
	}
	return text
}

// utc is a moment, absolute.
func utc(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04:05 UTC") }

// A lockGroup is hosts that say the same, within a minute.
type lockGroup struct {
	HostLock
	names []string
}

// groups puts the hosts that say the same together, in the order of the first
// of each. What differs by seconds is the same.
func (l Locks) groups() []lockGroup {
	var groups []lockGroup
	for _, h := range l.Hosts {
		i := slices.IndexFunc(groups, func(g lockGroup) bool { return sameLock(g.HostLock, h) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, lockGroup{HostLock: h})
		}
		groups[i].names = append(groups[i].names, h.Name)
	}
	return groups
}

func sameLock(a, b HostLock) bool {
	near := func(a, b int64) bool { return max(a, b)-min(a, b) < 60 }
	return a.State == b.State && a.Run == b.Run && a.By == b.By && a.Reason == b.Reason && a.Global == b.Global && a.Problem == b.Problem &&
		near(a.Since, b.Since) && near(a.Until, b.Until) &&
		slices.EqualFunc(a.Queue, b.Queue, func(a, b InLine) bool { return a.Run == b.Run })
}

// Held are the hosts that somebody holds, folded.
func (l Locks) Held() string {
	var names []string
	for _, h := range l.Hosts {
		if h.State == LockRun || h.State == LockHold {
			names = append(names, h.Name)
		}
	}
	return strings.TrimSpace(lang.Fold(names))
}
