package exec

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/lang"
)

// The fence makes one attempt to undo safe where nobody knows what a host
// did.
func TestAConnectionThatBreaksInTheSwitchIsUnknownAndIsUndone(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"drain", "activate", "restart", "check.tcp.port", "undrain"} {
		for _, effect := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				s.fleet.Host("web2").DropAt(step, effect)
				res, err := s.run()
				if err != nil {
					t.Fatal(err)
				}
				if res.Hosts[1].Status != "rolled back" || s.fleet.Host("web2").State().Files[conf].Content != "workers: 4\n" {
					t.Errorf("cut off at %s (effect %v): %+v\n%s", step, effect, res.Hosts[1], s.log)
				}
				s.want(res, event.RolledBack, "ooo")
				var unknown bool
				for _, e := range s.log.of(event.HostFailed) {
					unknown = unknown || e.Host == "web2" && e.Cause == event.Unknown
				}
				if !unknown {
					t.Error("nobody said that the host was unknown")
				}
			})
		}
	}
}

func TestAHostThatNoOneCanReachAgainStaysUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.log.on = func(e event.Event) {
			if e.Type == event.StepStarted && e.Step == "restart" && e.Host == "web1" {
				s.fleet.Host("web1").Vanish()
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		if res.Outcome != event.Mixed || res.Hosts[0].Status != "unknown" || s.fleet.Changed("web2") && s.fleet.Count("web2", "drain") > 0 {
			t.Errorf("outcome %s, hosts %s\n%s", res.Outcome, statuses(res), s.log)
		}
	})
}

// A host that another run had while its connection was lost is not ours any
// more, even if the other run is gone again.
func TestAHostThatAnotherRunHadInBetweenIsNotTouchedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.log.on = func(e event.Event) {
			if e.Type == event.BatchDone && e.Batch == "canary" {
				h := s.fleet.Host("web3")
				h.Drop()
				h.Steal("run-9", "you@there")
				h.Free()
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		if s.fleet.Count("web3", "drain") != 0 || res.Hosts[2].Cause != event.Fenced {
			t.Errorf("it ended %+v\n%s", res.Hosts[2], s.log)
		}
	})
}

// H7 and H8: code and files go back together, with drain and checks.
func TestH7H8ARollbackTakesCodeAndFilesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		first := s.def.Targets[0].Files[0].Content
		for _, name := range s.fleet.Names() { // what the run before left
			s.fleet.Host(name).Set(func(st *sim.State) {
				st.Saved["before"] = map[string]sim.File{conf: st.Files[conf]}
			})
		}
		if res, err := s.run(); err != nil || res.Outcome != event.Done {
			t.Fatal(res, err)
		}
		drains := s.fleet.Count("", "drain")
		f := NewFleet(s.fleet)
		facts := Observe(t.Context(), f, Questions(s.def, "", plan.Rollback), nil)
		f.Close()
		p := plan.Make(plan.Inputs{
			Kind: plan.Rollback, Definition: s.def, Facts: facts, As: newRelease,
			Version: "test", Salt: []byte("0123456789abcdef"),
		})
		s.log = &memory{}
		o := s.options(p)
		o.Run = "run-2"
		res, err := s.apply(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "ooo")
		if got := s.fleet.Host("web1").State().Files[conf].Content; got == first || got != "workers: 4\n" {
			t.Errorf("the file holds %q", got)
		}
		if n := s.fleet.Count("", "drain") - drains; n != 3 {
			t.Errorf("%d hosts were drained for the rollback", n)
		}
	})
}

func TestStepsOnTheDeployerStandBetweenThoseOnTheHost(t *testing.T) {
	t.Parallel()
	s := newDrill(t, 2) // with real processes there is no virtual time
	for i := range s.def.Targets {
		s.fleet.Host(s.def.Targets[i].Host.Name).Takes = nil
		s.def.Targets[i].Hooks = []lang.Hook{
			{
				Name: "tell", At: "before_restart", From: "deployer", OnFailure: "stop",
				Run: lang.Command{Shell: `test "$SHIPIT_HOST" && test "$SHIPIT_TAG" = release/2 && test "$SHIPIT_RUN" = run-1`},
			},
			{Name: "shrug", At: "before_restart", From: "deployer", OnFailure: "continue", Run: lang.Command{Argv: []string{"false"}}},
		}
		s.def.Targets[i].Checks[0].Spec = lang.Spec{Kind: "command", Name: "spec", Attrs: map[string]any{"run": []any{"true"}}}
		s.def.Targets[i].Checks[0].From = "deployer"
		s.def.Targets[i].Drain = nil // so that the check is the last step
	}
	s.def.Service.Hooks = []lang.Hook{{Name: "begin", At: "start", From: "deployer", Run: lang.Command{Argv: []string{"true"}}, OnFailure: "stop"}}
	res, err := s.run()
	if err != nil {
		t.Fatal(err)
	}
	s.want(res, event.Done, "nn")
	if h := s.fleet.Host("web2").State().History; !strings.Contains(h[len(h)-1], "good") {
		t.Errorf("the host's history ends with %q", h[len(h)-1])
	}
	if p := s.plan(); p.Changes() {
		t.Error("the plan after it is not empty")
	}
}

func TestAFailedCheckOnTheDeployerIsUnhealthyAndUndone(t *testing.T) {
	t.Parallel()
	s := newDrill(t, 2)
	for i := range s.def.Targets {
		s.fleet.Host(s.def.Targets[i].Host.Name).Takes = nil
		c := &s.def.Targets[i].Checks[0]
		c.Spec = lang.Spec{Kind: "command", Name: "spec", Attrs: map[string]any{"shell": "echo hunter2 is wrong; test \"$SHIPIT_TAG\" != release/2"}}
		c.From, c.Within, c.Every = "deployer", lang.Duration(1), lang.Duration(1)
	}
	res, err := s.run(func(o *Options) {
		o.Redact = func(text string) string { return strings.ReplaceAll(text, "hunter2", "(sensitive)") }
	})
	if err != nil {
		t.Fatal(err)
	}
	if h := res.Hosts[0]; h.Cause != event.Unhealthy || h.Step != "check.command.spec" {
		t.Errorf("it ended %+v\n%s", h, s.log)
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Errorf("a secret is in the journal:\n%s", s.log)
	}
}

func TestACommandOnTheDeployerEndsWithItsWholeGroup(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	step := &plan.Step{ID: "hook.slow", Run: &lang.Command{Shell: "sleep 600 & echo $! >pid.new; mv pid.new pid; sleep 600"}}
	done := make(chan error, 1)
	go func() { done <- runHere(ctx, step, dir, nil, func(string) {}) }()
	var pid string
	for pid == "" {
		text, _ := os.ReadFile(filepath.Join(dir, "pid")) // not there yet
		pid = strings.TrimSpace(string(text))
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("it ended with %v", err)
	}
	for range 1000 { // the kernel may take a moment; a zombie is nobody's work
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("what it began in the background still runs")
}

func TestACommandOnTheDeployerSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"echo one; echo two >&2; exit 3": "exit status 3: two",
		"kill -9 $$":                     "signal: killed",
	} {
		err := runHere(t.Context(), &plan.Step{ID: "hook.x", Run: &lang.Command{Shell: script}}, t.TempDir(), nil, func(string) {})
		why, _, step := reason(err)
		if why != want || step != "hook.x" {
			t.Errorf("%q: %q of step %q, want %q", script, why, step, want)
		}
	}
	err := runHere(t.Context(), &plan.Step{ID: "hook.x", Run: &lang.Command{Argv: []string{"shipit-no-such-program"}}}, t.TempDir(), nil, func(string) {})
	if why, _, _ := reason(err); !strings.HasPrefix(why, "cannot run shipit-no-such-program: ") {
		t.Errorf("it says %q", why)
	}
}
