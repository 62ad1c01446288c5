package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"shipit/exec/plan"
	"shipit/lang/diag"
)

// Plan prints a plan: what changes on which hosts, in which order, what a
// failure would do, and totals last.
func Plan(w io.Writer, p *plan.Plan, s Style) {
	v := planView{w: w, p: p, s: s, shown: map[string]string{}}
	v.head()
	v.logs()
	for i := range p.Body.Batches {
		v.batch(i)
	}
	v.rest()
	v.back()
	v.notes()
	v.totals()
}

type planView struct {
	w     io.Writer
	p     *plan.Plan
	s     Style
	shown map[string]string // what of a group was printed → its first host
}

func (v *planView) printf(format string, args ...any) { fmt.Fprintf(v.w, format, args...) }

func (v *planView) head() {
	b := v.p.Body
	title := b.Service
	if b.Env != "default" {
		title += "  " + b.Env
	}
	switch {
	case b.Kind == plan.Rollback && b.Request.To != "":
		title += "  rollback to " + b.Request.To
	case b.Kind == plan.Rollback:
		title += "  rollback to the last good release"
	default:
		title += "  " + b.Release.Tag
	}
	v.printf("%s", v.s.paint(bold, title))
	if b.Kind == plan.Deploy {
		v.printf("  (%s %s)", short(b.Release.Commit), diag.CleanLine(b.Release.Subject))
	}
	v.printf("\n")
}

// logs prints the commits that a deploy brings, by where hosts start.
func (v *planView) logs() {
	for _, l := range v.p.Body.Commits {
		from := l.FromTag
		if from == "" {
			from = l.From
		}
		switch {
		case l.Problem != "":
			v.printf("\n  after %s: %s\n", from, l.Problem)
			continue
		case l.Back:
			v.printf("\n  %s older than %s, which takes back:\n", v.s.paint(yellow, plural(l.Total, "commit")), from)
		default:
			v.printf("\n  %s after %s:\n", plural(l.Total, "commit"), from)
		}
		for _, c := range l.Commits {
			v.printf("    %s %s  %s\n", v.s.paint(yellow, short(c.ID)), diag.CleanLine(c.Subject), v.s.paint(dim, diag.CleanLine(c.Author)))
		}
		if n := l.Total - len(l.Commits); n > 0 {
			v.printf("    and %d more\n", n)
		}
	}
}

func (v *planView) batch(i int) {
	b := v.p.Body.Batches[i]
	n, largest := 0, 0
	for _, sl := range b.Slices {
		n += len(sl)
		largest = max(largest, len(sl))
	}
	about := []string{plural(n, "host")}
	if len(b.Slices) > 1 {
		about = append(about, fmt.Sprintf("%d at a time", largest))
	}
	if b.Soak > 0 {
		about = append(about, "soak "+b.Soak.String())
	}
	if b.Confirm {
		about = append(about, "then asks")
	}
	v.printf("\n  %s  %s\n", v.s.paint(bold, "batch "+b.Name), strings.Join(about, ", "))
	for _, g := range plan.Groups(v.p, i) {
		v.group(g)
	}
}

// group prints hosts with the same change, the change itself only once.
func (v *planView) group(g plan.Group) {
	h := v.p.Host(g.Hosts[0])
	line := fmt.Sprintf("%s %s", v.s.mark(string(h.Action)), v.s.paint(bold, hostNames(g.Hosts)))
	if first, ok := v.shown[g.Key]; ok {
		v.printf("%s   same change as %s\n", line, first)
		return
	}
	v.shown[g.Key] = g.Hosts[0]
	v.printf("%s\n", line)
	for _, c := range h.Changes {
		v.change(c)
	}
	if steps := sentence(h); steps != "" {
		v.printf("    %s\n", v.s.paint(dim, steps))
	}
}

func (v *planView) change(c plan.Change) {
	mark := string(c.Mark)
	if c.Kind == "release" {
		mark = " " // the host's own marker says it
	}
	v.printf("%s   %-8s %s", v.s.mark(mark), c.Kind, diag.CleanLine(c.Name))
	if c.Name != "" && c.Text != "" {
		v.printf("   ")
	}
	v.printf("%s\n", diag.CleanLine(c.Text))
	for line := range strings.Lines(diag.Clean(c.Diff)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "+"):
			line = v.s.paint(green, line)
		case strings.HasPrefix(line, "-"):
			line = v.s.paint(red, line)
		case strings.HasPrefix(line, "@@"):
			line = v.s.paint(cyan, line)
		}
		v.printf("%s\n", line)
	}
}

// sentence names the steps of a host's switch, in order.
func sentence(h *plan.Host) string {
	var parts []string
	for _, st := range slices.Concat(h.Stage, h.Switch, h.After) {
		if st.Op == plan.OpFile || st.Op == plan.OpRestore {
			continue // its diff stands above
		}
		parts = append(parts, st.Text)
	}
	return strings.Join(parts, ", ")
}

// rest lists the hosts that are in no batch: unchanged, unreachable, refused.
func (v *planView) rest() {
	var kept []string
	var odd []plan.Host
	for _, h := range v.p.Body.Hosts {
		switch h.Action {
		case plan.Keep:
			kept = append(kept, h.Name)
		case plan.Unreachable, plan.Refuse:
			odd = append(odd, h)
		}
	}
	if len(kept) > 0 || len(odd) > 0 {
		v.printf("\n")
	}
	if len(kept) > 0 {
		v.printf("= %s   nothing to do\n", hostNames(kept))
	}
	for _, h := range odd {
		v.printf("%s %s   %s\n", v.s.mark(string(h.Action)), v.s.paint(bold, h.Name), h.Problem)
	}
}

// back says what a failure would do.
func (v *planView) back() {
	if !v.p.Changes() {
		return
	}
	targets := map[string]int{}
	var order []string
	changing, none := 0, 0
	for _, h := range v.p.Body.Hosts {
		if h.Action != plan.Create && h.Action != plan.Update {
			continue
		}
		changing++
		if h.Back.ID == "" {
			none++
			continue
		}
		name := h.Back.Tag
		if name == "" {
			name = h.Back.ID
		}
		if targets[name] == 0 {
			order = append(order, name)
		}
		targets[name]++
	}
	var parts []string
	for _, name := range order {
		parts = append(parts, fmt.Sprintf("%s, present on %d of %s", name, targets[name], plural(changing, "host")))
	}
	if v.p.Body.Kind == plan.Rollback {
		v.printf("\nif a step fails: the run stops, and its hosts stay as they are; a rollback is not rolled back\n")
		return
	}
	if len(parts) == 0 {
		v.printf("\nif a step fails: the run stops; there is nothing to go back to on %s\n", plural(none, "host"))
		return
	}
	if none > 0 {
		parts = append(parts, fmt.Sprintf("nothing to go back to on %s", plural(none, "host")))
	}
	r := v.p.Body.Rollback
	if len(r.On) == 0 {
		v.printf("\nif a step fails: the run stops, nothing goes back by itself; before it: %s\n", strings.Join(parts, "; "))
		return
	}
	scope := map[string]string{"host": "the failed host goes", "batch": "its batch goes", "run": "everything touched goes"}[r.Scope]
	v.printf("\nif %s fails: %s back to %s\n", orList(r.On), scope, strings.Join(parts, "; "))
}

func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func (v *planView) notes() {
	for _, n := range v.p.Body.Notes {
		v.printf("note: %s\n", n)
	}
}

func (v *planView) totals() {
	count := map[plan.Action]int{}
	restarts, slices := 0, 0
	for _, h := range v.p.Body.Hosts {
		count[h.Action]++
		for _, st := range h.Switch {
			if st.Op == plan.OpRestart {
				restarts++
				break
			}
		}
	}
	for _, b := range v.p.Body.Batches {
		slices += len(b.Slices)
	}
	change := count[plan.Create] + count[plan.Update]
	v.printf("\n")
	problems := v.p.Problems()
	for _, problem := range problems {
		v.printf("%s %s\n", v.s.paint(red, "!"), problem)
	}
	if change == 0 && len(problems) == 0 {
		v.printf("%s %s runs on %s as defined.\n", v.s.paint(green, "No changes."), v.what(), plural(count[plan.Keep], "host"))
		return
	}
	text := fmt.Sprintf("Plan: %d to change, %d unchanged, %d unreachable", change, count[plan.Keep], count[plan.Unreachable])
	if n := count[plan.Refuse]; n > 0 {
		text += fmt.Sprintf(", %d refused", n)
	}
	v.printf("%s; %s, %s.\n", v.s.paint(bold, text), plural(restarts, "restart"), plural(slices, "slice"))
	if len(problems) > 0 {
		v.printf("This plan cannot be applied.\n")
	}
}

func (v *planView) what() string {
	return strings.TrimSpace(v.p.Body.Service + " " + wanted(v.p))
}
