package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/sim"
)

// seeds is how many random runs a test plays: all of them with SHIPIT_SWEEP
// (make sweep), else a quarter, for the race detector makes each many times as
// dear.
func seeds(all uint64) uint64 {
	if os.Getenv("SHIPIT_SWEEP") != "" {
		return all
	}
	return all / 4
}

// Invariant 12: of runs that begin at about the same moment, over hosts that
// answer as they like, one does it all and the others touch nothing. So it is
// where one of them waits: it finds the hosts changed.
func TestOfTwoRunsThatRaceExactlyOneChangesTheHosts(t *testing.T) {
	t.Parallel()
	ends := map[string]int{}
	races := seeds(400) // pairs of runs that meet, each with its own latencies
	for seed := range races {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4))
			s := newDrill(t, 1+rng.IntN(5))
			for _, name := range s.fleet.Names() {
				s.fleet.Host(name).Latency = time.Duration(rng.IntN(200)) * time.Millisecond
			}
			if rng.IntN(3) == 0 {
				s.def.Service.Lock.Host = s.def.Targets[len(s.def.Targets)-1].Host.Name
			}
			p := s.plan()
			n := 2 + rng.IntN(2)
			results, errs, logs := make([]Result, n), make([]error, n), make([]*memory, n)
			var wg sync.WaitGroup
			for i := range n {
				o := s.options(p)
				logs[i] = &memory{}
				o.Run, o.Journal, o.Views = fmt.Sprintf("run-%d", i), logs[i], nil
				delay := time.Duration(rng.IntN(400)) * time.Millisecond
				if rng.IntN(2) == 0 {
					wait := 10 * time.Minute
					o.Wait = &wait
				}
				wg.Go(func() {
					defer o.Fleet.Close()
					time.Sleep(delay)
					results[i], errs[i] = Apply(t.Context(), o)
				})
			}
			wg.Wait()
			won := 0
			for i, err := range errs {
				var locked *LockedError
				var stale *StaleError
				switch {
				case err == nil && results[i].Outcome == event.Done:
					won++
					continue
				case errors.As(err, &locked):
					ends["locked"]++
				case errors.As(err, &stale):
					ends["stale"]++
				default:
					t.Errorf("seed %d: %+v, %v", seed, results[i], err)
				}
				if len(logs[i].all()) != 0 {
					t.Errorf("seed %d: the loser began:\n%s", seed, logs[i])
				}
				for _, name := range s.fleet.Names() {
					if h := strings.Join(s.fleet.Host(name).State().History, "\n"); strings.Contains(h, fmt.Sprintf("run-%d", i)) {
						t.Errorf("seed %d: the loser changed %s:\n%s", seed, name, h)
					}
				}
			}
			if hosts := len(s.fleet.Names()); won != 1 || s.fleet.Count("", "restart") != hosts {
				t.Errorf("seed %d: %d runs won, the hosts run %q:\n%s", seed, won, s.running(), s.fleet)
			}
			s.noLocks(seed)
		})
	}
	if least := int(races / 10); ends["locked"] < least || ends["stale"] < least {
		t.Errorf("the races ended %v: this tests too little", ends)
	}
}

// noLocks fails the test where a run left its lock or its place in a queue.
func (s *drill) noLocks(seed uint64) {
	s.t.Helper()
	for _, name := range s.fleet.Names() {
		if h := s.fleet.Host(name); h.LockedBy() != "" || len(h.Waiting()) != 0 {
			s.t.Errorf("seed %d: %s is left locked by %q, with %v waiting", seed, name, h.LockedBy(), h.Waiting())
		}
	}
}

// Runs over hosts of which only some are the same wait for each other without
// end to end: each gets its turn.
func TestRunsThatShareSomeHostsAllGetTheirTurn(t *testing.T) {
	t.Parallel()
	for seed := range seeds(200) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			s := newDrill(t, 5)
			for _, name := range s.fleet.Names() {
				s.fleet.Host(name).Latency = time.Duration(rng.IntN(300)) * time.Millisecond
			}
			var wg sync.WaitGroup
			for i := range 4 {
				var members []*member
				r := &run{byName: map[string]*member{}}
				wait := 30 * time.Minute
				p := s.plan()
				r.o, r.body, r.members = s.options(p), &p.Body, members
				r.o.Run, r.o.Views, r.o.Wait, r.o.Now = fmt.Sprintf("run-%d", i), nil, &wait, time.Now
				for k, q := range QuestionsOf(p, "") {
					if rng.IntN(2) == 0 {
						r.members = append(r.members, newMember(r.o, &p.Body.Hosts[k], q))
					}
				}
				delay := time.Duration(rng.IntN(500)) * time.Millisecond
				wg.Go(func() {
					defer r.o.Fleet.Close()
					time.Sleep(delay)
					begun := time.Now()
					err := r.lockAll(t.Context())
					if took := time.Since(begun); err != nil || took > 5*time.Minute {
						t.Errorf("seed %d: %s, after %s: %v", seed, r.o.Run, took, err)
					}
					time.Sleep(20 * time.Second)
					r.unlock(t.Context())
				})
			}
			wg.Wait()
			s.noLocks(seed)
		})
	}
}

// A run whose lock is broken by hand stops: the hosts refuse its next step.
func TestARunWhoseLockIsBrokenStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.log.on = func(e event.Event) {
			if e.Type != event.BatchDone || e.Batch != "canary" {
				return
			}
			f := NewFleet(s.fleet)
			defer f.Close()
			places := s.places(f)
			Locks(t.Context(), places)
			if l := places[1].Lock; !l.Held || l.Holder.Run != "run-1" || l.Holder.Owner != "me@here" {
				t.Errorf("web2 says %+v", l)
			}
			if _, err := Release(t.Context(), places); err != nil {
				t.Error(err)
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Mixed, "noo")
		if len(s.log.of(event.LockLost)) == 0 {
			t.Errorf("nobody was told:\n%s", s.log)
		}
	})
}

// places are the locks of all hosts.
func (s *drill) places(f *Fleet) []Place {
	var out []Place
	for _, target := range s.def.Targets {
		q := Question{Host: target.Host.Name, Path: "srv/web"}
		q.Target = TargetOfHost(target.Host, "", "")
		out = append(out, Place{Fleet: f, Lock: HostLock{Question: q}})
	}
	return out
}

// A hold is on all hosts or on none.
func TestAHoldThatOneHostRefusesIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(f *sim.Fleet){
		"taken":  func(f *sim.Fleet) { f.Host("web3").Steal("run-9", "you@there") },
		"failed": func(f *sim.Fleet) { f.Host("web3").FailAt("lock", 1, "no space") },
		"lost":   func(f *sim.Fleet) { f.Host("web3").DropAt("lock", true); f.Host("web3").Refuse() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				f := NewFleet(s.fleet)
				defer f.Close()
				places := s.places(f)
				Locks(t.Context(), places)
				fault(s.fleet) // a moment later
				h := Hold{ID: "hold-1", Owner: "me@here", Reason: "switchover", For: time.Hour}
				err := PutHold(t.Context(), places, h)
				var locked *LockedError
				if err == nil || errors.As(err, &locked) != (name == "taken") {
					t.Errorf("it says %v", err)
				}
				for _, host := range []string{"web1", "web2"} {
					if by := s.fleet.Host(host).LockedBy(); by != "" {
						t.Errorf("%s is still held by %s", host, by)
					}
				}
				if name == "lost" && !strings.Contains(err.Error(), "web3: the hold may stay there until it ends") {
					t.Errorf("of the lost host it says %v", err)
				}
			})
		})
	}
}

// An abort ends the wait in line at once.
func TestAnAbortEndsTheWaitInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 2)
		p := s.plan()
		s.fleet.Host("web1").Steal("run-9", "you@there")
		ctx, cancel := context.WithCancel(t.Context())
		o := s.options(p)
		wait := time.Hour
		o.Wait = &wait
		time.AfterFunc(time.Minute, func() {
			if w := s.fleet.Host("web1").Waiting(); len(w) != 1 || w[0] != "run-1" {
				t.Errorf("in line are %v", w)
			}
			cancel()
		})
		begun := time.Now()
		res, err := s.apply(ctx, o)
		if took := time.Since(begun); err == nil || res.Started || took > time.Minute+time.Second {
			t.Errorf("after %s: %+v, %v", took, res, err)
		}
		if w := s.fleet.Host("web1").Waiting(); len(w) != 0 {
			t.Errorf("in line are still %v", w)
		}
		s.untouched()
	})
}
