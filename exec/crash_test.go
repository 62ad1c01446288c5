package exec

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/sim"
)

// Invariants 1, 4, 5, 6, 7, 10, 11, 12 and 14 wherever the deployer dies.
func TestARunIsResumedWhereverItsDeployerDied(t *testing.T) {
	t.Parallel()
	wherever(t, false, func(s *drill, p *plan.Plan, c *crash) {
		s.want(s.resume(p), event.Done, "nnn")
		if again := s.plan(); again.Changes() || len(again.Body.Notes) > 0 {
			s.t.Errorf("a plan after it changes something, or notes %v", again.Body.Notes)
		}
		events := len(s.log.all())
		if res := s.resume(p); res.Outcome != event.Done || len(s.log.all()) != events {
			s.t.Errorf("resumed again, it did something: %s", res.Outcome)
		}
	})
}

// Whoever resumes a run may die as well.
func TestAResumedRunIsResumedWhereverItsDeployerDied(t *testing.T) {
	t.Parallel()
	n := 0
	wherever(t, false, func(s *drill, p *plan.Plan, c *crash) {
		for range 3 { // dies at places that are spread over all of them
			n += 37
			s.mortal(1+n%100, nil, func(o Options) {
				o.Plan = p
				_, _ = Resume(s.t.Context(), o, s.log.all())
			})
		}
		s.want(s.resume(p), event.Done, "nnn")
	})
}

func TestARunIsTakenBackWhereverItsDeployerDied(t *testing.T) {
	t.Parallel()
	wherever(t, false, func(s *drill, p *plan.Plan, c *crash) {
		time.Sleep(leaseOver)
		back := s.backPlan(p)
		if problems := back.Problems(); len(problems) > 0 {
			s.t.Fatalf("it cannot be taken back: %v", problems)
		}
		res := s.other(back, "run-2")
		if res.Outcome != event.Done && res.Outcome != event.Nothing {
			s.t.Errorf("the rollback ended %s", res.Outcome)
		}
		s.asBefore()
		if s.backPlan(p).Changes() {
			s.t.Error("taken back twice, it would do something twice")
		}
	})
}

// The rollback's own deployer dies as well: it is given again.
func TestARollbackIsGivenAgainWhereverItsDeployerDied(t *testing.T) {
	t.Parallel()
	n := 0
	wherever(t, false, func(s *drill, p *plan.Plan, c *crash) {
		time.Sleep(leaseOver)
		back := s.backPlan(p)
		was := s.log
		n += 31
		s.log = &memory{}
		s.mortal(1+n%120, nil, func(o Options) {
			o.Plan, o.Run = back, "run-2"
			_, _ = Apply(s.t.Context(), o)
		})
		died := s.log
		time.Sleep(leaseOver)
		if n%2 == 0 { // go on with the rollback, or begin another
			o := s.options(back)
			o.Run = "run-2"
			res, err := Resume(s.t.Context(), o, died.all())
			o.Fleet.Close()
			if err != nil || res.Outcome != event.Done && res.Outcome != event.Nothing {
				s.t.Errorf("the rollback, resumed: %v, %v\n%s", res, err, died)
			}
			s.log = was
		} else {
			s.log = was
			again := s.backPlan(p)
			if problems := again.Problems(); len(problems) > 0 {
				s.t.Fatalf("it cannot be given again: %v", problems)
			}
			s.other(again, "run-3")
		}
		s.asBefore()
	})
}

func TestAPlainApplyIsRightWhereverADeployerDied(t *testing.T) {
	t.Parallel()
	wherever(t, false, func(s *drill, p *plan.Plan, c *crash) {
		time.Sleep(leaseOver)
		again := s.plan()
		between := slices.ContainsFunc(s.fleet.Names(), s.begun)
		noted := slices.ContainsFunc(again.Body.Notes, func(n string) bool { return strings.Contains(n, "shipit resume run-1") })
		if between != noted {
			s.t.Errorf("a host is in between: %v; the plan says so: %v (%v)", between, noted, again.Body.Notes)
		}
		if again.Changes() {
			s.want(s.other(again, "run-2"), event.Done, "nnn")
		}
		if after := s.plan(); after.Changes() {
			s.t.Error("the plan after it is not empty")
		}
		if s.running() != "nnn" {
			s.t.Errorf("the hosts run %q", s.running())
		}
	})
}

// A host that nobody can reach is nobody's reason to leave the others in the
// middle, and is told as what it is; when it is back, the run can go on.
func TestARunIsResumedWithoutAHostThatIsGone(t *testing.T) {
	t.Parallel()
	wherever(t, true, func(s *drill, p *plan.Plan, c *crash) {
		roll := replay(p, s.log.all())
		o := s.options(p)
		res, err := Resume(s.t.Context(), o, s.log.all())
		o.Fleet.Close()
		if len(s.log.all()) == 0 || !res.Started {
			if err == nil || s.running() != "ooo" {
				s.t.Errorf("not begun, and a host is gone: %v, %v", res, err)
			}
			return
		}
		if err != nil {
			s.t.Fatal(err)
		}
		for _, name := range []string{"web1", "web3"} {
			if st := s.fleet.Host(name).State(); st.Drained || st.Running != st.Live {
				s.t.Errorf("%s is left in the middle: %+v", name, st)
			}
		}
		web2 := res.Hosts[1]
		if st := s.fleet.Host("web2").State(); web2.Status == rollout.Done && (st.Running != newRelease.ID || st.Drained) ||
			web2.Status == rollout.Undone || roll.Begun("web2") && web2.Status == rollout.Skipped {
			s.t.Errorf("web2 cannot be asked, and is said to be %s", web2.Status)
		}
		s.fleet.Host("web2").Return()
		time.Sleep(leaseOver)
		// Whatever became of it: a person types what the run said.
		if res.Resumable {
			s.resume(p)
		}
		s.other(s.plan(), "run-2")
		if s.plan().Changes() || s.running() != "nnn" {
			s.t.Errorf("in the end the hosts run %s", s.running())
		}
	})
}

// The places are named here so that one which is lost is missed.
func TestTheDeployerMayDieEverywhere(t *testing.T) {
	t.Parallel()
	all := strings.Join(places(t, 1, func(s *drill, p *plan.Plan) *crash { return s.die(p, 0, nil) }), "\n")
	for _, want := range []string{
		"before dial web1", "after dial web1", "before exec lock web1", "heard end of lock web1", "after exec lock web1",
		"before journal run.started", "after journal run.started", "before exec stage web1", "heard begin of stage web1",
		"before exec switch web1", "heard begin of verify web1", "heard end of begin web1", "heard begin of save web1",
		"heard begin of drain web1", "heard end of drain web1", "heard end of file:" + conf + " web1", "heard end of activate web1",
		"heard begin of restart web1", "heard end of check.tcp.port web1", "heard end of undrain web1", "heard end of record web1",
		"after exec switch web1", "before journal host.done web1 switch", "before journal batch.done", "before journal run.finished",
		"after journal run.finished",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nobody dies %s", want)
		}
	}
	if t.Failed() {
		t.Log(all)
	}
}

// What somebody changed by hand after the death is not written over.
func TestARunIsNotResumedOverWhatSomebodyDidSince(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sim.State){
		"a file":           func(st *sim.State) { st.Files[conf] = sim.Text("workers: 99\n", "0640") },
		"the live release": func(st *sim.State) { st.Releases, st.Live = append(st.Releases, "other"), "other" },
		"another run": func(st *sim.State) {
			st.History = append(st.History, strings.Join([]string{"9", "run-9", "good", newRelease.ID, "you@there", newRelease.Tag, newRelease.Commit}, "\t"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				p := s.plan()
				c := &crash{}
				for at := 1; !strings.HasPrefix(c.last(), "heard end of activate web1"); at++ { // found by its name: how many are before it differs
					s = newDrill(t, 3)
					s.log = &memory{}
					p = s.plan()
					c = s.die(p, at, nil)
				}
				s.fleet.Host("web1").Set(change)
				o := s.options(p)
				res, err := Resume(t.Context(), o, s.log.all())
				o.Fleet.Close()
				var stale *StaleError
				if !errors.As(err, &stale) || res.Started || len(stale.Hosts) != 1 || stale.Hosts[0].Name != "web1" {
					t.Errorf("it was resumed: %+v, %v", res, err)
				}
			})
		})
	}
}
