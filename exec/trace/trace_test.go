package trace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/trace"
)

var theRun = trace.Run{Run: "r1", Service: "hello", Env: "production", Kind: "deploy", By: "ann@laptop", Began: at(0)}

func at(seconds int) time.Time { return time.Unix(1_700_000_000+int64(seconds), 0).UTC() }

// numbered gives events their numbers, and a second each.
func numbered(all ...event.Event) []event.Event {
	for i := range all {
		all[i].Seq, all[i].Time, all[i].Run = int64(i+1), at(i+1), "r1"
	}
	return all
}

// drawn shows a trace as a tree.
func drawn(t *testing.T, tr trace.Trace) string {
	t.Helper()
	depth := map[[8]byte]int{}
	var b strings.Builder
	for i, s := range tr.Spans {
		up, known := depth[s.Parent]
		if _, twice := depth[s.ID]; twice || i > 0 && !known {
			t.Errorf("%s: its id was there before, or its parent was not", s.Name)
		}
		depth[s.ID] = up + 1
		fmt.Fprintf(&b, "%s%s %d-%d", strings.Repeat("  ", up), s.Name, s.Start.Unix()-at(0).Unix(), s.End.Unix()-at(0).Unix())
		if s.Err != "" {
			fmt.Fprintf(&b, " ! %s", s.Err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func phase(typ event.Type, host string, p event.Phase, more ...string) event.Event {
	e := event.Event{Type: typ, Host: host, Phase: p, Text: host + " says so"}
	if len(more) > 0 {
		e.Step = more[0]
	}
	return e
}

func TestARunIsATreeOfSpans(t *testing.T) {
	t.Parallel()
	inSlice := func(e event.Event) event.Event { e.Batch, e.Slice = "canary", 1; return e }
	got := trace.Of(theRun, numbered(
		event.Event{Type: event.RunStarted},
		phase(event.HostStarted, "web1", event.Stage),
		phase(event.StepStarted, "web1", event.Stage, "stage"),
		phase(event.StepDone, "web1", event.Stage, "stage"),
		phase(event.HostDone, "web1", event.Stage),
		event.Event{Type: event.BatchStarted, Batch: "canary", Slice: 1},
		inSlice(phase(event.HostStarted, "web1", event.Switch)),
		phase(event.StepStarted, "web1", event.Switch, "restart"),
		phase(event.StepFailed, "web1", event.Switch, "restart"),
		phase(event.HostFailed, "web1", event.Switch, "restart"),
		event.Event{Type: event.RollingBack, Text: "max_failed is 0"},
		phase(event.HostStarted, "web1", event.Undo),
		phase(event.HostDone, "web1", event.Undo),
		event.Event{Type: event.RunFinished, Outcome: event.RolledBack},
	))
	want := `deploy hello 0-14 ! rolled back
  lock 0-1
  web1 2-5
    stage 2-5
      stage 3-4
  batch canary 6-11 ! max_failed is 0
    web1 7-10 ! web1 says so
      switch 7-10 ! web1 says so
        restart 8-9 ! web1 says so
  rollback 11-14
    web1 12-13
      undo 12-13
`
	if diff := cmp.Diff(want, drawn(t, got)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatACrashCutOffSaysSoAndIsDoneAgainBesideIt(t *testing.T) {
	t.Parallel()
	before := []event.Event{
		{Type: event.RunStarted},
		{Type: event.BatchStarted, Batch: "all", Slice: 1},
		{Type: event.HostStarted, Host: "web1", Phase: event.Switch, Batch: "all", Slice: 1},
	}
	got := trace.Of(theRun, numbered(before...))
	want := "deploy hello 0-3\n  lock 0-1\n  batch all 2-3 ! it was cut off\n    web1 3-3 ! it was cut off\n      switch 3-3 ! it was cut off\n"
	if diff := cmp.Diff(want, drawn(t, got)); diff != "" {
		t.Error(diff)
	}
	resumed := trace.Of(theRun, numbered(append(before,
		event.Event{Type: event.RunResumed, By: "bob@desk"},
		event.Event{Type: event.BatchStarted, Batch: "all", Slice: 1},
		event.Event{Type: event.HostStarted, Host: "web1", Phase: event.Switch, Batch: "all", Slice: 1},
		event.Event{Type: event.HostDone, Host: "web1", Phase: event.Switch},
		event.Event{Type: event.BatchDone, Batch: "all", Slice: 1},
		event.Event{Type: event.RunFinished, Outcome: event.Done},
	)...))
	want = `deploy hello 0-9
  lock 0-1
  batch all 2-4 ! it was cut off
    web1 3-4 ! it was cut off
      switch 3-4 ! it was cut off
  batch all 5-8
    web1 6-7
      switch 6-7
`
	if diff := cmp.Diff(want, drawn(t, resumed)); diff != "" {
		t.Error(diff)
	}
	if got.ID != resumed.ID || got.Spans[0].ID != resumed.Spans[0].ID || got.Spans[2].ID != resumed.Spans[2].ID {
		t.Error("the resumed run is another trace")
	}
}

func TestTheTraceOfWhoStartedTheRunGoesOn(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	r := theRun
	r.Parent = parent
	got := trace.Of(r, numbered(event.Event{Type: event.RunStarted}))
	out := trace.Context("r1", parent)
	if want := fmt.Sprintf("00-%x-%x-01", got.ID, got.Spans[0].ID); out != want || !strings.Contains(out, "0af7651916cd43dd8448eb211c80319c") {
		t.Errorf("commands get %s, the run is %s", out, want)
	}
	if fmt.Sprintf("%x", got.Spans[0].Parent) != "b7ad6b7169203331" || !got.Sampled {
		t.Errorf("%+v", got)
	}
	if un := strings.TrimSuffix(parent, "01") + "00"; trace.Of(trace.Run{Run: "r1", Parent: un}, nil).Sampled || !strings.HasSuffix(trace.Context("r1", un), "-00") {
		t.Error("a trace that nobody keeps is kept")
	}
	for _, bad := range []string{
		"", "00", "ff" + parent[2:], strings.ToUpper(parent), parent + "-x", "00-" + strings.Repeat("0", 32) + parent[35:], "0" + parent, parent[:54],
		"00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		if trace.Parent(bad) {
			t.Errorf("%q is taken for a traceparent", bad)
		}
	}
	if !trace.Parent("01" + parent[2:] + "-more") {
		t.Error("a later version is refused")
	}
}
