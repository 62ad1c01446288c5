package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// A journal may be older than its reader, or of another plan: nothing in it
// makes the fold panic, and hosts that the plan leaves alone stay so.
func TestOddEventsAreIgnored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan(t)
		r := rollout.New(p)
		names := []string{"", "nobody"}
		for _, h := range p.Body.Hosts {
			names = append(names, h.Name)
		}
		types := []event.Type{
			event.RunStarted, event.HostStarted, event.HostStarted, event.StepStarted, event.StepDone,
			event.StepFailed, event.HostDone, event.HostDone, event.HostFailed, event.BatchStarted, event.BatchDone,
			event.GateOpened, event.GatePassed, event.GateRefused, event.HookStarted, event.HookDone, event.HookFailed,
			event.Asked, event.Answered, event.Aborted, event.RollingBack, event.LockLost, event.Paused, event.Continued, event.Halted, event.RunResumed, event.Note, "moon.rose",
		}
		phases := []event.Phase{event.Stage, event.Switch, event.After, event.Undo, event.Prune, "", "polish"}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			r.Apply(event.Event{
				Type:   rapid.SampledFrom(types).Draw(t, "type"),
				Host:   rapid.SampledFrom(names).Draw(t, "host"),
				Phase:  rapid.SampledFrom(phases).Draw(t, "phase"),
				Step:   rapid.SampledFrom([]string{"", "check", "activate", "hook.batch", "gone"}).Draw(t, "step"),
				Batch:  rapid.SampledFrom([]string{"", "b0", "b1", "gone"}).Draw(t, "batch"),
				Slice:  rapid.IntRange(-1, 5).Draw(t, "slice"),
				Cause:  rapid.SampledFrom([]event.Cause{"", event.Failed, event.Unknown, event.Interrupted, "bored"}).Draw(t, "cause"),
				Choice: rapid.SampledFrom([]string{"", "continue", "rollback", "dance"}).Draw(t, "choice"),
			})
			for _, a := range r.Next() {
				r.Steps(a)
			}
			r.Halted()
			r.Outcome()
			for i, h := range r.Hosts() {
				if p.Body.Hosts[i].Action == plan.Keep && h.Status != rollout.Kept {
					t.Fatalf("%+v", h)
				}
				if h.Status == rollout.Stuck && h.Reason == "" {
					t.Fatalf("4: stuck without a reason: %+v", h)
				}
			}
		}
	})
}

func TestNothingStartsBeforeTheRunDoes(t *testing.T) {
	t.Parallel()
	s := parse(t, "batch all a b")
	r := rollout.New(s.plan)
	r.Apply(event.Event{Type: event.HostStarted, Host: "a", Phase: event.Stage})
	if acts := r.Next(); len(acts) > 0 || r.Hosts()[0].Status != rollout.Waiting {
		t.Errorf("%+v may start, %+v", acts, r.Hosts())
	}
	if b, sl := r.Position(); b != -1 || sl != -1 || r.Finished() {
		t.Errorf("the run is at %d, %d", b, sl)
	}
	_, _, r = s.play(t)
	if acts := r.Next(); len(acts) > 0 || !r.Finished() {
		t.Errorf("%+v may start after the end", acts)
	}
	r.Apply(event.Event{Type: event.LockLost, Host: "a"})
	if r.Outcome() != event.Done {
		t.Errorf("an event after the end changes the outcome to %s", r.Outcome())
	}
}

func TestStepsOfAnActionAreThoseOfItsMoment(t *testing.T) {
	t.Parallel()
	s := parse(t, "batch all a\nafter batch\nafter finish")
	r := rollout.New(s.plan)
	ids := func(a rollout.Action) string {
		var ids []string
		for _, st := range r.Steps(a) {
			ids = append(ids, st.ID)
		}
		return strings.Join(ids, " ")
	}
	for want, a := range map[string]rollout.Action{
		"stage":        {Kind: rollout.RunPhase, Host: "a", Phase: event.Stage},
		"after-batch":  {Kind: rollout.RunPhase, Host: "a", Phase: event.After, Moment: "batch"},
		"after-finish": {Kind: rollout.RunPhase, Host: "a", Phase: event.After, Moment: "finish"},
		"":             {Kind: rollout.RunPhase, Host: "b", Phase: event.Stage},
	} {
		if got := ids(a); got != want {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
}

// A view may keep what Hosts returns while the run goes on.
func TestHostsAreCopies(t *testing.T) {
	t.Parallel()
	_, _, r := parse(t, "batch all a\nfail a switch check").play(t)
	want := r.Hosts()
	got := r.Hosts()
	got[0].Status, got[0].Reason = "gone", "gone"
	if diff := cmp.Diff(want, r.Hosts()); diff != "" {
		t.Error(diff)
	}
}

func TestARunSaysWhyItIsHalted(t *testing.T) {
	t.Parallel()
	for scenario, want := range map[string]string{
		"batch all a":                                                       "",
		"batch all a | b\nfail a switch check":                              "batch all: 1 host is unhealthy and max_unhealthy is 0",
		"batch all a | b\nfail a switch restart":                            "batch all: 1 host failed and max_failed is 0",
		"batch all a | b\nfail a switch - unreachable":                      "batch all: 1 host is unreachable and max_unreachable is 0",
		"batch all a b\nfail a stage -\nfail b stage -":                     "batch all: 2 hosts failed and max_failed is 0",
		"batch all a | b\nabort a switch":                                   "the run was aborted",
		"batch all a | b\nlost b at a switch":                               "another run has taken over",
		"batch all a\nhook x start\nfail hook x":                            "hook x failed",
		"batch all a | b\nmax_unhealthy 1\nhost a new\nfail a switch check": "1 host is out of service and batch all allows no more at once",
	} {
		s := parse(t, scenario)
		_, events, _ := s.play(t)
		r := rollout.New(s.plan)
		for _, e := range events[:len(events)-1] {
			r.Apply(e)
		}
		if got := r.Halted(); got != want {
			t.Errorf("%q: %q, want %q", scenario, got, want)
		}
	}
}

func TestAHostsTimeIsThatOfTheWorkOnWhatRuns(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Body: plan.Body{
		Hosts: []plan.Host{{
			Name: "h", Action: plan.Update,
			Stage: []plan.Step{{ID: "stage", Op: plan.OpStage}}, Switch: []plan.Step{{ID: "restart", Op: plan.OpRestart}},
		}},
		Batches: []plan.Batch{{Name: "all", Slices: [][]string{{"h"}}}},
	}}
	r := rollout.New(p)
	start := time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)
	for i, e := range []event.Event{
		{Type: event.RunStarted},
		{Type: event.HostStarted, Host: "h", Phase: event.Stage},
		{Type: event.HostDone, Host: "h", Phase: event.Stage},
		{Type: event.BatchStarted, Batch: "all", Slice: 1},
		{Type: event.HostStarted, Host: "h", Phase: event.Switch},
		{Type: event.StepStarted, Host: "h", Phase: event.Switch, Step: "restart"},
		{Type: event.HostDone, Host: "h", Phase: event.Switch},
	} {
		e.Time = start.Add(time.Duration(i*i) * time.Second)
		r.Apply(e)
	}
	if got := r.Hosts()[0].Took; got != 20*time.Second { // from the 16th to the 36th second
		t.Errorf("the host took %v, want 20s", got)
	}
}
