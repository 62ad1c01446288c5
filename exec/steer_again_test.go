package exec

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/lang"
)

// undone tells that a host has been rolled back.
func undone(host string) func(event.Event) bool {
	return func(e event.Event) bool {
		return e.Type == event.HostDone && e.Host == host && e.Phase == event.Undo
	}
}

// mended makes a broken host a good one when that happens.
func (s *drill) mended(host string, when func(event.Event) bool) {
	s.fleet.Host(host).Broken[newRelease.ID] = true
	before := s.log.on
	s.log.on = func(e event.Event) {
		if before != nil {
			before(e)
		}
		if when(e) {
			s.fleet.Host(host).Broken[newRelease.ID] = false
		}
	}
}

// A host that failed and was rolled back is tried again before the next slice
// starts; what it cost of the budget, it costs still.
func TestAHostIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		broken  string // after it
		outcome event.Outcome
		running string
	}{
		"all well":        {"", event.Done, "nnnnnnn"},
		"another failure": {"web6", event.RolledBack, "ooooooo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 7)
				s.def.Service.Batches[1].MaxUnhealthy = lang.Size{N: 1}
				s.mended("web2", undone("web2"))
				if c.broken != "" {
					s.fleet.Host(c.broken).Broken[newRelease.ID] = true
				}
				control := make(chan Control, 9)
				s.when(control, undone("web2"), Control{Do: Retry, Host: "web2", By: "anna@there", Intent: 1}, 0)
				res, err := s.run(func(o *Options) { o.Control = control })
				if err != nil {
					t.Fatal(err)
				}
				s.want(res, c.outcome, c.running)
				var started []string
				for _, e := range s.log.all() {
					if e.Type == event.BatchStarted || e.Type == event.HostStarted && e.Phase == event.Switch && e.Host == "web2" {
						started = append(started, strings.TrimSpace(e.Batch+e.Host)+string(rune('0'+e.Slice)))
					}
				}
				if want := []string{"canary1", "fleet1", "fleetweb21", "fleet2", "fleet1", "fleetweb21", "fleet3"}; !slices.Equal(started, want) {
					t.Errorf("it begins %q, want %q\n%s", started, want, s.log)
				}
				if e := s.log.of(event.HostRetried); len(e) != 1 || e[0].By != "anna@there" || e[0].Intent != 1 {
					t.Errorf("it says %+v", e)
				}
			})
		})
	}
}

// A host that was to be tried again, and never was, ends as it stood before.
func TestAHostThatWasToBeTriedAgainEndsAsItWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 5)
		s.def.Service.Batches[1].MaxUnhealthy = lang.Size{N: 1}
		s.mended("web2", undone("web2"))
		p := s.plan()
		control := make(chan Control, 9)
		s.when(control, undone("web2"), Control{Do: Retry, Host: "web2", By: "anna@there", Intent: 1}, 0)
		o := s.options(p)
		o.Control = control
		if _, err := Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		o.Fleet.Close()
		died := s.log.all()
		cut := slices.IndexFunc(died, func(e event.Event) bool { return e.Type == event.HostRetried })
		roll := replay(p, died[:cut+1])
		if h := roll.Hosts()[1]; h.Status != "staged" || h.Reason != "" {
			t.Errorf("to be tried again, it is %+v", h)
		}
		roll.Apply(event.Event{Type: event.Aborted, By: "anna@there"})
		roll.Apply(event.Event{Type: event.RunFinished})
		if h := roll.Hosts()[1]; h.Status != "rolled back" || h.Reason == "" || !h.Touched {
			t.Errorf("never tried again, it is %+v", h)
		}
	})
}

// A host that somebody leaves out is not begun, and the outcome says so; taken
// in again, it is as if nothing had been.
func TestAHostIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		again   bool
		outcome event.Outcome
		running string
	}{
		"for good":       {false, event.Mixed, "nnnno"},
		"taken in again": {true, event.Done, "nnnnn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 5)
				control := make(chan Control, 9)
				s.when(control, ofType(event.BatchStarted), Control{Do: Skip, Host: "web5", By: "anna@there", Intent: 1}, 0)
				s.when(control, ofType(event.HostSkipped), Control{Do: Skip, Host: "web5", By: "bob@there", Intent: 2}, 0)
				s.when(control, ofType(event.HostSkipped), Control{Do: Retry, Host: "web4", By: "bob@there", Intent: 3}, 0)
				if c.again {
					s.when(control, ofType(event.Note), Control{Do: Retry, Host: "web5", By: "bob@there", Intent: 4}, time.Millisecond)
				}
				res, err := s.run(func(o *Options) { o.Control = control })
				if err != nil {
					t.Fatal(err)
				}
				s.want(res, c.outcome, c.running)
				if !c.again && (res.Hosts[4].Reason != "left out by anna@there" || !res.Hosts[4].Left) {
					t.Errorf("it ends %+v", res.Hosts[4])
				}
				for intent, want := range map[int64]string{2: "skip web5: it is left out already", 3: "retry web4: it did not fail, it is staged"} {
					if !slices.ContainsFunc(s.log.all(), func(e event.Event) bool {
						return e.Intent == intent && e.Text == "bob@there asked the run to "+want
					}) {
						t.Errorf("nothing says %q\n%s", want, s.log)
					}
				}
			})
		})
	}
}

// Who answers a question that somebody else has answered hears who did.
func TestTheFirstAnswerWinsAndIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Batches[0].Confirm = true
		control := make(chan Control, 9)
		s.when(control, ofType(event.Asked), Control{Do: Reply, Choice: "continue", By: "anna@there", Intent: 1}, time.Second)
		s.when(control, ofType(event.Asked), Control{Do: Reply, Choice: "stop", By: "bob@there", Intent: 2}, time.Second)
		s.when(control, ofType(event.GatePassed), Control{Do: Reply, Choice: "stop", By: "carl@there", Intent: 3}, time.Second)
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		first, second := "anna@there confirmed batch canary", "bob@there"
		if res.Outcome == event.Abort { // whichever came first
			first, second = "bob@there stopped the run after batch canary", "anna@there"
		}
		for _, e := range s.log.all() {
			switch {
			case e.By == second && e.Intent != 0 && !strings.Contains(e.Text, "was first") && !strings.HasSuffix(e.Text, "no question is open any more: "+first):
				t.Errorf("%s hears %q", e.By, e.Text)
			case e.Intent == 3 && !strings.HasSuffix(e.Text, "no question is open any more: "+first):
				t.Errorf("carl hears %q", e.Text)
			}
		}
	})
}
