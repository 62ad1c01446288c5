package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"shipit/exec/plan"
	"shipit/lang"
	"shipit/lang/diag"
)

// A Status is what runs on every host of a service.
type Status struct {
	Format  string       `json:"format"`
	Service string       `json:"service"`
	Env     string       `json:"environment"`
	Hosts   []HostStatus `json:"hosts"`
}

// A HostStatus is what runs on one host.
type HostStatus struct {
	Name     string `json:"name"`
	Release  string `json:"release"` // tag, or the id where the host knows no tag; "" where nothing runs
	Commit   string `json:"commit,omitempty"`
	Mark     string `json:"mark,omitempty"` // "good", "bad", "" where it never ran to an end
	Since    int64  `json:"since,omitempty"`
	By       string `json:"by,omitempty"`
	Run      string `json:"run,omitempty"`
	Problem  string `json:"problem,omitempty"` // unreachable, or what is odd
	Help     string `json:"help,omitempty"`    // what to do about it
	LockedBy string `json:"locked_by,omitempty"`
	LockRun  string `json:"lock_run,omitempty"`
}

// StatusOf puts together what the hosts said.
func StatusOf(def *lang.Definition, facts plan.Facts) Status {
	st := Status{Format: "1.0", Service: def.Service.Name, Env: def.Env.Name, Hosts: []HostStatus{}}
	for _, h := range facts.Hosts {
		hs := HostStatus{Name: h.Name, Problem: h.Odd}
		switch {
		case h.Unreachable != "":
			hs.Problem, hs.Help = "unreachable: "+h.Unreachable, h.Help
		case h.Live != "":
			r := h.Named(h.Live)
			hs.Release, hs.Commit, hs.Mark = r.Tag, r.Commit, h.Mark(h.Live)
			if r.Tag == "" {
				hs.Release = h.Live
				hs.Problem = "this release was not deployed by shipit"
			}
			if rec, ok := h.Last(h.Live, "live", "good"); ok {
				hs.Since, hs.By, hs.Run = rec.Time, rec.By, rec.Run
			}
		}
		if h.Lock != nil && h.Lock.Alive {
			hs.LockedBy, hs.LockRun = h.Lock.Owner, h.Lock.Run
		}
		st.Hosts = append(st.Hosts, hs)
	}
	return st
}

// PrintStatus prints one line per group of hosts that say the same.
func PrintStatus(w io.Writer, st Status, now time.Time, s Style) {
	title := st.Service
	if st.Env != lang.DefaultEnv {
		title += "  " + st.Env
	}
	fmt.Fprintf(w, "%s\n\n", s.paint(bold, diag.CleanLine(title)))
	rows := [][]string{{"HOSTS", "RELEASE", "SINCE", "BY", "STATE"}}
	for _, g := range grouped(st.Hosts) {
		since := ""
		if g.Since > 0 {
			since = age(now.Sub(time.Unix(g.Since, 0))) + " ago"
		}
		rows = append(rows, []string{hostNames(g.names), orNone(g.Release), since, g.By, state(g.HostStatus)})
	}
	table(w, rows, func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col == 4 && cell == "good":
			return s.paint(green, cell)
		case col == 4 && cell != nothingYet:
			return s.paint(red, cell)
		}
		return cell
	})
	for _, g := range grouped(st.Hosts) {
		if g.Help != "" {
			fmt.Fprintf(w, "\n%s: %s\n", hostNames(g.names), diag.CleanLine(g.Help))
		}
	}
	if n := len(releasesOf(st)); n > 1 {
		fmt.Fprintf(w, "\n%s: the hosts are mixed.\n", s.paint(yellow, plural(n, "release")))
	}
}

// A statusGroup is hosts that say the same. Since is the newest.
type statusGroup struct {
	HostStatus
	names []string
}

// grouped puts the hosts that say the same together, in the order of the
// first of each.
func grouped(hosts []HostStatus) []statusGroup {
	var groups []statusGroup
	at := map[HostStatus]int{}
	for _, h := range hosts {
		key := h
		key.Name, key.Since, key.Run = "", 0, ""
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, statusGroup{HostStatus: h})
		}
		groups[i].names = append(groups[i].names, h.Name)
		groups[i].Since = max(groups[i].Since, h.Since)
	}
	return groups
}

const nothingYet = "nothing deployed yet"

func state(h HostStatus) string {
	var parts []string
	if h.Mark != "" {
		parts = append(parts, h.Mark)
	} else if h.Release != "" && h.Problem == "" {
		parts = append(parts, "not checked to the end")
	}
	if h.Release == "" && h.Problem == "" {
		parts = append(parts, nothingYet)
	}
	if h.Problem != "" {
		parts = append(parts, h.Problem)
	}
	if h.LockedBy != "" {
		parts = append(parts, fmt.Sprintf("locked by %s, run %s", h.LockedBy, h.LockRun))
	}
	return strings.Join(parts, "; ")
}

func releasesOf(st Status) []string {
	var all []string
	for _, h := range st.Hosts {
		if h.Release != "" && !slices.Contains(all, h.Release) {
			all = append(all, h.Release)
		}
	}
	return all
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// hostNames folds names to ranges and counts them.
func hostNames(names []string) string {
	text := lang.Fold(names)
	if len(names) > 1 {
		text += fmt.Sprintf(" (%d)", len(names))
	}
	return text
}
