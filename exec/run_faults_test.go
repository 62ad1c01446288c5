package exec

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/rollout"
	"shipit/lang"
)

// Invariants 1, 4, 5, 11 and 14 with whatever may go wrong anywhere: the run
// ends, says what runs, never takes more hosts out than a slice holds, and
// lists whoever it left out of service.
func TestWhateverGoesWrongTheRunEndsAndTellsTheTruth(t *testing.T) {
	t.Parallel()
	steps := []string{"stage", "verify", "save", "drain", "file:" + conf, "activate", "restart", "check.tcp.port", "undrain", "record", "mark", "restore:" + conf}
	for seed := range seeds(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				s := newDrill(t, 6)
				s.def.Service.Rollback.Scope = []string{"host", "batch", "run"}[rnd.IntN(3)]
				s.def.Service.Batches[1].MaxFailed = lang.Size{N: rnd.IntN(3)}
				s.def.Service.Batches[1].MaxUnreachable = lang.Size{N: rnd.IntN(2)}
				p := s.plan()
				var faults []string
				for range 1 + rnd.IntN(4) {
					name := fmt.Sprintf("web%d", 1+rnd.IntN(6))
					h, step := s.fleet.Host(name), steps[rnd.IntN(len(steps))]
					kind := rnd.IntN(6)
					switch kind {
					case 0, 1:
						h.FailAt(step, 1+rnd.IntN(2), "it says no")
					case 2:
						h.DropAt(step, rnd.IntN(2) == 0)
					case 3:
						h.SilentAt(step)
					case 4:
						h.HangAt(step)
					case 5:
						h.Broken[newRelease.ID] = true
					}
					faults = append(faults, fmt.Sprintf("%s at %s of %s", []string{"fails", "fails", "drops", "silent", "hangs", "broken"}[kind], step, name))
				}
				o := s.options(p)
				abort := make(chan string, 1)
				if rnd.IntN(3) == 0 {
					time.AfterFunc(time.Duration(rnd.IntN(120))*time.Second, func() { abort <- "me@here" })
					faults = append(faults, "abort")
				}
				o.Abort = abort
				begun := time.Now()
				res, err := s.apply(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took > 2*time.Hour {
					t.Errorf("it took %s", took)
				}
				if most := s.fleet.MostOut(); most > 2 {
					t.Errorf("%d hosts were out of service at once", most)
				}
				s.truth(res)
				if t.Failed() {
					t.Logf("faults: %v\noutcome %s, hosts %s run %s\n%s\n%s", faults, res.Outcome, statuses(res), s.running(), s.log, s.fleet)
				}
			})
		})
	}
}

// truth compares what a run says of its hosts with what they are.
func (s *drill) truth(res Result) {
	s.t.Helper()
	mixed := false
	for _, h := range res.Hosts {
		st := s.fleet.Host(h.Name).State()
		good := func(release, content string) bool {
			return st.Live == release && st.Running == release && !st.Drained && st.Files[conf].Content == content
		}
		ok := true
		switch h.Status {
		case rollout.Done:
			ok = good(newRelease.ID, "workers: 8\n")
		case rollout.Undone, rollout.Skipped, rollout.Failed:
			ok = good(oldRelease.ID, "workers: 4\n")
		case rollout.Stuck, rollout.Unknown:
			mixed = true
			ok = h.Reason != ""
		default:
			ok = false
		}
		if !ok {
			s.t.Errorf("%s is said to be %q (%s), and is %+v", h.Name, h.Status, h.Reason, st)
		}
	}
	if mixed != (res.Outcome == event.Mixed) && mixed {
		s.t.Errorf("hosts need a human and the outcome is %s", res.Outcome)
	}
}

// What was ended at its deadline had begun: doing it again would hide that it
// hangs, and take as long once more.
func TestAPhaseThatMeetsItsDeadlineIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.fleet.Host("web1").HangAt("drain")
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "ooo")
		if n := s.fleet.Count("web1", "drain"); n != 2 { // on the way there and on the way back
			t.Errorf("it was drained %d times", n)
		}
	})
}
