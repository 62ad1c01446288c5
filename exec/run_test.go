package exec

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
)

func TestARunBringsTheReleaseToEveryHostCanaryFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 5)
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnnnn")
		if most := s.fleet.MostOut(); most > 2 {
			t.Errorf("%d hosts were out of service at once, the slice allows 2", most)
		}
		var batches []string
		for _, e := range s.log.of(event.BatchStarted) {
			batches = append(batches, fmt.Sprintf("%s/%d", e.Batch, e.Slice))
		}
		if got := strings.Join(batches, " "); got != "canary/1 fleet/1 fleet/2" {
			t.Errorf("batches began in the order %s", got)
		}
		for _, name := range s.fleet.Names() {
			st := s.fleet.Host(name).State()
			if st.Files[conf].Content != "workers: 8\n" {
				t.Errorf("%s: the file holds %q", name, st.Files[conf].Content)
			}
			if !strings.Contains(st.History[len(st.History)-1], "good") {
				t.Errorf("%s: the last line of its history is %q", name, st.History[len(st.History)-1])
			}
			if n := s.fleet.Host(name).Dials(); n != 2 { // one to plan and one to apply: the drill uses two fleets
				t.Errorf("%s was dialled %d times", name, n)
			}
		}
	})
}

// Invariant 7.
func TestAPlanAfterARunThatWentWellIsEmptyAndDoesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		if res, err := s.run(); err != nil || res.Outcome != event.Done {
			t.Fatal(res, err)
		}
		drained, restarted := s.fleet.Count("", "drain"), s.fleet.Count("", "restart")
		p := s.plan()
		if p.Changes() {
			t.Errorf("the second plan changes something: %+v", p.Body.Hosts)
		}
		s.log = &memory{}
		o := s.options(p)
		o.Run = "run-2"
		res, err := s.apply(t.Context(), o)
		if err != nil || res.Started {
			t.Fatal(res, err)
		}
		s.want(res, event.Nothing, "nnn")
		if s.fleet.Count("", "drain") != drained || s.fleet.Count("", "restart") != restarted || s.fleet.Count("", "lock") != 3 {
			t.Errorf("the second run touched hosts:\n%s", s.fleet)
		}
	})
}

// H14: what is announced is what runs.
func TestH14ABadReleaseIsTakenBackFromTheCanaryAndTheRunSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 4)
		s.fleet.Host("web1").Broken[newRelease.ID] = true
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "oooo")
		if got := statuses(res); got != "rolled back, not started, not started, not started" {
			t.Errorf("the hosts ended %s", got)
		}
		last := s.log.all()[len(s.log.all())-1]
		if last.Type != event.RunFinished || last.Outcome != event.RolledBack {
			t.Errorf("the last event is %+v", last)
		}
		if h := res.Hosts[0]; h.Cause != event.Unhealthy || h.Step != "check.tcp.port" || h.At != "web.hcl:20" || !strings.Contains(h.Reason, "status 500") {
			t.Errorf("the canary's reason is %+v", h)
		}
		if f := s.fleet.Host("web1").State().Files[conf]; f.Content != "workers: 4\n" {
			t.Errorf("the file did not go back: %q", f.Content)
		}
		if s.fleet.Changed("web2") && s.fleet.Count("web2", "drain") > 0 {
			t.Error("a host of the next batch was drained")
		}
	})
}

// H2, invariant 11: a broken host is never put back before it is mended.
func TestH2AHostThatFailedItsCheckIsNotPutBackInService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Rollback.On = nil
		s.fleet.Host("web1").Broken[newRelease.ID] = true
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Mixed, "Noo")
		if n := s.fleet.Count("web1", "undrain"); n != 0 {
			t.Errorf("it was put back %d times", n)
		}
		if !res.Hosts[0].Drained {
			t.Error("that it is out of service is not said")
		}
	})
}

func TestAFailureInTheMiddleTakesBackWhatThePolicySays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scope, running string
		outcome        event.Outcome
	}{
		{"run", "oooooo", event.RolledBack},
		{"batch", "nooooo", event.Mixed},
		{"host", "nnoooo", event.Mixed},
	} {
		t.Run(c.scope, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 6)
				s.def.Service.Rollback.Scope = c.scope
				s.fleet.Host("web3").FailAt("restart", 1, "job failed\x1b[2J")
				res, err := s.run()
				if err != nil {
					t.Fatal(err)
				}
				s.want(res, c.outcome, c.running)
				if most := s.fleet.MostOut(); most > 2 {
					t.Errorf("%d hosts were out of service at once", most)
				}
				for _, e := range s.log.all() {
					if strings.Contains(fmt.Sprint(e), "\x1b") {
						t.Errorf("an event holds what the host printed, uncleaned: %+v", e)
					}
				}
			})
		})
	}
}

// Invariants 4, 5 and 14.
func TestARunThatIsAbortedAnywhereLeavesNoHostInTheMiddle(t *testing.T) {
	t.Parallel()
	events := 0
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		if _, err := s.run(); err != nil {
			t.Fatal(err)
		}
		events = len(s.log.all())
	})
	for at := 1; at < events; at++ {
		synctest.Test(t, func(t *testing.T) {
			s := newDrill(t, 3)
			abort := make(chan string, 1)
			s.log.on = func(e event.Event) {
				if e.Seq == int64(at) {
					abort <- "me@here"
				}
			}
			res, err := s.run(func(o *Options) { o.Abort = abort })
			if err != nil {
				t.Fatal(err)
			}
			if res.Outcome != event.Abort && res.Outcome != event.Done {
				t.Errorf("aborted at %d, it ended %q:\n%s", at, res.Outcome, s.log)
			}
			if got := s.running(); strings.Trim(got, "no") != "" {
				t.Errorf("aborted at %d, the hosts run %q", at, got)
			}
			var aborted bool
			for _, e := range s.log.all() {
				aborted = aborted || e.Type == event.Aborted
				if aborted && e.Type == event.HostStarted && (e.Phase == event.Stage || e.Phase == event.Switch) {
					t.Errorf("aborted at %d, %s still began %s", at, e.Host, e.Phase)
				}
			}
		})
	}
}

func TestAfterAnAbortAPersonMayRollBackOrContinue(t *testing.T) {
	t.Parallel()
	for choice, want := range map[string]struct {
		running string
		outcome event.Outcome
	}{
		"rollback": {"ooo", event.RolledBack},
		"leave":    {"noo", event.Abort},
		"continue": {"nnn", event.Done},
	} {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				abort := make(chan string, 1)
				s.log.on = func(e event.Event) {
					if e.Type == event.BatchDone && e.Batch == "canary" {
						abort <- "me@here"
					}
				}
				res, err := s.run(func(o *Options) {
					o.Abort = abort
					o.Ask = func(context.Context, Prompt) (Answer, error) { return Answer{choice, "you@there"}, nil }
				})
				if err != nil {
					t.Fatal(err)
				}
				if a := s.log.of(event.Answered); len(a) != 1 || a[0].By != "you@there" || a[0].Choice != choice {
					t.Errorf("the answers are %+v", a)
				}
				// The abort may meet the next slice on its way.
				if choice == "leave" && s.running() == "nnn" {
					want.running, want.outcome = "nnn", event.Done
				}
				s.want(res, want.outcome, want.running)
			})
		})
	}
}

// H6: the second Ctrl-C stops remote work, and the lock is given back.
func TestH6ASecondInterruptStopsRemoteWorkAndReleasesTheLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.fleet.Host("web1").HangAt("restart")
		ctx, cancel := context.WithCancel(t.Context())
		s.log.on = func(e event.Event) {
			if e.Type == event.StepStarted && e.Step == "restart" {
				cancel()
			}
		}
		o := s.options(s.plan())
		begun := time.Now()
		res, err := s.apply(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Mixed, "Ooo")
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("it took %s to stop", took)
		}
		if h := res.Hosts[0]; h.Cause != event.Interrupted {
			t.Errorf("the host that was at work ended %+v", h)
		}
		if s.fleet.Count("web1", "undrain") != 0 || s.fleet.Count("web2", "drain") != 0 {
			t.Errorf("work went on:\n%s", s.fleet)
		}
	})
}

func TestAHostThatFallsSilentInAStepIsUnknownAndTheRunMixed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		h := s.fleet.Host("web2")
		s.log.on = func(e event.Event) {
			if e.Type == event.StepStarted && e.Step == "restart" && e.Host == "web2" {
				h.Vanish()
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		if res.Outcome != event.Mixed || res.Hosts[1].Status != "unknown" {
			t.Errorf("outcome %s, hosts %s\n%s", res.Outcome, statuses(res), s.log)
		}
	})
}

func TestASilentStepEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 2)
		s.fleet.Host("web1").SilentAt("restart")
		begun := time.Now()
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 10*time.Minute {
			t.Errorf("the run took %s", took)
		}
		if res.Outcome != event.RolledBack && res.Outcome != event.Mixed {
			t.Errorf("outcome %s", res.Outcome)
		}
	})
}

func TestAConnectionLostBeforeTheSwitchIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.log.on = func(e event.Event) {
			if e.Type == event.HostDone && e.Phase == event.Stage && e.Host == "web3" {
				s.fleet.Host("web3").Drop()
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
	})
}

func TestStagingIsTriedAgainWhenTheConnectionBreaksInIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.fleet.Host("web3").DropAt("stage", false)
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
	})
}

// Invariant 12.
func TestALockThatIsLostInARunStopsItThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 4)
		s.log.on = func(e event.Event) {
			if e.Type == event.BatchDone && e.Batch == "canary" {
				s.fleet.Host("web2").Steal("run-9", "you@there")
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		if st := s.fleet.Host("web2").State(); st.Running != oldRelease.ID || st.Drained || s.fleet.Count("web2", "drain") != 0 {
			t.Errorf("the host of the other run was changed:\n%s", s.fleet)
		}
		if lost := s.log.of(event.LockLost); len(lost) != 1 || lost[0].Host != "web2" {
			t.Errorf("lost locks: %+v", lost)
		}
		if s.fleet.Host("web2").LockedBy() != "run-9" {
			t.Error("the other run's lock was taken away")
		}
		if h := res.Hosts[1]; h.Cause != event.Fenced {
			t.Errorf("the host ended %+v", h)
		}
		if s.fleet.Count("web4", "drain") != 0 {
			t.Error("a host was begun after the lock was lost")
		}
	})
}

func TestAJournalThatBreaksInARunStartsNoMoreHosts(t *testing.T) {
	t.Parallel()
	events := 0
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		if _, err := s.run(); err != nil {
			t.Fatal(err)
		}
		events = len(s.log.all())
	})
	for at := 1; at <= events; at++ {
		synctest.Test(t, func(t *testing.T) {
			s := newDrill(t, 3)
			s.log.fail = at
			res, err := s.run()
			if err == nil || !strings.Contains(err.Error(), "no space left") {
				t.Fatalf("the journal takes %d events, and the run said %v", at-1, err)
			}
			started := map[string]bool{}
			for _, e := range s.log.all() {
				if e.Type == event.HostStarted {
					started[e.Host+string(e.Phase)] = true
				}
			}
			for _, m := range s.fleet.Timeline() {
				phase := event.Switch
				switch m.Op {
				case "stage":
					phase = event.Stage
				case "drain", "file", "activate", "restart", "undrain":
				default:
					continue
				}
				if !started[m.Host+string(phase)] {
					t.Fatalf("the journal takes %d events, and %s was done on %s without its being written down", at-1, m.Step, m.Host)
				}
			}
			if at == 1 && (res.Started || res.Outcome != event.Refused) {
				t.Errorf("a journal that takes nothing: %+v", res)
			}
			if got := s.running(); strings.Trim(got, "no") != "" && res.Outcome != event.Mixed {
				t.Errorf("the hosts run %q and the outcome is %s", got, res.Outcome)
			}
		})
	}
}

// The steps of a host's phase are in the journal before any of them begins.
func TestAnIntentIsWrittenBeforeItsEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.log.on = func(e event.Event) {
			if e.Type == event.HostStarted && e.Phase == event.Switch && s.fleet.Count(e.Host, "drain") != 0 {
				t.Errorf("%s was drained before the journal said so", e.Host)
			}
		}
		if _, err := s.run(); err != nil {
			t.Fatal(err)
		}
	})
}

// A view that fails changes nothing.
func TestAViewThatBreaksStopsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 2)
		s.seen.fail = 3
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nn")
	})
}
