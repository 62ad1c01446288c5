package rollout_test

import (
	"fmt"
	"testing"

	"shipit/exec/event"
	"shipit/exec/rollout"
)

// ending drives a run to its end, with everything going well.
func ending(t *testing.T, s *scenario, r *rollout.Rollout, events []event.Event) []event.Event {
	t.Helper()
	apply := func(e event.Event) {
		e.Seq = int64(len(events) + 1)
		events = append(events, e)
		r.Apply(e)
	}
	for range 1000 {
		acts := r.Next()
		if len(acts) == 0 {
			t.Fatalf("the run hangs: %+v", r.Hosts())
		}
		if acts[0].Kind == rollout.Finish {
			apply(event.Event{Type: event.RunFinished, Outcome: r.Outcome()})
			return events
		}
		for _, a := range acts {
			apply(started(s.plan, r, a))
		}
		for _, a := range acts {
			e := event.Event{Host: a.Host, Phase: a.Phase, Batch: batchName(s.plan, a)}
			switch a.Kind {
			case rollout.Record:
				continue
			case rollout.RunPhase:
				e.Type = event.HostDone
			case rollout.RunHook:
				e.Type, e.Step = event.HookDone, a.Hook
			case rollout.OpenGate:
				e.Type = event.GatePassed
			}
			apply(e)
		}
	}
	t.Fatal("the run does not end")
	return nil
}

// Wherever a journal was cut off, the run can be resumed, ends as it would
// have ended, and never has more hosts out of service than the slice allows.
func TestEveryPrefixOfARunIsResumed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want event.Outcome
	}{
		"well":        {"batch canary a\n soak\nbatch rest b c | d\nhook announce finish\nhook begin start\nafter batch\nafter finish", event.Done},
		"first ever":  {"batch all a b\nhost a new\nhost b new", event.Done},
		"rolled back": {"batch one a\nbatch two b c\nfail b switch check", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, events, _ := parse(t, c.text).play(t)
			for cut := 1; cut < len(events); cut++ {
				s := parse(t, c.text)
				r := rollout.New(s.plan)
				for _, e := range events[:cut] {
					r.Apply(e)
				}
				flying := r.InFlight()
				past := append(events[:cut:cut], event.Event{Seq: int64(cut + 1), Type: event.RunResumed, By: "anna"})
				r.Apply(past[cut])
				if len(r.InFlight()) > 0 {
					t.Fatalf("cut at %d, resumed, and still in flight: %+v", cut, r.InFlight())
				}
				for _, a := range flying {
					if a.Kind == rollout.RunPhase && r.CutPhase(a.Host) != a.Phase {
						t.Errorf("cut at %d, nobody knows that %s of %s was cut off", cut, a.Phase, a.Host)
					}
				}
				all := ending(t, s, r, past)
				if got := r.Outcome(); c.want != "" && got != c.want || got == event.Mixed {
					t.Errorf("cut at %d, it ended %s: %+v", cut, got, r.Hosts())
				}
				again := rollout.New(s.plan)
				for _, e := range all {
					again.Apply(e)
					if n := again.OutOfService(); n > 2 {
						t.Errorf("cut at %d, %d hosts were out of service", cut, n)
					}
				}
				if fmt.Sprint(again.Hosts()) != fmt.Sprint(r.Hosts()) {
					t.Errorf("cut at %d, replayed it is %+v, and it was %+v", cut, again.Hosts(), r.Hosts())
				}
				if r.Resumable() {
					t.Errorf("cut at %d, it is over and can be resumed", cut)
				}
			}
		})
	}
}

func TestWhatCanBeResumed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"batch all a b": false, // done
		"batch one a\nbatch two b\nabort a switch":                          true, // left by a person
		"batch one a\nbatch two b\nabort a switch\nanswer rollback":         false,
		"batch all a\nfail a switch check":                                  false, // rolled back
		"batch all a\nfail a switch restart unknown\nfail a undo - unknown": true,  // nobody knows
		"batch all a\nfail a switch restart interrupted":                    true,  // stopped in the middle
		"batch one a\nbatch two b\nlost b switch":                           false, // another run's
	} {
		_, events, r := parse(t, text).play(t)
		if got := r.Resumable(); got != want {
			t.Errorf("%q can be resumed: %v, want %v (%+v)", text, got, want, r.Hosts())
		}
		if !want {
			continue
		}
		s := parse(t, text)
		r.Apply(event.Event{Seq: int64(len(events) + 1), Type: event.RunResumed})
		ending(t, s, r, events)
		if got := r.Outcome(); got != event.Done {
			t.Errorf("%q, resumed, ended %s: %+v", text, got, r.Hosts())
		}
	}
}

// A resumed run that is stopped at once says what it left in the middle.
func TestAResumedRunThatIsStoppedListsWhatIsOutOfService(t *testing.T) {
	t.Parallel()
	s := parse(t, "batch all a b")
	r := rollout.New(s.plan)
	for _, e := range []event.Event{
		{Type: event.RunStarted},
		{Type: event.HostStarted, Host: "a", Phase: event.Stage},
		{Type: event.HostDone, Host: "a", Phase: event.Stage},
		{Type: event.HostStarted, Host: "b", Phase: event.Stage},
		{Type: event.HostDone, Host: "b", Phase: event.Stage},
		{Type: event.BatchStarted, Batch: "all", Slice: 1},
		{Type: event.HostStarted, Host: "a", Phase: event.Switch},
		{Type: event.RunResumed},
		{Type: event.Aborted},
		{Type: event.Aborted},
	} {
		r.Apply(e)
	}
	if acts := r.Next(); len(acts) != 1 || acts[0].Kind != rollout.Finish {
		t.Fatalf("stopped hard, and it goes on with %+v", acts)
	}
	r.Apply(event.Event{Type: event.RunFinished})
	if a := r.Hosts()[0]; a.Status != rollout.Stuck || !a.Drained || r.Outcome() != event.Mixed || !r.Resumable() {
		t.Errorf("it ended %s with %+v", r.Outcome(), a)
	}
}
