package exec

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/sim"
	"shipit/lang"
)

// watched is a drill whose hosts wait two minutes for their confirmation.
func watched(t *testing.T, n int) *drill {
	s := newDrill(t, n)
	s.def.Service.Rollback.Watchdog = lang.Duration(2 * time.Minute)
	return s
}

// A confirmed host stays, and costs one connection more.
func TestAWatchdogThatIsConfirmedDoesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 3)
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		s.want(res, event.Done, "nnn")
		for _, name := range s.fleet.Names() {
			if n := s.fleet.Host(name).Dials(); n != 3 { // the drill's plan dials as well
				t.Errorf("%s was dialled %d times", name, n)
			}
			if h := s.fleet.Host(name).State().History; !strings.Contains(h[len(h)-1], "good") {
				t.Errorf("%s: the last line of its history is %q", name, h[len(h)-1])
			}
		}
	})
}

// lose plays a deployer that is gone for good when a step begins: nothing that
// it would still do reaches a host.
func (s *drill) lose(step string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	s.log.on = func(e event.Event) {
		if e.Type == event.StepStarted && e.Step == step {
			cancel()
			for _, name := range s.fleet.Names() {
				s.fleet.Host(name).Vanish()
			}
		}
	}
	o := s.options(s.plan())
	if _, err := Apply(ctx, o); err != nil {
		s.t.Fatal(err)
	}
	o.Fleet.Close()
	for _, name := range s.fleet.Names() {
		s.fleet.Host(name).Return()
	}
}

// Whatever step the deployer is lost in once the watchdog is armed, the host
// is back by itself, in service, and free.
func TestAHostGoesBackByItselfWhenTheDeployerIsLost(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"file:" + conf, "activate", "restart", "check.tcp.port", "undrain", "confirm"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := watched(t, 2)
				s.fleet.Host("web1").Takes[step] = time.Second
				s.lose(step)
				h := s.fleet.Host("web1")
				if h.LockedBy() == "" {
					t.Error("the lock was given back while the watchdog is armed")
				}
				p := s.plan()
				if notes := strings.Join(p.Body.Notes, "\n"); !strings.Contains(notes, "goes back by itself in") {
					t.Errorf("the plan does not tell of the watchdog:\n%s", notes)
				}
				time.Sleep(3 * time.Minute)
				if got := s.running(); got != "oo" {
					t.Errorf("the hosts run %q", got)
				}
				if h.LockedBy() != "" {
					t.Errorf("the lock is still held by %s", h.LockedBy())
				}
				if f := h.State().Files[conf]; f.Content != "workers: 4\n" {
					t.Errorf("the file was not put back: %q", f.Content)
				}
				if h := h.State().History; !strings.Contains(h[len(h)-1], "\tundone\t"+newRelease.ID+"\twatchdog") {
					t.Errorf("the last line of its history is %q", h[len(h)-1])
				}
				if notes := strings.Join(s.plan().Body.Notes, "\n"); !strings.Contains(notes, "taken back there by the watchdog of run run-1") {
					t.Errorf("the plan does not say what the watchdog did:\n%s", notes)
				}
				if t.Failed() {
					t.Log(s.fleet)
				}
			})
		})
	}
}

// A run that took the host over has taken over what becomes of it.
func TestAWatchdogLeavesAHostToTheRunThatTookItOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 1)
		s.lose("restart")
		h := s.fleet.Host("web1")
		h.Steal("run-9", "you@there")
		time.Sleep(5 * time.Minute)
		if h.LockedBy() != "run-9" || s.fleet.Count("web1", "restore") != 0 {
			t.Errorf("the watchdog was at work on another run's host:\n%s", s.fleet)
		}
	})
}

// A change that cuts the way to the host is noticed over the new connection,
// and undone over the old one.
func TestAHostThatCannotBeReachedAnewGoesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 2)
		h := s.fleet.Host("web1")
		s.log.on = func(e event.Event) {
			if e.Type == event.StepDone && e.Step == "activate" && e.Host == "web1" {
				h.Refuse()
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		h.Return()
		s.want(res, event.RolledBack, "oo")
	})
}

// Confirmation and timeout race: exactly one wins, whatever the moment.
func TestOfConfirmationAndWatchdogExactlyOneWins(t *testing.T) {
	t.Parallel()
	for ms := 0; ms < 2000; ms += 50 {
		synctest.Test(t, func(t *testing.T) {
			s := watched(t, 1)
			h := s.fleet.Host("web1")
			begun := time.Time{}
			s.log.on = func(e event.Event) {
				switch {
				case e.Type == event.StepStarted && e.Step == "arm":
					begun = time.Now()
				case e.Type == event.StepStarted && e.Step == "confirm" && begun != (time.Time{}):
					begun = time.Time{}
				}
			}
			h.Takes["undrain"] = 2*time.Minute - 3*time.Second + time.Duration(ms)*time.Millisecond
			res, err := s.run()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			if n := s.fleet.Count("web1", "restart"); n > 2 {
				t.Errorf("%d ms: it was restarted %d times, there and back are 2\n%s", ms, n, s.log)
			}
			switch got := s.running(); {
			case got == "n" && res.Outcome == event.Done:
			case got == "o" && res.Outcome == event.RolledBack:
			default:
				t.Errorf("%d ms: outcome %s, and the host runs %q\n%s\n%s", ms, res.Outcome, got, s.fleet, s.log)
			}
		})
	}
}

// A failure that the policy does not undo is not undone by the watchdog.
func TestAHostThatStaysAsItIsIsDisarmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 1)
		s.def.Service.Rollback.On = []string{"restart"}
		s.fleet.Host("web1").Broken[newRelease.ID] = true
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		s.want(res, event.Mixed, "N")
	})
}

// A reboot loses the process; what it leaves is seen, and not taken for good.
func TestARebootLosesTheWatchdogAndThePlanSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 1)
		s.lose("check.tcp.port")
		s.fleet.Host("web1").Reboot()
		time.Sleep(5 * time.Minute)
		if s.fleet.Count("web1", "restore") != 0 {
			t.Errorf("a watchdog outlived its host:\n%s", s.fleet)
		}
		p := s.plan()
		if !p.Changes() {
			t.Error("a release that was never found good is taken for running")
		}
	})
}

// A second abort starts nothing, not even an undo; the host sees to itself,
// and the run says so.
func TestAHostGoesBackByItselfAfterASecondInterrupt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 2)
		s.fleet.Host("web1").HangAt("restart")
		ctx, cancel := context.WithCancel(t.Context())
		s.log.on = func(e event.Event) {
			if e.Type == event.StepStarted && e.Step == "restart" {
				cancel()
			}
		}
		o := s.options(s.plan())
		res, err := Apply(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Fleet.Close()
		if res.Outcome != event.Mixed || !strings.Contains(s.log.String(), "web1: nobody confirmed it, and its watchdog takes it back to release/1 by itself") {
			t.Errorf("outcome %s\n%s", res.Outcome, s.log)
		}
		time.Sleep(3 * time.Minute)
		if got := s.running(); got != "oo" || s.fleet.Host("web1").LockedBy() != "" {
			t.Errorf("the hosts run %q, the lock is %q's", got, s.fleet.Host("web1").LockedBy())
		}
	})
}

// A watchdog whose undo fails leaves the host to a person, free, and the plan
// says where it failed.
func TestAWatchdogThatFailsIsToldInThePlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, 1)
		h := s.fleet.Host("web1")
		h.Meet(sim.Fault{Step: "restart", Phases: []string{"watchdog"}, Times: 1, How: sim.Fails})
		s.lose("check.tcp.port")
		time.Sleep(3 * time.Minute)
		if h.LockedBy() != "" {
			t.Errorf("the lock is still %s's", h.LockedBy())
		}
		if notes := strings.Join(s.plan().Body.Notes, "\n"); !strings.Contains(notes, "failed to go back by itself at restart") {
			t.Errorf("the plan says\n%s", notes)
		}
		s.log, s.seen = &memory{}, &memory{}
		if res, err := s.run(func(o *Options) { o.Run = "run-2" }); err != nil || res.Outcome != event.Done {
			t.Errorf("the next run ended %s, %v", res.Outcome, err)
		}
		if p := s.plan(); strings.Contains(strings.Join(p.Body.Notes, "\n"), "go back by itself") || p.Changes() {
			t.Errorf("after a good run the plan says\n%q", p.Body.Notes)
		}
	})
}
