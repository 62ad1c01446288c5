package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"shipit/exec/plan"
	"shipit/lang"
	"shipit/lang/diag"
)

// A Checkup is what stands in the way of a deployment. docs/doctor.md
// describes its JSON.
type Checkup struct {
	Format  string        `json:"format"`
	Service string        `json:"service"`
	Env     string        `json:"environment"`
	Stops   bool          `json:"stops"` // something would stop a deployment
	Here    HereCheckup   `json:"here"`
	Hosts   []HostCheckup `json:"hosts"`
}

// A HereCheckup is about the machine that deploys.
type HereCheckup struct {
	Facts    []HereFact     `json:"facts"`
	Ailments []plan.Ailment `json:"ailments"`
}

// A HereFact is something that is well there.
type HereFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A HostCheckup is about one host.
type HostCheckup struct {
	Name     string         `json:"name"`
	Ailments []plan.Ailment `json:"ailments"`
	*plan.Health
	DialMS  int64 `json:"login_ms"`
	WaitMS  int64 `json:"answer_ms"`
	SkewMS  int64 `json:"clock_ms"`       // how far its clock is before ours
	ErrorMS int64 `json:"clock_error_ms"` // at most so much less or more
}

// NewHostCheckup puts together what is known of a host; health is nil where it
// was not reached.
func NewHostCheckup(name string, ailments []plan.Ailment, health *plan.Health) HostCheckup {
	h := HostCheckup{Name: name, Ailments: append([]plan.Ailment{}, ailments...), Health: health}
	if health != nil {
		h.DialMS, h.WaitMS = health.Dial.Milliseconds(), health.Answer.Milliseconds()
		h.SkewMS, h.ErrorMS = health.Skew.Milliseconds(), health.Error.Milliseconds()
	}
	return h
}

// Worst is the worst level of ailments, "" where there is none.
func Worst(list []plan.Ailment) plan.Level {
	var worst plan.Level
	for _, a := range list {
		if worst == "" || a.Level.Rank() < worst.Rank() {
			worst = a.Level
		}
	}
	return worst
}

// PrintHere prints the title, and what is to say about this machine.
func PrintHere(w io.Writer, c Checkup, s Style) {
	title := c.Service
	if c.Env != lang.DefaultEnv {
		title += "  " + c.Env
	}
	fmt.Fprintf(w, "%s\n\n%s\n", s.paint(bold, diag.CleanLine(title)), s.paint(dim, "This machine"))
	var list []*ailing
	for _, a := range c.Here.Ailments {
		list = append(list, &ailing{Ailment: a})
	}
	printAilments(w, list, s)
	var rows [][]string
	for _, f := range c.Here.Facts {
		rows = append(rows, []string{"  " + f.Name, f.Value})
	}
	table(w, rows, func(_, _ int, cell string) string { return cell })
}

// PrintHosts prints what is to say about the hosts: what many say once, the
// worst first, and then what they are.
func PrintHosts(w io.Writer, c Checkup, s Style) {
	fmt.Fprintf(w, "\n%s\n", s.paint(dim, "Hosts"))
	printAilments(w, ailings(c.Hosts), s)
	counts := map[plan.Level]int{}
	for _, h := range c.Hosts {
		counts[Worst(h.Ailments)]++
	}
	ok := counts[""] + counts[plan.Notes]
	line := fmt.Sprintf("%s: %d ok", plural(len(c.Hosts), "host"), ok)
	if ok == len(c.Hosts) {
		line = fmt.Sprintf("%s: ok", plural(ok, "host"))
	}
	if n := counts[plan.Warns]; n > 0 {
		line += fmt.Sprintf(", %d with warnings", n)
	}
	if n := counts[plan.Stops]; n > 0 {
		line += fmt.Sprintf(", %d not ready for a deployment", n)
	}
	fmt.Fprintln(w, "  "+line)
	if rows := traits(c.Hosts); len(rows) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(dim, "What they are"))
		table(w, rows, func(_, col int, cell string) string {
			if col == 2 {
				return s.paint(dim, cell)
			}
			return cell
		})
	}
}

// An ailing is an ailment with the hosts that have it.
type ailing struct {
	plan.Ailment
	hosts []string
}

// ailings are those of all hosts, each once, the worst first.
func ailings(hosts []HostCheckup) []*ailing {
	var list []*ailing
	at := map[string]*ailing{}
	for _, h := range hosts {
		for _, a := range h.Ailments {
			key := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%q", a.Kind, a.Level, a.Text, a.Help, a.Type)
			if at[key] == nil {
				at[key] = &ailing{Ailment: a}
				list = append(list, at[key])
			}
			at[key].hosts = append(at[key].hosts, h.Name)
		}
	}
	slices.SortStableFunc(list, func(a, b *ailing) int { return a.Level.Rank() - b.Level.Rank() })
	return list
}

func printAilments(w io.Writer, list []*ailing, s Style) {
	marks := map[plan.Level]string{plan.Stops: "!", plan.Warns: "~", plan.Notes: " "}
	for _, a := range list {
		text := diag.CleanLine(a.Text)
		if len(a.hosts) > 0 {
			text = fewNames(a.hosts) + ": " + text
		}
		mark := s.mark(marks[a.Level])
		for n, line := range wrap(text, s.width()-4) {
			if n > 0 {
				mark = "   "
			}
			fmt.Fprintln(w, mark+" "+line)
		}
		if a.Help != "" { // not broken: it may hold what is to be typed
			fmt.Fprintln(w, "    "+s.paint(dim, diag.CleanLine(a.Help)))
		}
		for _, line := range a.Type {
			fmt.Fprintln(w, "    "+diag.CleanLine(line))
		}
	}
}

// traits are what the hosts are like, those that are alike together.
func traits(hosts []HostCheckup) [][]string {
	var reached []HostCheckup
	programs := map[string]bool{}
	for _, h := range hosts {
		if h.Health != nil {
			reached = append(reached, h)
			for name := range h.Versions {
				programs[name] = true
			}
		}
	}
	if len(reached) == 0 {
		return nil
	}
	var rows [][]string
	trait := func(name string, of func(h *plan.Health) string) {
		var order []string
		who := map[string][]string{}
		for _, h := range reached {
			v := of(h.Health)
			if v == "" {
				continue
			}
			if who[v] == nil {
				order = append(order, v)
			}
			who[v] = append(who[v], h.Name)
		}
		for i, v := range order {
			label := "  " + name
			if i > 0 {
				label = ""
			}
			names := fewNames(who[v])
			if len(who[v]) == len(reached) {
				names = "" // all that answered
			}
			rows = append(rows, []string{label, v, names})
		}
	}
	trait("system", func(h *plan.Health) string { return h.System })
	trait("kernel", func(h *plan.Health) string { return h.Kernel })
	trait("login", func(h *plan.Health) string { return h.Login })
	trait("with key", func(h *plan.Health) string { return h.Key })
	trait("login shell", func(h *plan.Health) string { return h.Shell })
	trait("/bin/sh", func(h *plan.Health) string { return h.Sh })
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		trait(name, func(h *plan.Health) string { return h.Versions[name] })
	}
	return append(rows, spans(reached)...)
}

// spans are what is another number on each host: the least and the most.
func spans(hosts []HostCheckup) [][]string {
	var login, answer, clock, disk []int64
	var within int64
	for _, h := range hosts {
		login, answer = append(login, h.DialMS), append(answer, h.WaitMS)
		clock, within = append(clock, h.SkewMS), max(within, h.ErrorMS)
		if h.Used >= 0 {
			disk = append(disk, int64(h.Used))
		}
	}
	ms := func(n int64) string { return (time.Duration(n) * time.Millisecond).String() }
	var rows [][]string
	for _, r := range []struct {
		name   string
		values []int64
		show   func(int64) string
	}{
		{"login took", login, ms},
		{"answer took", answer, ms},
		{"clock before ours", clock, ms},
		{"disk used", disk, func(n int64) string { return fmt.Sprint(n, " %") }},
	} {
		if len(r.values) == 0 {
			continue
		}
		text := r.show(slices.Min(r.values))
		if most := r.show(slices.Max(r.values)); most != text {
			text = strings.Join([]string{text, most}, " to ")
		}
		if r.name == "clock before ours" {
			text += ", ± " + ms(within)
		}
		rows = append(rows, []string{"  " + r.name, text, ""})
	}
	return rows
}
