package exec

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/lang"
)

// when sends a Control once an event comes by.
func (s *drill) when(control chan<- Control, is func(event.Event) bool, c Control, after time.Duration) {
	before, done := s.log.on, false
	s.log.on = func(e event.Event) {
		if before != nil {
			before(e)
		}
		if !done && is(e) {
			done = true
			time.AfterFunc(after, func() { control <- c })
		}
	}
}

func ofType(t event.Type) func(event.Event) bool {
	return func(e event.Event) bool { return e.Type == t }
}

func TestAPausedRunStartsNoHostUntilSomebodyContinuesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 5)
		control := make(chan Control, 9)
		s.when(control, func(e event.Event) bool {
			return e.Type == event.HostStarted && e.Host == "web2" && e.Phase == event.Switch
		},
			Control{Do: Pause, By: "anna@there", Intent: 1}, time.Second)
		s.when(control, ofType(event.Paused), Control{Do: Continue, By: "bob@there", Intent: 2}, 2*time.Hour)
		begun := time.Now()
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnnnn")
		if took := time.Since(begun); took < 2*time.Hour {
			t.Errorf("the run took %s", took)
		}
		paused := false
		for _, e := range s.log.all() {
			switch {
			case e.Type == event.Paused:
				paused = true
				if e.By != "anna@there" || e.Intent != 1 || e.Until.Sub(e.Time) != mostPaused || e.Safe != "stop" {
					t.Errorf("it says %+v", e)
				}
			case e.Type == event.Continued:
				paused = false
				if e.By != "bob@there" || e.Intent != 2 {
					t.Errorf("it says %+v", e)
				}
			case paused && e.Type == event.HostStarted:
				t.Errorf("%s begins %s while the run is paused", e.Host, e.Phase)
			}
		}
	})
}

func TestAPauseThatNobodyEndsStopsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 5)
		control := make(chan Control, 9)
		s.when(control, ofType(event.BatchDone), Control{Do: Pause, By: "anna@there"}, 0)
		begun := time.Now()
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		if got := s.running(); res.Outcome != event.Abort || !strings.HasPrefix(got, "n") || !strings.HasSuffix(got, "o") {
			t.Errorf("%s, %s", res.Outcome, got)
		}
		if took := time.Since(begun); took < mostPaused || took > mostPaused+time.Hour {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAConfirmationComesFromElsewhereOrTimesOutToNo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply   *Control
		outcome event.Outcome
		running string
		by      string
	}{
		"yes":             {&Control{Do: Reply, By: "bob@there", Intent: 7}, event.Done, "nnn", "bob@there"},
		"no":              {&Control{Do: Reply, By: "bob@there", Choice: "stop", Intent: 7}, event.Abort, "noo", "bob@there"},
		"nobody":          {nil, event.Abort, "noo", "nobody"},
		"no such choice":  {&Control{Do: Reply, By: "bob@there", Choice: "maybe", Intent: 7}, event.Abort, "noo", "nobody"},
		"another batch's": {&Control{Do: Reply, By: "bob@there", Batch: "fleet", Intent: 7}, event.Abort, "noo", "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				s.def.Service.Batches[0].Confirm = true
				s.def.Service.Batches[0].ConfirmWithin = lang.Duration(20 * time.Minute)
				control := make(chan Control, 9)
				if c.reply != nil {
					s.when(control, ofType(event.Asked), *c.reply, 5*time.Minute)
				}
				begun := time.Now()
				res, err := s.run(func(o *Options) {
					o.Control = control
					o.Ask = func(ctx context.Context, q Prompt) (Answer, error) { // a terminal where nobody sits
						if q.Batch == "" {
							return Answer{Choice: q.Safe, By: "nobody"}, nil
						}
						<-ctx.Done()
						return Answer{}, ctx.Err()
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				s.want(res, c.outcome, c.running)
				if took := time.Since(begun); c.by == "nobody" && (took < 20*time.Minute || took > 21*time.Minute) {
					t.Errorf("it took %s", took)
				}
				asked := s.log.of(event.Asked)[0]
				if asked.Until.Sub(asked.Time) != 20*time.Minute || asked.Safe != "stop" || asked.Batch != "canary" || !slices.Equal(asked.Choices, []string{"continue", "stop"}) {
					t.Errorf("the question is %+v", asked)
				}
				for _, e := range append(s.log.of(event.GatePassed), s.log.of(event.GateRefused)...) {
					if e.By != c.by || (e.Intent == 7) != (c.by == "bob@there") {
						t.Errorf("the answer is %+v", e)
					}
				}
				if c.reply != nil && !slices.ContainsFunc(s.log.all(), func(e event.Event) bool { return e.Intent == 7 }) {
					t.Error("nothing says what became of the wish")
				}
			})
		})
	}
}

// The first answer wins, and the second is told so.
func TestOfTwoAnswersTheFirstIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Batches[0].Confirm = true
		control := make(chan Control, 9)
		s.when(control, ofType(event.Asked), Control{Do: Reply, By: "anna@there", Intent: 1}, time.Minute)
		s.when(control, ofType(event.Asked), Control{Do: Reply, By: "bob@there", Intent: 2}, time.Minute)
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		if passed := s.log.of(event.GatePassed); len(passed) != 1 || passed[0].Intent == 0 {
			t.Errorf("%+v", passed)
		}
		late := 0
		for _, e := range s.log.of(event.Note) {
			if e.Intent > 0 {
				late++
			}
		}
		if late != 1 {
			t.Errorf("%d of two answers were told that they came too late:\n%s", late, s.log)
		}
	})
}

func TestAWishThatMakesNoSenseIsAnsweredAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		control := make(chan Control, 9)
		control <- Control{Do: Continue, By: "anna@there", Intent: 1}
		control <- Control{Do: Reply, By: "anna@there", Intent: 2}
		control <- Control{Do: Pause, By: "anna@there", Intent: 3}
		control <- Control{Do: Pause, By: "anna@there", Intent: 4}
		control <- Control{Do: Stop, By: "anna@there", Intent: 5}
		control <- Control{Do: Stop, By: "anna@there", Intent: 6}
		close(control)
		sent := make(chan Control, 9)
		s.log.on = func(e event.Event) { // before that, to stop is to decline
			if e.Type == event.RunStarted {
				for wish := range control {
					sent <- wish
				}
			}
		}
		res, err := s.run(func(o *Options) { o.Control = sent })
		if err != nil {
			t.Fatal(err)
		}
		if res.Outcome != event.Abort {
			t.Errorf("%s", res.Outcome)
		}
		got := map[int64]event.Type{}
		for _, e := range s.log.all() {
			if e.Intent > 0 {
				got[e.Intent] = e.Type
			}
		}
		want := map[int64]event.Type{1: event.Note, 2: event.Note, 3: event.Paused, 4: event.Note, 5: event.Aborted, 6: event.Note}
		for n, typ := range want {
			if got[n] != typ {
				t.Errorf("wish %d: %s, want %s\n%s", n, got[n], typ, s.log)
			}
		}
	})
}
