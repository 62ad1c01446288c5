package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"shipit/exec/plan"
	"shipit/lang"
	"shipit/lang/diag"
)

// Plan prints a plan: what changes on which hosts, in which order, what a
// failure would do, and totals last.
func Plan(w io.Writer, p *plan.Plan, s Style) {
	v := planView{w: w, p: p, s: s}
	v.head()
	v.logs()
	v.before()
	for i := range p.Body.Batches {
		v.batch(i)
	}
	v.rest()
	v.back()
	v.told()
	v.notes()
	v.totals()
}

type planView struct {
	w io.Writer
	p *plan.Plan
	s Style

	steps string // the steps that were printed last, and whose they are
	whose string
}

func (v *planView) printf(format string, args ...any) { fmt.Fprintf(v.w, format, args...) }

// say prints a sentence in lines as wide as the terminal, indented behind the
// first. Where there is none it stays one line, which grep finds.
func (v *planView) say(text string) {
	if v.s.Width > 0 {
		text = strings.Join(wrap(text, v.s.Width-2), "\n  ")
	}
	v.printf("%s\n", text)
}

func (v *planView) head() {
	b := v.p.Body
	title := b.Service
	if b.Env != lang.DefaultEnv {
		title += "  " + b.Env
	}
	switch {
	case b.Kind == plan.Rollback && b.Request.To != "":
		title += "  rollback to " + b.Request.To
	case b.Kind == plan.Rollback && b.Request.Run != "":
		title += "  rollback of run " + b.Request.Run
	case b.Kind == plan.Rollback:
		title += "  rollback to the last good release"
	default:
		title += "  " + b.Release.Tag
	}
	v.printf("%s", v.s.paint(bold, diag.CleanLine(title)))
	if b.Kind == plan.Deploy {
		v.printf("  (%s %s)", short(b.Release.Commit), diag.CleanLine(b.Release.Subject))
		if b.Release.Signer != "" {
			v.printf("  signed by %s", diag.CleanLine(b.Release.Signer))
		}
	}
	v.printf("\n")
}

// told prints who is told of the run, and when.
func (v *planView) told() {
	for _, n := range v.p.Body.Notify {
		spec := lang.Spec{Attrs: n.Spec}
		who := n.Kind
		for _, key := range []string{"channel", "to", "url", "url_file", "run"} {
			if words := strings.Join(spec.List(key), " "); words != "" {
				who += " " + words
				break
			}
		}
		if spec.Text("deliver") == "at_least_once" {
			who += " at least once"
		}
		v.printf("\nnotify: %s on %s\n", diag.CleanLine(who), strings.Join(spec.List("on"), ", "))
	}
}

// logs prints the commits that a deploy brings, by where hosts start.
func (v *planView) logs() {
	for _, l := range v.p.Body.Commits {
		from := diag.CleanLine(cmp.Or(l.FromTag, l.From))
		switch {
		case l.Problem != "":
			v.printf("\n  after %s: %s\n", from, diag.CleanLine(l.Problem))
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
	if i == len(v.p.Body.Batches)-1 { // nothing comes after it that would wait
		b.Soak, b.Confirm = 0, false
	}
	v.printf("\n  %s  %s\n", v.s.paint(bold, "batch "+diag.CleanLine(b.Name)), strings.Join(aboutBatch(&b), ", "))
	for _, g := range plan.Groups(v.p, i) {
		v.group(g)
	}
}

// aboutBatch is what a reader should know of a batch: how many hosts go at a
// time, what it forgives, what it waits for.
func aboutBatch(b *plan.Batch) []string {
	hosts := 0
	for _, sl := range b.Slices {
		hosts += len(sl)
	}
	about := []string{plural(hosts, "host")}
	if sizes := sliceSizes(b); strings.Contains(sizes, ",") {
		about = append(about, "slices of "+sizes)
	}
	if n := b.Allowed(len(b.Slices) - 1); n < hosts {
		about = append(about, fmt.Sprintf("%d at a time", n))
	}
	if b.Spread != "" {
		about = append(about, "spread over "+diag.CleanLine(b.Spread))
	}
	if forgives := limits(&b.MaxFailed, &b.MaxUnhealthy, &b.MaxUnreachable); b.MaxFailed+b.MaxUnhealthy+b.MaxUnreachable > 0 {
		about = append(about, "forgives "+forgives)
	}
	if b.Soak > 0 {
		about = append(about, "soak "+b.Soak.String())
	}
	if b.Confirm {
		about = append(about, "then asks")
		if usual := lang.Duration(time.Hour); b.ConfirmWithin > 0 && b.ConfirmWithin != usual {
			about[len(about)-1] += " and waits " + b.ConfirmWithin.String()
		}
	}
	return about
}

// sliceSizes are the sizes of a batch's slices as they grow, "1, 4, 20".
func sliceSizes(b *plan.Batch) string {
	var sizes []string
	last := 0
	for _, sl := range b.Slices {
		if n := len(sl); n > last {
			sizes, last = append(sizes, fmt.Sprint(n)), n
		}
	}
	return strings.Join(sizes, ", ")
}

// limits are budgets in words, without those that are not counted.
func limits(failed, unhealthy, unreachable *int) string {
	var parts []string
	for _, l := range []struct {
		n    *int
		what string
	}{{failed, "failed"}, {unhealthy, "unhealthy"}, {unreachable, "unreachable"}} {
		if l.n != nil {
			parts = append(parts, fmt.Sprintf("%d %s", *l.n, l.what))
		}
	}
	return strings.Join(parts, ", ")
}

// group prints hosts with the same change, the change itself only once.
func (v *planView) group(g plan.Group) {
	line := fmt.Sprintf("%s %s", v.s.mark(string(g.Host.Action)), v.s.paint(bold, hostNames(g.Hosts)))
	if g.Same != "" {
		v.printf("%s   same change as %s\n", line, g.Same)
		return
	}
	v.printf("%s\n", line)
	for _, c := range g.Host.Changes {
		v.change(c)
	}
	steps := sentence(g.Host)
	switch steps {
	case "":
	case v.steps:
		v.printf("    %s\n", v.s.paint(dim, "same steps as "+v.whose))
	default:
		v.steps, v.whose = steps, g.Host.Name
		for _, line := range wrap(steps, v.s.width()-4) {
			v.printf("    %s\n", v.s.paint(dim, line))
		}
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
	for line := range strings.Lines(c.Diff) {
		// Each line by itself: a carriage return in a file must not begin a
		// line of the plan.
		line = diag.CleanLine(strings.TrimSuffix(line, "\n"))
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
		parts = append(parts, diag.CleanLine(st.Text))
	}
	return strings.Join(parts, ", ")
}

// rest lists the hosts that are in no batch. Why one cannot be reached or
// changed is told with the totals, once for all of the same problem.
func (v *planView) rest() {
	words := map[plan.Action]string{plan.Keep: "nothing to do", plan.Unreachable: "cannot be reached", plan.Refuse: "cannot be changed as it is"}
	type row struct {
		action plan.Action
		text   string
	}
	var order []row
	names := map[row][]string{}
	for _, h := range v.p.Body.Hosts {
		text, ok := words[h.Action]
		if !ok {
			continue
		}
		if h.LeftOut() {
			text = diag.CleanLine(h.Problem)
		}
		r := row{h.Action, text}
		if names[r] == nil {
			order = append(order, r)
		}
		names[r] = append(names[r], h.Name)
	}
	slices.SortStableFunc(order, func(a, b row) int { return cmp.Compare(rank(a.action), rank(b.action)) })
	if len(order) > 0 {
		v.printf("\n")
	}
	for _, r := range order {
		v.printf("%s %s   %s\n", v.s.mark(string(r.action)), v.s.paint(bold, hostNames(names[r])), r.text)
	}
}

// rank puts the hosts that need nothing first, those with a problem last,
// next to what is said of it.
func rank(a plan.Action) int {
	return slices.Index([]plan.Action{plan.Keep, plan.Unreachable, plan.Refuse}, a)
}

// back says what a failure would do.
func (v *planView) back() {
	b := v.p.Body
	for i, w := range b.Windows {
		if i == 0 {
			v.printf("\n")
		}
		v.say("slices start only in the window " + diag.CleanLine(w.String()))
	}
	if text := limits(b.Budget.MaxFailed, b.Budget.MaxUnhealthy, b.Budget.MaxUnreachable); text != "" && v.p.Changes() {
		v.printf("\n")
		v.say(fmt.Sprintf("in the whole run at most %s hosts, or no other starts", text))
	}
	switch {
	case !v.p.Changes():
		return
	case b.Kind == plan.Rollback:
		v.printf("\n")
		v.say("if a step fails: the run stops, and its hosts stay as they are; a rollback is not rolled back")
		return
	}
	v.printf("\n")
	targets := v.targets()
	switch {
	case targets == "":
		v.say("if a step fails: the run stops, and its hosts stay as they are") // a note says why
	case len(b.Rollback.On) == 0:
		v.say("if a step fails: the run stops, nothing goes back by itself; before it: " + targets)
	default:
		scope := map[string]string{"host": "the failed host goes", "batch": "its batch goes", "run": "everything touched goes"}[b.Rollback.Scope]
		v.say(fmt.Sprintf("if %s fails: %s back to %s", orList(b.Rollback.On), scope, targets))
	}
	if b.Rollback.Watchdog > 0 && targets != "" {
		v.say(fmt.Sprintf("if the deployer is lost: a host that it has not confirmed goes back by itself after %s", b.Rollback.Watchdog))
	}
}

// targets are the releases to go back to with the number of hosts that hold
// them, "" where there is none anywhere.
func (v *planView) targets() string {
	count := map[string]int{}
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
		name := h.Back.Name()
		if count[name] == 0 {
			order = append(order, name)
		}
		count[name]++
	}
	var parts []string
	for _, name := range order {
		parts = append(parts, fmt.Sprintf("%s, present on %d of %s", diag.CleanLine(name), count[name], plural(changing, "host")))
	}
	if none > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("nothing to go back to on %s", plural(none, "host")))
	}
	return strings.Join(parts, "; ")
}

func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func (v *planView) notes() {
	for _, n := range v.p.Body.Notes {
		v.say("note: " + diag.CleanLine(n))
	}
}

func (v *planView) totals() {
	problems := v.p.Problems()
	v.printf("\n")
	for _, problem := range problems {
		v.printf("%s %s\n", v.s.paint(red, "!"), diag.CleanLine(problem)) // whole: it has commands to copy
	}
	c := v.count()
	if c.change == 0 && len(problems) == 0 {
		v.printf("%s %s\n", v.s.paint(green, "No changes."), v.unchanged(c))
		return
	}
	text := fmt.Sprintf("Plan: %d to change, %d unchanged, %d unreachable", c.change, c.keep, c.unreachable)
	if c.refused > 0 {
		text += fmt.Sprintf(", %d refused", c.refused)
	}
	if c.leftOut > 0 {
		text += fmt.Sprintf(", %d left out", c.leftOut)
	}
	v.printf("%s; %s in %s.\n", v.s.paint(bold, text), plural(c.restarts, "restart"), plural(c.slices, "slice"))
	if len(problems) > 0 {
		v.printf("This plan cannot be applied.\n")
	}
}

// unchanged says what runs on hosts of which none changes.
func (v *planView) unchanged(c counts) string {
	what := diag.CleanLine(v.what())
	switch {
	case c.keep == c.empty:
		return fmt.Sprintf("Nothing of %s runs on %s.", diag.CleanLine(v.p.Body.Service), plural(c.keep, "host"))
	case v.p.Body.Kind == plan.Rollback:
		return fmt.Sprintf("%s runs on %s already.", what, plural(c.keep, "host"))
	}
	return fmt.Sprintf("%s runs on %s as defined.", what, plural(c.keep, "host"))
}

// counts are the totals of a plan.
type counts struct{ change, keep, empty, unreachable, refused, leftOut, restarts, slices int }

func (v *planView) count() (c counts) {
	for i := range v.p.Body.Hosts {
		h := &v.p.Body.Hosts[i]
		switch {
		case h.LeftOut():
			c.leftOut++
		case h.Action == plan.Keep:
			c.keep++
			if h.From.ID == "" {
				c.empty++
			}
		case h.Action == plan.Unreachable:
			c.unreachable++
		case h.Action == plan.Refuse:
			c.refused++
		default:
			c.change++
		}
		if slices.ContainsFunc(h.Switch, func(st plan.Step) bool { return st.Op == plan.OpRestart }) {
			c.restarts++
		}
	}
	for _, b := range v.p.Body.Batches {
		c.slices += len(b.Slices)
	}
	return c
}

func (v *planView) what() string {
	return strings.TrimSpace(v.p.Body.Service + " " + wanted(v.p))
}
