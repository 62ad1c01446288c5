package exec

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/lang"
)

// untouched fails the test if anything was changed on any host.
func (s *drill) untouched() {
	s.t.Helper()
	for _, name := range s.fleet.Names() {
		if s.fleet.Changed(name) {
			s.t.Errorf("%s was changed:\n%s", name, s.fleet)
		}
	}
	if n := len(s.log.all()); n != 0 {
		s.t.Errorf("the journal holds %d events of a run that did not start:\n%s", n, s.log)
	}
}

// H11 and H12, invariant 9: a dead host is a fact of the plan, and costs
// seconds.
func TestH11H12ADeadOrSilentHostIsAFactAndCostsSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 4)
		s.fleet.Host("web2").Unreachable = true
		s.fleet.Host("web3").Silent = true
		begun := time.Now()
		p := s.plan()
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("planning took %s", took)
		}
		for i, want := range []plan.Action{plan.Update, plan.Unreachable, plan.Unreachable, plan.Update} {
			if got := p.Body.Hosts[i].Action; got != want {
				t.Errorf("%s is planned %q, want %q", p.Body.Hosts[i].Name, got, want)
			}
		}
		res, err := s.apply(t.Context(), s.options(p))
		var refused *RefusedError
		if !errors.As(err, &refused) || len(refused.Problems) == 0 || res.Outcome != event.Refused {
			t.Errorf("applying it: %+v, %v", res, err)
		}
		s.untouched()
	})
}

func TestAHostThatDiesAfterThePlanIsToldBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		p := s.plan()
		s.fleet.Host("web3").Silent = true
		begun := time.Now()
		res, err := s.apply(t.Context(), s.options(p))
		if err == nil || !strings.Contains(err.Error(), "web3") || res.Started {
			t.Errorf("%+v, %v", res, err)
		}
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("it took %s", took)
		}
		s.untouched()
	})
}

func TestAHostThatMovedSinceThePlanIsRefusedBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sim.State){
		"release": func(st *sim.State) { st.Releases = append(st.Releases, "by-hand"); st.Live = "by-hand" },
		"file":    func(st *sim.State) { st.Files[conf] = sim.Text("workers: 16\n", "0640") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				p := s.plan()
				s.fleet.Host("web3").Set(change)
				_, err := s.apply(t.Context(), s.options(p))
				var stale *StaleError
				if !errors.As(err, &stale) || len(stale.Hosts) != 1 || stale.Hosts[0].Name != "web3" || len(stale.Hosts[0].Diffs) != 1 {
					t.Errorf("it says %v", err)
				}
				s.untouched()
			})
		})
	}
}

func TestAHeldLockIsToldAndNothingIsTouched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		p := s.plan()
		s.fleet.Host("web2").Steal("run-9", "you@there")
		res, err := s.apply(t.Context(), s.options(p))
		var locked *LockedError
		if !errors.As(err, &locked) || len(locked.Hosts) != 1 || locked.Hosts[0].Name != "web2" {
			t.Fatalf("it says %v", err)
		}
		var held *lock.HeldError
		if !errors.As(locked.Hosts[0].Err, &held) || held.Holder.Run != "run-9" || held.Holder.Owner != "you@there" || held.Holder.Since == 0 {
			t.Errorf("the holder is %+v", held)
		}
		if res.Outcome != event.Refused || res.Started {
			t.Errorf("%+v", res)
		}
		s.untouched()
		if s.fleet.Host("web2").LockedBy() != "run-9" {
			t.Error("the other run's lock was taken away")
		}
	})
}

func TestALockIsWaitedForAsLongAsThePlanSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Lock.Wait = 10 * 60 * 1e9
		p := s.plan()
		s.fleet.Host("web2").Steal("run-9", "you@there")
		time.AfterFunc(5*time.Minute, s.fleet.Host("web2").Free)
		res, err := s.apply(t.Context(), s.options(p))
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		var told bool
		for _, e := range s.seen.of(event.Note) {
			told = told || strings.Contains(e.Text, "you@there")
		}
		if !told {
			t.Error("nobody was told who holds the lock")
		}
	})
}

func TestARunThatWaitsForALockCanBeAborted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 2)
		s.def.Service.Lock.Wait = 10 * 60 * 1e9
		p := s.plan()
		s.fleet.Host("web2").Steal("run-9", "you@there")
		abort := make(chan string, 1)
		time.AfterFunc(time.Minute, func() { abort <- "me@here" })
		o := s.options(p)
		o.Abort = abort
		begun := time.Now()
		res, err := s.apply(t.Context(), o)
		if err != nil || res.Outcome != event.Abort || res.Started {
			t.Errorf("%+v, %v", res, err)
		}
		if took := time.Since(begun); took > 2*time.Minute {
			t.Errorf("it ended after %s", took)
		}
		s.untouched()
	})
}

func TestInterruptedBeforeTheFirstChangeLeavesNoLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		p := s.plan()
		s.fleet.Host("web3").Latency = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		res, err := s.apply(ctx, s.options(p))
		if !errors.Is(err, context.DeadlineExceeded) || res.Started {
			t.Errorf("%+v, %v", res, err)
		}
		s.untouched()
	})
}

func TestACentralLockHostIsTakenFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Lock.Host = "web3"
		p := s.plan()
		s.fleet.Host("web3").Steal("run-9", "you@there")
		_, err := s.apply(t.Context(), s.options(p))
		var locked *LockedError
		if !errors.As(err, &locked) {
			t.Fatal(err)
		}
		if s.fleet.Count("web1", "lock") != 0 || s.fleet.Count("web2", "lock") != 0 {
			t.Error("other hosts were locked before the one that stands for all")
		}
	})
}

func TestAFleetOfManyHostsIsLockedAndStagedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 200)
		s.def.Service.Batches[1].Size.N = 50
		begun := time.Now()
		res, err := s.run()
		if err != nil || res.Outcome != event.Done {
			t.Fatal(res.Outcome, err)
		}
		if took := time.Since(begun); took > 2*time.Minute {
			t.Errorf("200 hosts took %s: something is done one after the other", took)
		}
	})
}

func TestAContentThatIsNotWhatWasPlannedIsRefusedBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secrets func(*plan.File) (string, error)
		ok      bool
	}{
		"as planned": {func(*plan.File) (string, error) { return "workers: 8\n", nil }, true},
		"another":    {func(*plan.File) (string, error) { return "workers: 9\n", nil }, false},
		"missing":    {func(*plan.File) (string, error) { return "", errors.New("variable token has no value") }, false},
		"nobody":     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 2)
				for i := range s.def.Targets {
					s.def.Targets[i].Files[0].Sensitive = true
				}
				o := s.options(s.plan())
				o.Secrets = c.secrets
				res, err := s.apply(t.Context(), o)
				if c.ok {
					if err != nil {
						t.Fatal(err)
					}
					s.want(res, event.Done, "nn")
					return
				}
				var refused *RefusedError
				if !errors.As(err, &refused) || len(refused.Problems) != 1 || res.Outcome != event.Refused {
					t.Errorf("%+v, %v", res, err)
				}
				s.untouched()
			})
		})
	}
}

// What is observed under the lock is what the plan's fingerprint holds, on
// hosts too that the plan leaves as they are.
func TestAHostThatNeedsNoChangeIsLookedAtAsWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		for i := range s.def.Targets {
			c := &s.def.Targets[i].Checks[0]
			c.Spec = lang.Spec{Kind: "systemd", Name: "unit", Attrs: map[string]any{"unit": "web.service"}}
		}
		s.fleet.Host("web1").Set(func(st *sim.State) {
			st.Releases, st.Live, st.Running = append(st.Releases, newRelease.ID), newRelease.ID, newRelease.ID
			st.Files[conf] = sim.Text("workers: 8\n", "0640")
		})
		p := s.plan()
		if a := p.Body.Hosts[0].Action; a != plan.Keep {
			t.Fatalf("web1 is planned %q: %s", a, p.Body.Hosts[0].Problem)
		}
		res, err := s.apply(t.Context(), s.options(p))
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		if s.fleet.Changed("web1") {
			t.Errorf("it was changed:\n%s", s.fleet)
		}
	})
}

func TestACentralLockHostThatThePlanLeavesOutIsLockedAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Lock.Host = "web1"
		f := NewFleet(s.fleet)
		facts := Observe(t.Context(), f, Questions(s.def, "", plan.Deploy), nil)
		f.Close()
		p := plan.Make(plan.Inputs{
			Kind: plan.Deploy, Definition: s.def, Facts: facts, Release: newRelease, Version: "test",
			Salt: []byte("0123456789abcdef"), Options: plan.Options{Limit: []string{"web2", "web3"}},
		})
		s.fleet.Host("web1").Steal("run-9", "you@there")
		var locked *LockedError
		if _, err := s.apply(t.Context(), s.options(p)); !errors.As(err, &locked) {
			t.Fatal(err)
		}
		s.untouched()
		s.fleet.Host("web1").Free()
		res, err := s.apply(t.Context(), s.options(p))
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "onn")
	})
}
