package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang"
	"shipit/lang/diag"
)

// An Account is a run as its journal and its plan tell it. What it says is
// what was seen then: it asks no host.
type Account struct {
	Header journal.Header
	Plan   *plan.Plan
	Events []event.Event
	Alive  bool   // the run's process is at work
	Typed  string // its definition, environment and service as they are typed here; "" is as the plan knows them

	hosts    []rollout.Host
	paused   string                   // by whom
	goesOn   bool                     // resume would find something to do
	ended    *event.Event             // RunFinished, where it is the last word
	inFlight map[string]event.Event   // by host: the begin of its phase
	step     map[string]event.Event   // by host: its last step since
	gate     *event.Event             // what the run waits for, if it does
	turns    []event.Event            // what decided where the run went
	at       event.Event              // the slice that was begun last
	place    map[string]plan.Batch    // by host
	slice    map[string]int           // by host, from 1
	said     map[string][]event.Event // by host
}

// NewAccount folds what the journal holds.
func NewAccount(h journal.Header, p *plan.Plan, events []event.Event, alive bool) *Account {
	a := &Account{
		Header: h, Plan: p, Events: events, Alive: alive,
		inFlight: map[string]event.Event{}, step: map[string]event.Event{}, said: map[string][]event.Event{},
		place: map[string]plan.Batch{}, slice: map[string]int{},
	}
	for _, b := range p.Body.Batches {
		for i, names := range b.Slices {
			for _, name := range names {
				a.place[name], a.slice[name] = b, i+1
			}
		}
	}
	r := rollout.New(p)
	for _, e := range events {
		r.Apply(e)
		a.take(e)
	}
	a.hosts, a.goesOn, a.paused = r.Hosts(), r.Resumable(), r.Paused()
	return a
}

func (a *Account) take(e event.Event) {
	if e.Host != "" {
		a.said[e.Host] = append(a.said[e.Host], e)
	}
	switch e.Type {
	case event.HostStarted:
		a.inFlight[e.Host] = e
		delete(a.step, e.Host)
	case event.StepStarted:
		a.step[e.Host] = e
	case event.HostDone, event.HostFailed:
		delete(a.inFlight, e.Host)
		delete(a.step, e.Host)
	case event.BatchStarted:
		a.at = e
	case event.GateOpened, event.Asked:
		a.gate = &e
	case event.GatePassed:
		a.gate = nil
	case event.GateRefused, event.Answered, event.Aborted, event.Halted, event.RollingBack, event.HookFailed, event.LockLost, event.RunResumed,
		event.Paused, event.Continued:
		a.gate = nil
		a.turns = append(a.turns, e)
	case event.RunFinished:
		a.gate, a.ended = nil, &e
	}
	if e.Type == event.RunResumed {
		a.ended = nil
		clear(a.inFlight)
		clear(a.step)
	}
}

// Run explains the run as a whole.
func (a *Account) Run(w io.Writer, now time.Time, s Style) {
	fmt.Fprintln(w, s.paint(bold, diag.CleanLine("R"+a.title()[1:])))
	a.state(w, now, s)
	hosts := a.hosts
	if len(hosts) > 0 {
		fmt.Fprintln(w)
		reportTable(w, a.Plan, hosts, s)
	}
	if len(a.turns) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "What decided it"))
		for _, e := range a.turns {
			say(w, s, "  "+e.Time.UTC().Format("15:04:05")+"  ", e.Text)
		}
	}
	if a.ended == nil {
		fmt.Fprintln(w)
		say(w, s, "", a.waiting(now))
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, "What taking it back would do"))
	groups := map[string][]string{}
	var order []string
	for _, h := range hosts {
		what := a.back(h)
		if groups[what] == nil {
			order = append(order, what)
		}
		groups[what] = append(groups[what], h.Name)
	}
	for _, what := range order {
		say(w, s, "  ", hostNames(groups[what])+": "+what)
	}
	a.next(w, "", s)
}

// Host explains what became of one host; ok is false where the run knows none
// of that name.
func (a *Account) Host(w io.Writer, name string, now time.Time, s Style) (ok bool) {
	i := slices.IndexFunc(a.hosts, func(h rollout.Host) bool { return h.Name == name })
	if i < 0 {
		return false
	}
	h, ph := a.hosts[i], a.Plan.Host(name)
	fmt.Fprintln(w, s.paint(bold, diag.CleanLine(name+" in "+a.title())))
	a.state(w, now, s)
	fmt.Fprintln(w)
	rows := [][]string{{"planned", a.planned(ph)}, {"result", string(h.Status)}, {"runs", runs(a.Plan, h)}}
	for _, row := range rows {
		say(w, s, fmt.Sprintf("%-9s", row[0]), row[1])
	}
	say(w, s, fmt.Sprintf("%-9s", "why"), a.why(h, ph, now))
	for _, line := range h.Detail {
		fmt.Fprintln(w, "    | "+diag.CleanLine(line))
	}
	say(w, s, fmt.Sprintf("%-9s", "undo"), a.back(h))
	if events := a.said[name]; len(events) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "What happened"))
		for i, e := range events {
			told := e.Type == event.HostFailed && i > 0 && events[i-1].Type == event.StepFailed
			if e.Type != event.StepDone && !told {
				say(w, s, "  "+e.Time.UTC().Format("15:04:05")+"  ", Alone(e.Text, name)+at(e))
			}
		}
	}
	a.next(w, name, s)
	return true
}

// say prints a text from elsewhere behind a head, wrapped.
func say(w io.Writer, s Style, head, text string) {
	for i, line := range wrap(diag.CleanLine(text), s.width()-len(head)) {
		if i > 0 {
			head = strings.Repeat(" ", len(head))
		}
		fmt.Fprintln(w, strings.TrimRight(head+line, " "))
	}
}

func (a *Account) title() string {
	b := &a.Plan.Body
	text := "run " + a.Header.Run + ": " + string(b.Kind) + " of " + b.Service
	if tag := wanted(a.Plan); tag != "" {
		text += " to " + tag
	}
	if b.Env != lang.DefaultEnv {
		text += " in " + b.Env
	}
	return text
}

// state says where the run as a whole stands.
func (a *Account) state(w io.Writer, now time.Time, s Style) {
	began := fmt.Sprintf("Begun %s by %s", a.Header.Time.UTC().Format("2006-01-02 15:04:05 UTC"), a.Header.By)
	switch {
	case a.ended != nil:
		say(w, s, "", fmt.Sprintf("%s; over after %s.", began, Took(a.ended.Time.Sub(a.Header.Time))))
		say(w, s, "", Verdict(a.Plan, a.hosts, a.ended.Outcome))
	case a.Alive:
		say(w, s, "", fmt.Sprintf("%s; still going on: process %d drives it.", began, a.Header.PID))
	case len(a.Events) == 0:
		say(w, s, "", began+"; it ended before anything was changed: it was refused, or its process died.")
	default:
		last := a.Events[len(a.Events)-1]
		say(w, s, "", fmt.Sprintf("%s; its process is gone, and its last word was %s ago. What the table says was seen until then.", began, age(now.Sub(last.Time))))
	}
}

// waiting says what a run that is not over waits for, or waited for.
func (a *Account) waiting(now time.Time) string {
	var parts []string
	for _, h := range a.hosts {
		begin, ok := a.inFlight[h.Name]
		if !ok {
			continue
		}
		what, since := string(begin.Phase), begin.Time
		if e, ok := a.step[h.Name]; ok {
			what, since = e.Step, e.Time
		}
		text := h.Name + ": " + what
		if a.Alive {
			text += " (" + age(now.Sub(since)) + ")"
		}
		parts = append(parts, text)
	}
	if n := len(parts); n > 5 {
		parts = append(parts[:5], fmt.Sprintf("and %d more", n-5))
	}
	if a.gate != nil {
		text := a.gate.Text
		if a.gate.Type == event.Asked {
			text = "an answer to \"" + text + "\""
		}
		parts = append(parts, text)
	}
	if a.paused != "" && a.Alive {
		parts = append(parts, a.paused+", who paused it")
	}
	switch {
	case !a.Alive && len(parts) > 0:
		return "In flight when the process ended, so nobody can say how far it came: " + strings.Join(parts, ", ") + "."
	case !a.Alive:
		return "Nothing was in flight when the process ended."
	case len(parts) == 0:
		return "It waits for nothing in particular: the next event is due."
	}
	return "It waits for " + strings.Join(parts, ", ") + "."
}

// planned says what the plan had in mind for a host.
func (a *Account) planned(ph *plan.Host) string {
	switch ph.Action {
	case plan.Keep:
		return "nothing: it was as it should be"
	case plan.Unreachable, plan.Refuse:
		return "nothing: " + ph.Problem
	}
	text := ph.From.Name() + " -> " + ph.To.Name()
	if ph.From.ID == ph.To.ID {
		text = "other files, " + ph.To.Name() + " stays"
	}
	if b, ok := a.place[ph.Name]; ok {
		text += fmt.Sprintf(", in batch %s", b.Name)
		if len(b.Slices) > 1 {
			text += fmt.Sprintf(", slice %d of %d", a.slice[ph.Name], len(b.Slices))
		}
	}
	return text
}

// why says why the host is where it is.
func (a *Account) why(h rollout.Host, ph *plan.Host, now time.Time) string {
	switch h.Status {
	case rollout.Kept:
		return "the plan had nothing to do there"
	case rollout.Done:
		if h.Fenced {
			return "it was done, and then another run took over"
		}
		return "its steps and checks ended well"
	case rollout.Waiting, rollout.Staged, rollout.Skipped:
		if h.Left {
			return h.Reason
		}
		return a.notStarted(h, ph, now)
	case rollout.Staging, rollout.Doing, rollout.Undoing:
		return a.waiting(now)
	}
	text := Why(h)
	if h.At != "" {
		text += " (" + h.At + ")"
	}
	if text == "" {
		text = "the journal does not say"
	}
	return text
}

// notStarted says why a host's turn has not come, or never came.
func (a *Account) notStarted(h rollout.Host, ph *plan.Host, now time.Time) string {
	if ph.Action == plan.Refuse || ph.Action == plan.Unreachable {
		return ph.Problem
	}
	var stops []string
	for _, e := range a.turns {
		switch e.Type {
		case event.Answered, event.RunResumed, event.Paused, event.Continued:
		default:
			stops = append(stops, e.Text)
		}
	}
	stopped := strings.Join(stops, "; ")
	switch {
	case a.ended != nil && stopped == "":
		return "the run was over before its turn"
	case a.ended != nil:
		return "the run was over before its turn: " + stopped
	case !a.Alive:
		return "the process of the run ended before its turn"
	case stopped != "" && a.gate == nil:
		return "no new host starts: " + stopped
	case a.at.Type == "":
		return "no batch has begun yet. " + a.waiting(now)
	case a.at.Batch == a.place[h.Name].Name && a.at.Slice == a.slice[h.Name]:
		return "its slice has begun, and it waits for room. " + a.waiting(now)
	}
	return fmt.Sprintf("its turn comes later; the run is at batch %s, slice %d. %s", a.at.Batch, a.at.Slice, a.waiting(now))
}

// back says what taking the run back would do on a host.
func (a *Account) back(h rollout.Host) string {
	ph := a.Plan.Host(h.Name)
	switch {
	case h.Status == rollout.Undone:
		return "nothing: it is back on " + ph.Back.Name() + " already"
	case h.Fenced:
		return "nothing: another run has taken over"
	case !h.Touched && h.Status != rollout.Doing && h.Status != rollout.Cut && h.Status != rollout.Unknown:
		return "nothing: the run did not change it"
	case a.Plan.Body.Kind == plan.Rollback:
		return "nothing: a rollback is not taken back; deploy the release that it shall run"
	case len(ph.Undo) == 0:
		return "nothing: there is no release to go back to"
	}
	var steps []string
	for _, s := range ph.Undo {
		steps = append(steps, s.Text)
	}
	return "back to " + ph.Back.Name() + ": " + strings.Join(steps, ", ")
}

// next says what can be typed.
func (a *Account) next(w io.Writer, host string, s Style) {
	var lines [][]string
	add := func(what, typed string) { lines = append(lines, []string{what, typed}) }
	id := a.Header.Run
	canGoBack := slices.ContainsFunc(a.hosts, func(h rollout.Host) bool { return strings.HasPrefix(a.back(h), "back to ") })
	switch {
	case a.ended == nil && a.Alive:
		if a.gate != nil && a.gate.Type == event.Asked {
			add("Answer it:", "shipit confirm "+id)
		}
		if a.paused != "" {
			add("Let it go on:", "shipit continue "+id)
		}
		add("Stop it:", "shipit abort "+id)
	default:
		if a.goesOn {
			add("Continue:", "shipit resume "+id)
		}
		if canGoBack {
			add("Go back:", "shipit rollback "+id)
		}
	}
	if host == "" {
		for _, h := range a.hosts {
			if h.Reason != "" && h.Touched {
				add("One host:", "shipit explain "+id+" "+h.Name)
				break
			}
		}
	}
	typed := a.Typed
	if typed == "" {
		typed = a.Plan.Body.Definition
		if a.Plan.Body.Env != lang.DefaultEnv {
			typed += " -e " + a.Plan.Body.Env
		}
	}
	add("See what runs:", "shipit status "+typed)
	fmt.Fprintln(w)
	table(w, lines, func(_, col int, cell string) string {
		if col == 0 {
			return s.paint(dim, cell)
		}
		return cell
	})
}
