package rollout_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang"
)

// TestInvariants plays random plans with random results, aborts, answers and
// lost locks. The model checks every event; the replay of the events as the
// journal stores them gives the state of the live run.
//
// It is 10,000 runs in all, a tenth of that with the race detector. A failure
// says how to play its seed again; what it was becomes a scenario in
// testdata/rollout, which outlives changes of how plans are drawn.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for i := range hundreds {
		t.Run(strconv.Itoa(i), rapid.MakeCheck(invariants))
	}
}

func invariants(t *rapid.T) {
	p := anyPlan(t)
	live, replayed, m := rollout.New(p), rollout.New(p), newModel(p)
	var events []event.Event
	apply := func(e event.Event) {
		e.Seq = int64(len(events) + 1)
		line, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if e, err = event.Decode(line); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
		if err := m.see(e); err != nil {
			t.Fatalf("invariant %v\n%s", err, tell(events))
		}
		live.Apply(e)
		replayed.Apply(e)
		replayed.Next()                                                              // to ask changes nothing
		if (e.Seq%8 == 0 || live.Finished()) && !reflect.DeepEqual(live, replayed) { // a difference stays
			t.Fatalf("6: the replay differs after\n%s", tell(events))
		}
		if !live.TallyIsRight() {
			t.Fatalf("the tally is wrong after\n%s", tell(events))
		}
		if live.OutOfService() != m.outOfService() && !live.Finished() {
			t.Fatalf("%d hosts are out of service, not %d\n%s\n%+v", m.outOfService(), live.OutOfService(), tell(events), live.Hosts())
		}
	}
	apply(event.Event{Type: event.RunStarted})
	w := &chaos{t: t, plan: p, model: m, r: live, apply: apply, limit: 3, again: 3}
	for !live.Finished() {
		if len(events) > 2000 {
			t.Fatalf("5: the run does not end\n%s", tell(events[:200]))
		}
		w.turn()
	}
	last := events[len(events)-1]
	if err := m.over(live, last.Outcome); err != nil {
		t.Fatalf("invariant %v\n%s", err, tell(events))
	}
	if live.Outcome() != last.Outcome {
		t.Fatalf("14: sealed, the outcome turns from %q to %q", last.Outcome, live.Outcome())
	}

	cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
	fresh, again := rollout.New(p), rollout.New(p)
	for _, e := range events[:cut] {
		fresh.Apply(e)
		again.Apply(e)
		again.Next()
	}
	if diff := cmp.Diff(fresh.Next(), again.Next()); diff != "" || !reflect.DeepEqual(fresh, again) {
		t.Fatalf("6: the replay of %d events differs:\n%s", cut, diff)
	}
}

// chaos is an engine that does everything a real one may meet.
type chaos struct {
	t        *rapid.T
	plan     *plan.Plan
	model    *model
	r        *rollout.Rollout
	apply    func(event.Event)
	inFlight []rollout.Action
	limit    int // of interruptions
	again    int // of wishes about one host
}

func (c *chaos) pick(label string, of int) int { return rapid.IntRange(0, of-1).Draw(c.t, label) }

func (c *chaos) turn() {
	if c.r.Aborted() { // by whatever it was, as the undo of a host that failed in a soak
		c.inFlight = slices.DeleteFunc(c.inFlight, func(a rollout.Action) bool { return a.Kind == rollout.OpenGate })
	}
	due := c.r.Next()
	if slices.ContainsFunc(due, func(a rollout.Action) bool { return a.Kind == rollout.Finish }) {
		if len(due) != 1 || len(c.inFlight) > 0 {
			c.t.Fatalf("the run would end with %+v and %+v in flight", due, c.inFlight)
		}
		if c.r.Aborted() && c.limit > 0 {
			c.limit--
			c.apply(event.Event{Type: event.Asked})
			if len(c.r.Next()) > 0 {
				c.t.Fatalf("%+v may start while a question is open", c.r.Next())
			}
			choice := []string{"leave", "continue", "rollback"}[c.pick("answer", 3)]
			c.apply(event.Event{Type: event.Answered, Choice: choice, By: "anna"})
			return
		}
		c.apply(event.Event{Type: event.RunFinished, Outcome: c.r.Outcome()})
		return
	}
	if c.r.Paused() != "" && c.r.Halted() == "" && len(due) == 0 && len(c.inFlight) == 0 && c.model.owesChecks() {
		c.t.Fatalf("a pause holds up the checks of what has begun: %+v", c.r.Hosts())
	}
	if c.r.Paused() != "" && (c.pick("continue", 6) == 0 || len(due) == 0 && len(c.inFlight) == 0) {
		c.apply(event.Event{Type: event.Continued, By: "anna"})
		return
	}
	if len(due) == 0 && len(c.inFlight) == 0 {
		c.t.Fatalf("5: the run hangs: %+v", c.r.Hosts())
	}
	if c.limit > 0 && c.pick("interrupt", 12) == 0 {
		c.limit--
		switch c.pick("by", 6) {
		case 0, 1:
			c.apply(event.Event{Type: event.Paused, By: "anna"})
		case 2:
			c.apply(event.Event{Type: event.LockLost, Host: c.plan.Body.Hosts[c.pick("host", len(c.plan.Body.Hosts))].Name})
		default:
			c.apply(event.Event{Type: event.Aborted, By: "anna"})
			c.inFlight = slices.DeleteFunc(c.inFlight, func(a rollout.Action) bool { return a.Kind == rollout.OpenGate })
		}
		return
	}
	if c.soakFails() || c.wishAgain() {
		return
	}
	// Start all that is due, or one of it, or end one of what is in flight.
	phases := !slices.ContainsFunc(due, func(a rollout.Action) bool { return a.Kind != rollout.RunPhase })
	if len(due) > 1 && phases && c.pick("all", 4) == 0 {
		for _, a := range due {
			c.apply(started(c.plan, c.r, a))
			c.inFlight = append(c.inFlight, a)
		}
		return
	}
	if n := c.pick("what", len(due)+len(c.inFlight)); n < len(due) {
		a := due[n]
		c.apply(started(c.plan, c.r, a))
		if slices.Contains(c.r.Next(), a) {
			c.t.Fatalf("%+v is due though it has started", a)
		}
		if a.Kind != rollout.Record {
			c.inFlight = append(c.inFlight, a)
		}
	} else {
		a := c.inFlight[n-len(due)]
		c.inFlight = slices.Delete(c.inFlight, n-len(due), n-len(due)+1)
		c.end(a)
	}
}

// soakFails has a host fail its check while its batch soaks, as nobody
// announced; the gate closes where that is more than what is forgiven.
func (c *chaos) soakFails() bool {
	gate := slices.IndexFunc(c.inFlight, func(a rollout.Action) bool { return a.Kind == rollout.OpenGate })
	if gate < 0 || c.plan.Body.Batches[c.inFlight[gate].Batch].Soak == 0 || c.pick("soak", 3) > 0 {
		return false
	}
	var soaking []string
	for _, h := range c.r.Hosts() {
		if h.Batch == c.inFlight[gate].Batch && h.Status == rollout.Done {
			soaking = append(soaking, h.Name)
		}
	}
	if len(soaking) == 0 {
		return false
	}
	e := event.Event{
		Type: event.HostFailed, Phase: event.After, Host: soaking[c.pick("of soak", len(soaking))], Text: "it failed",
		Cause: event.Unhealthy, Step: "check", Detail: []string{"status 502"},
	}
	if c.pick("lost in soak", 4) == 0 {
		e.Cause, e.Step, e.Detail = event.Lost, "", nil
	}
	c.apply(e)
	if why := c.r.Halted(); why != "" {
		batch := batchName(c.plan, c.inFlight[gate])
		c.inFlight = slices.Delete(c.inFlight, gate, gate+1)
		c.apply(event.Event{Type: event.GateRefused, Batch: batch, Text: "it did not hold: " + why})
	}
	return true
}

// end applies a random result of an action.
func (c *chaos) end(a rollout.Action) {
	bad := c.pick("bad", 6) == 0
	e := event.Event{Host: a.Host, Phase: a.Phase, Batch: batchName(c.plan, a), Text: "it failed"}
	switch a.Kind {
	case rollout.RunHook:
		e.Type, e.Step = event.HookDone, a.Hook
		if bad {
			e.Type = event.HookFailed
		}
	case rollout.OpenGate:
		e.Type = event.GatePassed
		if bad {
			e.Type = event.GateRefused
			e.By = []string{"", "anna"}[c.pick("who", 2)]
		}
	case rollout.RunPhase:
		e.Type = event.HostDone
		steps := c.r.Steps(a)
		reached := c.pick("reached", len(steps)+1)
		if bad {
			e.Type = event.HostFailed
			e.Cause = []event.Cause{
				event.Failed, event.Unhealthy, event.Lost, event.Unknown, event.Stale,
				event.Fenced, event.Interrupted,
			}[c.pick("cause", 7)]
			if c.pick("cause as ever", 2) == 0 {
				e.Cause = event.Unhealthy
			}
			switch e.Cause {
			case event.Lost, event.Stale, event.Fenced:
				reached = 0
			default:
				e.Detail = []string{"begun", []string{"status 502", "status 500"}[c.pick("line", 2)]}
				e.Step = steps[c.pick("step", len(steps))].ID
				reached = slices.IndexFunc(steps, func(s plan.Step) bool { return s.ID == e.Step }) + 1
				if e.Cause != event.Failed && e.Cause != event.Unhealthy {
					e.Step = ""
				}
			}
		}
		if rapid.Bool().Draw(c.t, "streamed") {
			for _, s := range steps[:reached] {
				c.apply(event.Event{Type: event.StepStarted, Host: a.Host, Phase: a.Phase, Step: s.ID})
			}
		}
	}
	c.apply(e)
}

// anyPlan is a plan of 1 to 12 hosts.
func anyPlan(t *rapid.T) *plan.Plan {
	p := newPlan()
	body := &p.Body
	n := rapid.IntRange(1, 12).Draw(t, "hosts")
	flag := func(label string, of int) bool { return rapid.IntRange(0, of-1).Draw(t, label) == 0 }
	batchCheck, finishCheck := flag("checked at batch", 3), flag("checked at finish", 3)
	for i := range n {
		h := host(fmt.Sprintf("h%02d", i))
		switch rapid.IntRange(0, 11).Draw(t, "kind of host") {
		case 0:
			h.Action = plan.Keep
		case 1:
			h.Action = plan.Unreachable
		case 2:
			h.Action, h.Undo = plan.Create, nil
		case 3:
			h.Stage = nil
		}
		if batchCheck {
			h.After = append(h.After, plan.Step{ID: "after-batch", Op: plan.OpCheck, Moment: "batch"})
		}
		if finishCheck {
			h.After = append(h.After, plan.Step{ID: "after-finish", Op: plan.OpCheck, Moment: "finish"})
		}
		body.Hosts = append(body.Hosts, h)
	}
	for next := 0; next < n; {
		b := plan.Batch{
			Name:           fmt.Sprintf("b%d", len(body.Batches)),
			MaxFailed:      rapid.IntRange(0, 2).Draw(t, "max_failed"),
			MaxUnhealthy:   rapid.IntRange(0, 5).Draw(t, "max_unhealthy"),
			MaxUnreachable: rapid.IntRange(0, 2).Draw(t, "max_unreachable"),
			Parallel:       rapid.IntRange(0, 3).Draw(t, "parallel"),
			Confirm:        flag("confirm", 4),
		}
		if flag("soak", 4) {
			b.Soak = lang.Duration(1)
		}
		end := min(n, next+rapid.IntRange(1, 8).Draw(t, "hosts of batch"))
		for size := 0; next < end; next += size {
			size = rapid.IntRange(1, 4).Draw(t, "size")
			var slice []string
			for i := next; i < min(next+size, end); i++ {
				slice = append(slice, body.Hosts[i].Name)
			}
			b.Slices = append(b.Slices, slice)
		}
		next = end
		body.Batches = append(body.Batches, b)
	}
	for name, limit := range []**int{&body.Budget.MaxFailed, &body.Budget.MaxUnhealthy, &body.Budget.MaxUnreachable} {
		if flag(fmt.Sprintf("budget %d", name), 3) {
			n := rapid.IntRange(0, 4).Draw(t, "budget")
			*limit = &n
		}
	}
	body.Rollback.Scope = rapid.SampledFrom([]string{"host", "batch", "run"}).Draw(t, "scope")
	body.Rollback.On = nil
	for _, word := range []string{"check", "restart", "activate", "drain", "file", "hook", "batch"} {
		if !flag("not on "+word, 3) {
			body.Rollback.On = append(body.Rollback.On, word)
		}
	}
	for _, moment := range []string{"start", "batch", "finish", "failure"} {
		if flag("hook at "+moment, 3) {
			body.Hooks = append(body.Hooks, plan.Step{
				ID: "hook." + moment, Op: plan.OpHook, Moment: moment,
				Once: flag("once", 2), Go: flag("continue", 2),
			})
		}
	}
	return p
}

func tell(events []event.Event) string {
	var b []byte
	for _, e := range events {
		b = fmt.Appendf(b, "%3d %-16s %s %s %s %s %d %s %s %s %s\n", e.Seq, e.Type, e.Host, e.Phase, e.Step, e.Batch, e.Slice, e.Cause, e.By, e.Choice, e.Outcome)
	}
	return string(b)
}
