package trace_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/exec/event"
	"shipit/exec/trace"
)

// TestASpanIsHandedOutOnceAndAsItIsAtTheEnd: however the events of a run come
// in, and whatever they say.
func TestASpanIsHandedOutOnceAndAsItIsAtTheEnd(t *testing.T) {
	t.Parallel()
	types := []event.Type{
		event.HostStarted, event.HostDone, event.HostFailed, event.StepStarted, event.StepDone, event.StepFailed, event.BatchStarted,
		event.BatchDone, event.GateOpened, event.GatePassed, event.RollingBack, event.HookStarted, event.HookDone, event.RunResumed,
	}
	rapid.Check(t, func(t *rapid.T) {
		all := []event.Event{{Type: event.RunStarted}}
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			all = append(all, event.Event{
				Type: rapid.SampledFrom(types).Draw(t, "type"), Host: rapid.SampledFrom([]string{"web1", "web2"}).Draw(t, "host"),
				Phase: rapid.SampledFrom([]event.Phase{event.Stage, event.Switch, event.Undo}).Draw(t, "phase"),
				Step:  rapid.SampledFrom([]string{"a", "b"}).Draw(t, "step"), Batch: "canary", Slice: rapid.IntRange(1, 2).Draw(t, "slice"),
			})
		}
		if rapid.Bool().Draw(t, "to its end") {
			all = append(all, event.Event{Type: event.RunFinished, Outcome: event.Done})
		}
		all = numbered(all...)
		s, got := trace.NewStream(theRun), map[[8]byte]trace.Span{}
		keep := func(part trace.Trace) {
			for _, span := range part.Spans {
				if _, twice := got[span.ID]; twice {
					t.Errorf("%s was handed out twice", span.Name)
				}
				got[span.ID] = span
			}
		}
		for _, e := range all {
			s.Take(e)
			if rapid.Bool().Draw(t, "looked at") {
				keep(s.Ended())
			}
		}
		keep(s.Rest())
		want := map[[8]byte]trace.Span{}
		for _, span := range trace.Of(theRun, all).Spans {
			want[span.ID] = span
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what was handed out is not the run's trace:\n%s", diff)
		}
	})
}

// TestThePhasesOfHostsDoNotWaitForTheRun: of a run that is killed, what ended is
// known.
func TestThePhasesOfHostsDoNotWaitForTheRun(t *testing.T) {
	t.Parallel()
	s := trace.NewStream(theRun)
	var names []string
	for _, e := range numbered(
		event.Event{Type: event.RunStarted},
		phase(event.HostStarted, "web1", event.Switch), phase(event.StepStarted, "web1", event.Switch, "activate"),
		phase(event.HostStarted, "web2", event.Switch), phase(event.StepDone, "web1", event.Switch, "activate"),
		phase(event.HostDone, "web1", event.Switch),
	) {
		s.Take(e)
		for _, span := range s.Ended().Spans {
			names = append(names, span.Name)
		}
	}
	if diff := cmp.Diff([]string{"lock", "activate", "switch"}, names); diff != "" {
		t.Error(diff)
	}
}
