package exec

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/lang"
	"shipit/lang/diag/diagtest"
)

// outputs are the printed lines of a journal, by host.
func outputs(events []event.Event) (byHost map[string][]string, dropped int) {
	byHost = map[string][]string{}
	for _, e := range events {
		if e.Type == event.Output {
			byHost[e.Host] = append(byHost[e.Host], e.Text)
			dropped += e.Dropped
		}
	}
	return byHost, dropped
}

func TestWhatCommandsPrintIsRecordedBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		for _, name := range s.fleet.Names() {
			s.fleet.Host(name).Prints = map[string]int{"stage": 20}
		}
		res, err := s.run()
		if err != nil || res.Outcome != event.Done {
			t.Fatal(res, err)
		}
		got, dropped := outputs(s.log.all())
		for _, name := range s.fleet.Names() {
			if n := len(got[name]); n != 40 {
				t.Errorf("%s printed 40 lines, and %d are recorded", name, n)
			}
		}
		if dropped > 0 {
			t.Errorf("%d lines were left out", dropped)
		}
		staged := map[string]bool{}
		last := time.Time{}
		for i, e := range s.log.all() {
			if e.Seq != int64(i+1) || e.Time.Before(last) {
				t.Fatalf("event %d: number %d, at %s after %s", i+1, e.Seq, e.Time, last)
			}
			last = e.Time
			if e.Type == event.StepDone && e.Step == "stage" {
				staged[e.Host] = true
			}
			if e.Type == event.Output && (staged[e.Host] || e.Step != "stage" || e.Phase != event.Stage) {
				t.Fatalf("%+v stands behind the end of its step", e)
			}
		}
	})
}

func TestANoisyHostIsBoundedAndTheQuietOnesAreNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 2)
		s.fleet.Host("web1").Prints = map[string]int{"stage": 5000}
		s.fleet.Host("web2").Prints = map[string]int{"stage": 10}
		if res, err := s.run(); err != nil || res.Outcome != event.Done {
			t.Fatal(res, err)
		}
		got, dropped := outputs(s.log.all())
		if n := len(got["web2"]); n != 20 {
			t.Errorf("of the quiet host %d lines are recorded, not 20", n)
		}
		if n := len(got["web1"]); n > printedBurst+3*(printedRate+1) || n < printedBurst {
			t.Errorf("of the noisy host %d lines are recorded", n)
		}
		told := 0
		for _, line := range got["web1"] {
			if strings.HasSuffix(line, " left out") {
				told++
			}
		}
		if whole := len(got["web1"]) - told + dropped; whole != 10_000 || told == 0 {
			t.Errorf("10,000 lines became %d, and %d left out in %d places", len(got["web1"])-told, dropped, told)
		}
	})
}

func TestHooksHereAreRecordedCleanAndWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := newDrill(t, 1)
	r := newRun(Options{Plan: s.plan(), Now: time.Now, Redact: func(s string) string { return strings.ReplaceAll(s, "hunter\x1b2", "(sensitive)") }})
	var lines []event.Event
	step := s.hookStep("printf 'one\\033[2J\\rtwo\\npassword hunter\\0332\\nERROR: no\\n%s' " + strings.Repeat("x", 5000))
	if err := r.here(t.Context(), nil, "", "", &step); err != nil {
		t.Fatal(err)
	}
	r.seq = 1
	lines = r.wasPrinted(time.Now(), true)
	var got []string
	for _, e := range lines {
		got = append(got, fmt.Sprintf("%s %s %.30s", e.Step, e.Level, e.Text))
	}
	want := []string{
		`hook.x  one\x1b[2J`, `hook.x  two`, `hook.x  password (sensitive)`, `hook.x error ERROR: no`,
		`hook.x  ` + strings.Repeat("x", 30),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || len(lines[4].Text) > printedLine+30 {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// A fullDisk is a journal without room for what is only good to have.
type fullDisk struct{ *memory }

func (fullDisk) Spare() bool { return false }

func TestWhereThereIsNoRoomTheRunGoesOnWithoutPrintedLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 1)
		s.fleet.Host("web1").Prints = map[string]int{"stage": 20}
		o := s.options(s.plan())
		o.Journal = fullDisk{s.log}
		if res, err := s.apply(t.Context(), o); err != nil || res.Outcome != event.Done {
			t.Fatal(res, err)
		}
		got, _ := outputs(s.log.all())
		notes := 0
		for _, e := range s.log.of(event.Note) {
			if strings.Contains(e.Text, "no room") {
				notes++
			}
		}
		if len(got) > 0 || notes != 1 {
			t.Errorf("recorded %v, said %d times", got, notes)
		}
	})
}

func TestTheLastLinesOfAFailureAreBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 1)
		s.fleet.Host("web1").Meet(sim.Fault{Step: "restart", Times: 1, How: sim.Fails, Output: []string{"one", "two"}})
		if _, err := s.run(); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, e := range s.log.all() {
			if e.Type == event.Output || e.Type == event.StepFailed {
				order = append(order, string(e.Type)+" "+e.Text)
			}
		}
		if got := strings.Join(order, "; "); !strings.HasPrefix(got, "output one; output two; step.failed") {
			t.Errorf("got %s", got)
		}
	})
}

func (s *drill) hookStep(shell string) plan.Step {
	return plan.Step{ID: "hook.x", Run: &lang.Command{Shell: shell}, Within: lang.Duration(time.Minute)}
}

func TestHostileOutputIsRecordedInert(t *testing.T) {
	t.Parallel()
	p := newDrill(t, 1).plan()
	for _, sample := range diagtest.Hostile() {
		r := newRun(Options{Plan: p, Now: time.Now})
		r.seq = 1
		r.print(event.Event{Step: "hook.x"}, sample.Text)
		for _, e := range r.wasPrinted(time.Now(), true) {
			if why := diagtest.Problem(e.Text); why != "" || strings.Contains(e.Text, "\n") {
				t.Errorf("%s: %s: %.100q", sample.Name, why, e.Text)
			}
		}
	}
}

func TestTheServicesLogIsReadWhileItsBatchSoaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		for i := range s.def.Targets {
			s.def.Targets[i].Restart = lang.Restart{Spec: lang.Spec{Kind: "systemd", Attrs: map[string]any{"unit": "web.service"}}, Within: lang.Duration(time.Minute)}
		}
		s.def.Service.Batches[0].Soak = lang.Duration(10 * time.Second)
		for _, name := range s.fleet.Names() {
			s.fleet.Host(name).Prints = map[string]int{"tail": 2}
		}
		res, err := s.run()
		if err != nil || res.Outcome != event.Done {
			t.Fatal(res, err)
		}
		open, got := false, map[string]int{}
		for _, e := range s.log.all() {
			switch e.Type {
			case event.GateOpened:
				open = true
			case event.GatePassed:
				open = false
			case event.Output:
				if got[e.Host]++; !open || e.Step != event.LogStep || e.Batch != "canary" {
					t.Errorf("%+v, gate open %t", e, open)
				}
			}
		}
		if len(got) != 1 || got["web1"] < 15 || got["web1"] > 20 {
			t.Errorf("in 10 s with 2 lines a second of the canary alone: %v", got)
		}
	})
}
