package exec

import (
	"errors"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// refused insists that a plan which names a host that is away changes nothing.
func (s *drill) refused(p *plan.Plan, run string) {
	s.t.Helper()
	was, before := s.log, s.fleet.String()
	s.log = &memory{}
	defer func() { s.log = was }()
	o := s.options(p)
	o.Run = run
	res, err := s.apply(s.t.Context(), o)
	var no *RefusedError
	if !errors.As(err, &no) || res.Started {
		s.t.Errorf("a plan with a host that is away: started %v, %v", res.Started, err)
	}
	if s.fleet.String() != before {
		s.t.Error("it touched the hosts")
	}
}

// A host is away when somebody plans again after a death: the plan says so and
// is not applied; once the host is back, the same plan leads to a checked end.
func TestAPlainApplyWaitsForAHostThatIsAway(t *testing.T) {
	t.Parallel()
	wherever(t, true, func(s *drill, p *plan.Plan, c *crash) {
		time.Sleep(leaseOver)
		again := s.plan()
		if h := again.Host("web2"); h.Action != plan.Unreachable || len(again.Problems()) == 0 {
			s.t.Errorf("web2 is away, and the plan says %s, %v", h.Action, again.Problems())
		}
		s.refused(again, "run-2")
		s.fleet.Host("web2").Return()
		if again = s.plan(); again.Changes() {
			s.want(s.other(again, "run-3"), event.Done, "nnn")
		}
		if s.plan().Changes() || s.running() != "nnn" {
			s.t.Errorf("in the end the hosts run %s", s.running())
		}
	})
}

// A host is away when somebody takes the run back: if the run touched it, the
// plan says so and is not applied; once it is back, everything is as it was.
func TestARunIsNotTakenBackInParts(t *testing.T) {
	t.Parallel()
	wherever(t, true, func(s *drill, p *plan.Plan, c *crash) {
		time.Sleep(leaseOver)
		touched := replay(p, s.log.all()).Begun("web2")
		back := s.backPlan(p)
		if problems := back.Problems(); touched != (len(problems) > 0) {
			s.t.Errorf("web2 is away, touched: %v, and the plan says %v", touched, problems)
		}
		if touched {
			s.refused(back, "run-2")
		}
		s.fleet.Host("web2").Return()
		res := s.other(s.backPlan(p), "run-3")
		if res.Outcome != event.Done && res.Outcome != event.Nothing {
			s.t.Errorf("the rollback ended %s", res.Outcome)
		}
		s.asBefore()
	})
}
