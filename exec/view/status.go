package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"shipit/exec/plan"
	"shipit/lang"
	"shipit/lang/diag"
)

// A Status is what runs on every host of a service. docs/status.md describes
// its JSON.
type Status struct {
	Format  string       `json:"format"`
	Service string       `json:"service"`
	Env     string       `json:"environment"`
	Newest  string       `json:"newest,omitempty"` // tag of the newest release; "" where nobody knows
	Mixed   bool         `json:"mixed"`            // the hosts that answered run different releases
	Drift   bool         `json:"drift"`            // some host is not as a run that ended well leaves it
	Hosts   []HostStatus `json:"hosts"`
}

// A HostStatus is what runs on one host.
type HostStatus struct {
	Name     string         `json:"name"`
	Release  string         `json:"release"` // tag, or the id where the host knows no tag; "" where nothing runs or nobody knows
	ID       string         `json:"id,omitempty"`
	Commit   string         `json:"commit,omitempty"`
	Behind   int            `json:"behind,omitempty"` // how many releases are newer
	Mark     string         `json:"mark,omitempty"`   // "good", "bad", "" where it never ran to an end
	Since    int64          `json:"since,omitempty"`  // when it was activated, by the host's clock
	By       string         `json:"by,omitempty"`
	Run      string         `json:"run,omitempty"`
	Findings []plan.Finding `json:"findings"`
	Help     string         `json:"help,omitempty"` // why it cannot be reached, and what to check
}

// StatusOf puts together what the hosts said when they were asked about
// drift. tags are the releases, newest first, as far as they are known; starts
// are the units that a restart of each host's service replaces.
func StatusOf(def *lang.Definition, facts plan.Facts, tags []string, starts func(host string) []string) Status {
	st := Status{Format: "1.0", Service: def.Service.Name, Env: def.Env.Name, Hosts: []HostStatus{}}
	if len(tags) > 0 {
		st.Newest = tags[0]
	}
	for _, h := range facts.Hosts {
		hs := HostStatus{Name: h.Name, Findings: []plan.Finding{}, Help: h.Help}
		if h.Unreachable == "" && h.Odd == "" && h.Live != "" {
			r := h.Named(h.Live)
			hs.ID, hs.Release, hs.Commit, hs.Mark = r.ID, r.Name(), r.Commit, h.Mark(h.Live)
			hs.Behind = max(slices.Index(tags, r.Tag), 0)
			if rec, ok := h.Last(h.Live, "live", "good"); ok {
				hs.Since, hs.By, hs.Run = rec.Time, rec.By, rec.Run
			}
			if rec, ok := h.Last(h.Live, "live"); ok {
				hs.Since = rec.Time
			}
		}
		hs.Findings = append(hs.Findings, h.Findings(starts(h.Name))...)
		st.Drift = st.Drift || slices.ContainsFunc(hs.Findings, func(f plan.Finding) bool { return !f.Note })
		st.Hosts = append(st.Hosts, hs)
	}
	st.Mixed = len(releasesOf(st)) > 1
	return st
}

// releasesOf are the releases that run, and "" where a host that answered
// runs none.
func releasesOf(st Status) []string {
	var all []string
	for _, h := range st.Hosts {
		if !h.found(plan.Away) && !h.found(plan.Odd) && !slices.Contains(all, h.ID) {
			all = append(all, h.ID)
		}
	}
	return all
}

func (h HostStatus) found(kind plan.Drift) bool {
	return slices.ContainsFunc(h.Findings, func(f plan.Finding) bool { return f.Kind == kind })
}

// PrintStatus prints the hosts that say the same together, and then what
// there is to know about some of them. next is what to type about a
// finding, in lines that are not broken.
func PrintStatus(w io.Writer, st Status, next func(plan.Finding) []string, now time.Time, s Style) {
	title := st.Service
	if st.Env != lang.DefaultEnv {
		title += "  " + st.Env
	}
	fmt.Fprintf(w, "%s\n\n", s.paint(bold, diag.CleanLine(title)))
	groups := grouped(st.Hosts)
	rows := [][]string{{"HOSTS", "RELEASE", "COMMIT", "SINCE", "BY", "STATE"}}
	for _, g := range groups {
		rows = append(rows, g.row(now))
	}
	paint := func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col < len(rows[0])-1 || cell == nothingYet:
			return cell
		case strings.HasPrefix(cell, "good") && !strings.Contains(cell, "drift"):
			return s.paint(green, cell)
		}
		return s.paint(red, cell)
	}
	if s.Width > 0 && broad(rows) > s.Width {
		stacked(w, rows, s, paint)
	} else {
		table(w, rows, paint)
	}
	findings(w, st, next, s)
	if st.Mixed || len(behind(st)) > 0 {
		fmt.Fprintln(w)
	}
	if st.Mixed {
		fmt.Fprintln(w, s.paint(yellow, mixedLine(st)))
	}
	for _, line := range behind(st) {
		fmt.Fprintln(w, line)
	}
}

// behind says of each release that runs and is not the newest how many are
// newer.
func behind(st Status) []string {
	var lines []string
	for _, h := range st.Hosts {
		line := fmt.Sprintf("%s is %s behind %s.", diag.CleanLine(h.Release), plural(h.Behind, "release"), diag.CleanLine(st.Newest))
		if h.Behind > 0 && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// mixedLine counts what runs on the hosts that answered.
func mixedLine(st Status) string {
	all := releasesOf(st)
	n := len(slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id == "" }))
	if n == len(all) {
		return plural(n, "release") + ": the hosts are mixed."
	}
	return plural(n, "release") + ", and hosts that run none: the hosts are mixed."
}

// broad is the width of a table.
func broad(rows [][]string) int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(diag.CleanLine(cell)))
		}
	}
	sum := 2 * (len(widths) - 1)
	for _, n := range widths {
		sum += n
	}
	return sum
}

// stacked prints the rows of a table that is broader than the terminal: what
// runs on a line, the hosts on those below.
func stacked(w io.Writer, rows [][]string, s Style, paint func(row, col int, cell string) string) {
	for r, row := range rows[1:] {
		var words []string
		for c, cell := range row[1:] {
			if cell = diag.CleanLine(cell); cell != "" {
				words = append(words, paint(r+1, c+1, cell))
			}
		}
		fmt.Fprintln(w, strings.Join(words, "  "))
		for _, line := range wrap(diag.CleanLine(row[0]), s.width()-4) {
			fmt.Fprintln(w, "    "+s.paint(bold, line))
		}
	}
}

// findings prints what there is to know beside the table, drift first; what
// many hosts say is said once.
func findings(w io.Writer, st Status, next func(plan.Finding) []string, s Style) {
	type said struct {
		plan.Finding
		help  []string
		hosts []string
	}
	var list []*said
	at := map[string]*said{}
	for _, h := range st.Hosts {
		for _, f := range h.Findings {
			help := next(f)
			if f.Kind == plan.Away && h.Help != "" {
				help = wrap(diag.CleanLine(h.Help), s.width()-4)
			}
			key := fmt.Sprintf("%s\x00%s\x00%q", f.Kind, f.Text, help)
			if at[key] == nil {
				at[key] = &said{Finding: f, help: help}
				list = append(list, at[key])
			}
			at[key].hosts = append(at[key].hosts, h.Name)
		}
	}
	slices.SortStableFunc(list, func(a, b *said) int {
		switch {
		case a.Note == b.Note:
			return 0
		case a.Note:
			return 1
		}
		return -1
	})
	for i, f := range list {
		if i == 0 {
			fmt.Fprintln(w)
		}
		mark := s.paint(red, "!")
		if f.Note {
			mark = " "
		}
		for n, line := range wrap(fewNames(f.hosts)+": "+diag.CleanLine(f.Text), s.width()-4) {
			if n > 0 {
				mark = "   "
			}
			fmt.Fprintln(w, mark+" "+line)
		}
		if i+1 < len(list) && slices.Equal(f.help, list[i+1].help) && slices.Equal(f.hosts, list[i+1].hosts) {
			continue // it is said below the next one
		}
		for _, line := range f.help {
			fmt.Fprintln(w, "    "+s.paint(dim, diag.CleanLine(line)))
		}
	}
}

// A statusGroup is hosts that say the same. Since is the newest.
type statusGroup struct {
	HostStatus
	names  []string
	oldest int64
}

// grouped puts the hosts that say the same together, in the order of the
// first of each.
func grouped(hosts []HostStatus) []*statusGroup {
	var groups []*statusGroup
	at := map[string]*statusGroup{}
	for _, h := range hosts {
		same := h
		same.Name, same.Since, same.Run, same.Findings, same.Help = "", 0, "", nil, ""
		key, err := json.Marshal(same)
		if err != nil {
			panic("internal error: " + err.Error())
		}
		k := string(key) + state(h)
		if at[k] == nil {
			at[k] = &statusGroup{HostStatus: h, oldest: h.Since}
			groups = append(groups, at[k])
		}
		at[k].names = append(at[k].names, h.Name)
		at[k].Since, at[k].oldest = max(at[k].Since, h.Since), min(at[k].oldest, h.Since)
	}
	return groups
}

// row is the group's row in the table.
func (g *statusGroup) row(now time.Time) []string {
	since, release := "", g.Release
	if g.Since > 0 {
		since = age(now.Sub(time.Unix(g.Since, 0)))
		if first := age(now.Sub(time.Unix(g.oldest, 0))); g.oldest > 0 && first != since {
			since += " to " + first
		}
		since += " ago"
	}
	switch {
	case g.found(plan.Away), g.found(plan.Odd):
		release = "?"
	case release == "":
		release = "(none)"
	}
	return []string{fewNames(g.names), release, short(g.Commit), since, cut(g.By, 24), state(g.HostStatus)}
}

const nothingYet = "nothing deployed yet"

// state is the host in a few words; the sentences stand below the table.
func state(h HostStatus) string {
	var parts []string
	switch {
	case h.found(plan.Away):
		return "unreachable"
	case h.found(plan.Odd):
		parts = append(parts, "odd")
	case h.Release == "":
		parts = append(parts, nothingYet)
	case h.Mark != "":
		parts = append(parts, h.Mark)
	case h.found(plan.Strange):
		parts = append(parts, "unknown release")
	default:
		parts = append(parts, "not checked to the end")
	}
	drift := 0
	for _, f := range h.Findings {
		switch {
		case f.Kind == plan.Locked:
			parts = append(parts, "locked")
		case !f.Note && f.Kind != plan.Odd && f.Kind != plan.Strange:
			drift++
		}
	}
	if drift > 0 {
		parts = append(parts, "drift")
	}
	return strings.Join(parts, ", ")
}

// hostNames folds names to ranges and counts them.
func hostNames(names []string) string {
	text := lang.Fold(names)
	if len(names) > 1 {
		text += fmt.Sprintf(" (%d)", len(names))
	}
	return text
}

// fewNames is hostNames where it is short enough to be read, and its beginning
// where it is not.
func fewNames(names []string) string {
	const most = 240
	text := lang.Fold(names)
	if len(text) <= most {
		return hostNames(names)
	}
	return text[:strings.LastIndexByte(text[:most], ',')+1] + fmt.Sprintf("… (%d; --json names all)", len(names))
}

// cut is at most n characters of what text says.
func cut(text string, n int) string {
	if r := []rune(diag.CleanLine(text)); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
