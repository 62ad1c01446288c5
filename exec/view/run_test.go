package view_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/view"
)

// story are the events of a run whose canary fails, with times.
func story() []event.Event {
	const canary, other = "restbase1001.eqiad.wmnet", "restbase1002.eqiad.wmnet"
	events := []event.Event{
		{Type: event.RunStarted, Text: "deploy of restbase to production started by me@deploy1001"},
		{Type: event.HostStarted, Host: canary, Phase: event.Stage, Text: canary + ": stage"},
		{Type: event.HostStarted, Host: other, Phase: event.Stage, Text: other + ": stage"},
		{Type: event.StepStarted, Host: canary, Step: "stage", Text: canary + ": stage release/2015-06-12/1 by push"},
		{Type: event.StepDone, Host: canary, Step: "stage", Text: canary + ": stage release/2015-06-12/1 by push"},
		{Type: event.HostDone, Host: canary, Phase: event.Stage, Text: canary + " has the release"},
		{Type: event.HostDone, Host: other, Phase: event.Stage, Text: other + " has the release"},
		{Type: event.BatchStarted, Batch: "canary", Slice: 1, Text: "batch canary: " + canary},
		{Type: event.HostStarted, Host: canary, Phase: event.Switch, Text: canary + ": switch"},
		{Type: event.Note, Host: canary, Text: canary + ": the whole release is sent"},
		{
			Type: event.StepFailed, Host: canary, Step: "check.http.info", At: "restbase.hcl:58",
			Text: canary + ": check http.info: status 500, wanted 200", Detail: []string{"HTTP/1.1 500", "out of memory"},
		},
		{Type: event.HostFailed, Host: canary, Phase: event.Switch, Cause: event.Unhealthy, Text: canary + ": check.http.info: status 500, wanted 200"},
		{Type: event.RollingBack, Text: "everything touched goes back"},
		{Type: event.HostStarted, Host: canary, Phase: event.Undo, Text: canary + ": undo"},
		{Type: event.HostDone, Host: canary, Phase: event.Undo, Text: canary + " is rolled back"},
		{Type: event.HookStarted, Step: "hook.failure", Text: "tell them"},
		{Type: event.HookFailed, Step: "hook.failure", At: "restbase.hcl:70", Text: "hook.failure: exit status 1"},
		{Type: event.GateOpened, Batch: "canary", Text: "wait after batch canary"},
		{Type: event.Asked, Text: "batch canary is done; go on with the next? (continue, stop)"},
		{Type: event.Aborted, By: "me@deploy1001", Text: "aborted by me@deploy1001: no new host starts"},
		{Type: event.Note, Text: hostile},
		{Type: event.HostDone, Host: "x" + hostile, Text: hostile, Detail: []string{hostile}},
		{Type: "moon.rose", Text: "the moon rose"},
		{Type: event.RunFinished, Outcome: event.RolledBack, Text: "the run is over: rolled back"},
	}
	for i := range events {
		events[i].Seq, events[i].Time, events[i].Run = int64(i+1), noon.Add(time.Duration(i)*1500*time.Millisecond), "run9"
	}
	return events
}

func TestLines(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*view.Lines){
		"lines":         func(*view.Lines) {},
		"lines-verbose": func(l *view.Lines) { l.Verbose = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, func(w io.Writer, s view.Style) {
				l := view.NewLines(w, s)
				set(l)
				for _, e := range story() {
					if err := l.Append(e); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestAHeartbeatSaysWhatIsAwaitedOnlyInSilence(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	l := view.NewLines(&b, view.Style{})
	what := func() string { return "Batch rest:\x1b h1" }
	l.Heartbeat(noon, what)
	l.Heartbeat(noon.Add(29*time.Second), what)
	_ = l.Append(event.Event{Type: event.Note, Text: "something", Time: noon.Add(6 * time.Second)})
	b.Reset()
	l.Heartbeat(noon.Add(35*time.Second), what)
	if b.Len() > 0 {
		t.Errorf("within half a minute it says %q", b.String())
	}
	for s := 36; s < 70; s++ {
		l.Heartbeat(noon.Add(time.Duration(s)*time.Second), what)
	}
	if got, want := b.String(), "12:00:36 Batch rest:\\x1b h1\n12:01:06 Batch rest:\\x1b h1\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// closed is a pipe whose reader went away.
type closed struct{ writes int }

func (c *closed) Write([]byte) (int, error) {
	c.writes++
	return 0, errors.New("broken pipe")
}

func TestALostReaderIsToldOnceAndNotTriedAgain(t *testing.T) {
	t.Parallel()
	pipe := &closed{}
	l := view.NewLines(pipe, view.Style{})
	for _, e := range story() {
		_ = l.Append(e)
	}
	l.Heartbeat(noon.Add(time.Hour), func() string { return "something" })
	if pipe.writes != 1 {
		t.Errorf("the closed pipe was written to %d times", pipe.writes)
	}
}

// report is a report of a deploy of fresh over old on which hosts ended like
// this; hosts that are not named did not start.
func report(t *testing.T, o event.Outcome, ended map[int]rollout.Host) func(io.Writer, view.Style) {
	t.Helper()
	def := evaluated(t, fresh)
	facts := fleet(def, old)
	facts.Hosts[9] = fleet(def, old, fresh).Hosts[9]
	in := deploy(def, facts)
	in.Options.Without = []string{facts.Hosts[8].Name}
	p := plan.Make(in)
	hosts := rollout.New(p).Hosts()
	for i, h := range ended {
		h.Name = hosts[i].Name
		hosts[i] = h
	}
	return func(w io.Writer, s view.Style) { view.Report(w, p, hosts, o, s) }
}

var older = plan.Release{ID: "release-2015-06-01-1-000000000000", Tag: "release/2015-06-01/1"}

// brief is a plan of what a report needs: n hosts that run from, and that a
// failure takes to back.
func brief(n int, from, back plan.Release) *plan.Plan {
	p := &plan.Plan{Body: plan.Body{Kind: plan.Deploy, Service: "restbase", Release: fresh}}
	for i := range n {
		p.Body.Hosts = append(p.Body.Hosts, plan.Host{
			Name: fmt.Sprintf("restbase%04d.eqiad.wmnet", i+1), Action: plan.Update, From: from, To: fresh, Back: back,
			Fingerprint: plan.Fingerprint{HostKey: "ssh-ed25519 SHA256:abc"},
		})
	}
	return p
}

func TestReport(t *testing.T) {
	t.Parallel()
	done := rollout.Host{Status: rollout.Done, Touched: true, Took: 2300 * time.Millisecond}
	fleet := map[int]rollout.Host{}
	for i := range 500 {
		fleet[i] = rollout.Host{Status: rollout.Done, Touched: true, Took: time.Duration(i+1) * 100 * time.Millisecond}
	}
	fleet[17] = rollout.Host{Status: rollout.Done, Touched: true, Fenced: true, Took: time.Second}
	fleet[99] = rollout.Host{Status: rollout.Failed, Cause: event.Stale, Reason: "current changed since the plan"}
	undone := rollout.Host{Status: rollout.Undone, Touched: true, Took: 72 * time.Second, Step: "check.http.info", Reason: "status 500, wanted 200"}
	for name, test := range map[string]struct {
		outcome event.Outcome
		hosts   map[int]rollout.Host
	}{
		"report-done": {event.Done, map[int]rollout.Host{0: done, 1: done, 2: done, 3: done, 4: done, 5: done, 6: done, 7: done}},
		"report-back": {event.RolledBack, map[int]rollout.Host{
			0: {Status: rollout.Undone, Touched: true, Took: 72 * time.Second, Step: "check.http.info", Reason: "restbase1001.eqiad.wmnet: status 500, wanted 200"},
			1: {Status: rollout.Staged},
		}},
		"report-mixed": {event.Mixed, map[int]rollout.Host{
			0: done,
			1: {Status: rollout.Stuck, Touched: true, Drained: true, Step: "undo.restart", Reason: hostile},
			2: {Status: rollout.Unknown, Touched: true, Drained: true, Reason: "restbase1003.eqiad.wmnet: the connection is gone"},
			3: {Status: rollout.Failed, Reason: "no space left on device", Step: "stage"},
		}},
		"report-aborted": {event.Abort, map[int]rollout.Host{0: done}},
		"report-refused": {event.Refused, map[int]rollout.Host{0: {Status: rollout.Failed, Step: "stage", Reason: "no space left on device"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, report(t, test.outcome, test.hosts))
		})
	}
	for name, test := range map[string]struct {
		plan    *plan.Plan
		outcome event.Outcome
		hosts   map[int]rollout.Host
	}{
		"report-many":  {brief(500, old, old), event.Mixed, fleet},
		"report-first": {brief(3, plan.Release{}, plan.Release{}), event.Mixed, map[int]rollout.Host{0: {Status: rollout.Stuck, Touched: true, Took: time.Second, Step: "check.http.info", Reason: "status 500, wanted 200; there is nothing to go back to"}}},
		"report-good":  {brief(3, old, older), event.RolledBack, map[int]rollout.Host{0: undone, 1: undone}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts := rollout.New(test.plan).Hosts()
			for i, h := range test.hosts {
				h.Name = hosts[i].Name
				hosts[i] = h
			}
			golden(t, name, func(w io.Writer, s view.Style) { view.Report(w, test.plan, hosts, test.outcome, s) })
		})
	}
}

func TestAStreamIsJSONLineByLine(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s, err := view.NewStream(&b, "0.4.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range story() {
		if err := s.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if want := `{"type":"version","format":"1.0","shipit":"0.4.0"}`; lines[0] != want {
		t.Errorf("the first line is %s, want %s", lines[0], want)
	}
	if len(lines) != len(story())+1 {
		t.Errorf("%d lines for %d events", len(lines), len(story()))
	}
	for _, line := range lines {
		var v struct{ Type string }
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Type == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// A hook of the run on a host has steps and no phase: it took what it took.
func TestAHookOnAHostTookItsOwnTime(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	l := view.NewLines(&b, view.Style{})
	begin := time.Date(2015, 6, 10, 14, 2, 3, 0, time.UTC)
	for i, e := range []event.Event{
		{Type: event.HookStarted, Host: "web1", Step: "hook.begin", Text: "hook.begin at start"},
		{Type: event.StepStarted, Host: "web1", Step: "hook.begin", Text: "hook.begin at start"},
		{Type: event.HookDone, Host: "web1", Step: "hook.begin", Text: "hook.begin at start"},
	} {
		e.Time = begin.Add(time.Duration(i) * time.Second)
		_ = l.Append(e)
	}
	if !strings.HasSuffix(b.String(), "hook.begin at start (1.0s)\n") {
		t.Errorf("it says %q", b.String())
	}
}
