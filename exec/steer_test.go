package exec

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
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

// What is broken goes back; a person who wants to look at it aborts.
func TestARollbackIsNotPaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.fleet.Host("web3").Broken[newRelease.ID] = true
		control := make(chan Control, 9)
		s.when(control, ofType(event.RollingBack), Control{Do: Pause, By: "anna@there", Intent: 1}, 0)
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "ooo")
		if e := s.log.of(event.Paused); len(e) > 0 {
			t.Errorf("it says %+v", e)
		}
		i := slices.IndexFunc(s.log.all(), func(e event.Event) bool { return e.Intent == 1 })
		if i < 0 || s.log.all()[i].Text != "anna@there asked the run to pause: it is going back already, and a rollback is not paused" {
			t.Errorf("nothing says what became of the wish\n%s", s.log)
		}
	})
}

// A run that was paused when a host failed goes back without waiting for
// whoever paused it.
func TestARollbackBeginsInAPausedRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.fleet.Host("web3").Broken[newRelease.ID] = true
		control := make(chan Control, 9)
		s.when(control, func(e event.Event) bool {
			return e.Type == event.StepStarted && e.Host == "web3" && e.Step == "restart"
		},
			Control{Do: Pause, By: "anna@there", Intent: 1}, 0)
		begun := time.Now()
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "ooo")
		if e := s.log.of(event.Paused); len(e) != 1 || time.Since(begun) > time.Hour {
			t.Errorf("it took %s and says %+v", time.Since(begun), e)
		}
	})
}

// paused is a drill whose process ended while the run was paused in its first
// batch.
func paused(t *testing.T, change func(*drill)) (*drill, *plan.Plan) {
	s := newDrill(t, 3)
	change(s)
	p := s.plan()
	control := make(chan Control, 9)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.when(control, func(e event.Event) bool { return e.Type == event.HostStarted && e.Phase == event.Switch }, Control{Do: Pause, By: "anna@there", Intent: 1}, 0)
	s.log.on = func(on func(event.Event)) func(event.Event) {
		return func(e event.Event) {
			on(e)
			if e.Type == event.Paused {
				time.AfterFunc(time.Hour, cancel)
			}
		}
	}(s.log.on)
	o := s.options(p)
	o.Control = control
	if _, err := Apply(ctx, o); err != nil {
		t.Fatal(err)
	}
	o.Fleet.Close()
	died := s.log.all()
	s.log = &memory{}
	for _, e := range died {
		if err := s.log.Append(e); err != nil {
			t.Fatal(err)
		}
		if e.Type == event.Paused {
			return s, p
		}
	}
	t.Fatalf("the run was not paused:\n%s", s.log)
	return nil, nil
}

// To resume a run is a person's word that it goes on.
func TestAPausedRunWhoseProcessDiedGoesOnWhenItIsResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, p := paused(t, func(*drill) {})
		s.want(s.resume(p), event.Done, "nnn")
	})
}

// It is no word about the deploy window, unless that is said.
func TestAResumedRunObeysItsWindow(t *testing.T) {
	t.Parallel()
	for outside, running := range map[string]string{"": "noo", "the front page is down": "nnn"} {
		synctest.Test(t, func(t *testing.T) {
			s, p := paused(t, func(s *drill) { s.def.Service.Windows = weekend("00:00-00:30") })
			o := s.options(p)
			o.Outside = outside
			res, err := Resume(t.Context(), o, s.log.all())
			o.Fleet.Close()
			if err != nil {
				t.Fatal(err)
			}
			s.want(res, map[string]event.Outcome{"noo": event.Abort, "nnn": event.Done}[running], running)
			said := s.log.of(event.RunResumed)[0].Text
			if want := "resumed by me@here, whatever its deploy window: " + outside; outside != "" && !strings.HasSuffix(said, want) {
				t.Errorf("it says %q", said)
			}
			if n := len(s.log.of(event.Paused)); (outside == "") != (n == 2) {
				t.Errorf("it was paused %d times", n)
			}
		})
	}
}

// waits is what Ask does where a person may answer, and none does.
func waits(ctx context.Context, _ Prompt) (Answer, error) {
	<-ctx.Done()
	return Answer{}, ctx.Err()
}

func TestAnAbortedRunThatNobodyAttendsEndsSoon(t *testing.T) {
	t.Parallel()
	stop := Control{Do: Stop, By: "anna@there", Intent: 1}
	for name, c := range map[string]struct {
		attended bool
		leaves   time.Duration // after it asks; 0 is before the abort
		choice   string
		again    *Control // a minute after it asks
		outcome  event.Outcome
		running  string
		least    time.Duration
		most     time.Duration
		by       string
	}{
		"nobody answers":         {outcome: event.Abort, running: "noo", least: mostAlone, most: 2 * mostAlone, by: nobody},
		"at a terminal":          {attended: true, outcome: event.Abort, running: "noo", least: mostAsked, most: 2 * mostAsked, by: nobody},
		"they leave meanwhile":   {attended: true, leaves: 20 * time.Minute, outcome: event.Abort, running: "noo", least: 20*time.Minute + mostAlone, most: 26 * time.Minute, by: nobody},
		"they leave too late":    {attended: true, leaves: 58 * time.Minute, outcome: event.Abort, running: "noo", least: mostAsked, most: mostAsked + time.Minute, by: nobody},
		"asked again, answered":  {attended: true, leaves: 30 * time.Second, again: &Control{Do: Reply, By: "bob@there", Choice: "rollback", Intent: 2}, outcome: event.RolledBack, running: "ooo", least: time.Minute, most: mostAlone, by: "bob@there"},
		"the abort says: leave":  {choice: "leave", outcome: event.Abort, running: "noo", most: time.Minute, by: "anna@there"},
		"the abort says: back":   {choice: "rollback", outcome: event.RolledBack, running: "ooo", most: time.Minute, by: "anna@there"},
		"the abort says: moon":   {choice: "moon", outcome: event.Abort, running: "noo", least: mostAlone, most: 2 * mostAlone, by: nobody},
		"a second abort":         {again: &Control{Do: Stop, By: "bob@there", Intent: 2}, outcome: event.Abort, running: "noo", least: time.Minute, most: mostAlone, by: "bob@there"},
		"a second says: back":    {again: &Control{Do: Stop, By: "bob@there", Choice: "rollback", Intent: 2}, outcome: event.RolledBack, running: "ooo", least: time.Minute, most: mostAlone, by: "bob@there"},
		"an answer is no option": {again: &Control{Do: Reply, By: "bob@there", Choice: "moon", Intent: 2}, outcome: event.Abort, running: "noo", least: mostAlone, most: 2 * mostAlone, by: nobody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 3)
				control := make(chan Control, 9)
				first := stop
				first.Choice = c.choice
				s.when(control, func(e event.Event) bool { return e.Type == event.HostStarted && e.Phase == event.Switch }, first, time.Second)
				if c.again != nil {
					s.when(control, ofType(event.Asked), *c.again, time.Minute)
				}
				away := make(chan struct{})
				if !c.attended {
					close(away)
				}
				if before := s.log.on; c.leaves > 0 {
					once := sync.OnceFunc(func() { time.AfterFunc(c.leaves, func() { close(away) }) })
					s.log.on = func(e event.Event) {
						before(e)
						if e.Type == event.Asked {
							once()
						}
					}
				}
				begun := time.Now()
				res, err := s.run(func(o *Options) {
					o.Control, o.Ask, o.Away = control, waits, away
				})
				if err != nil {
					t.Fatal(err)
				}
				s.want(res, c.outcome, c.running)
				if took := time.Since(begun); took < c.least || took > c.most {
					t.Errorf("it took %s, want %s to %s", took, c.least, c.most)
				}
				var until time.Time // by the last word
				for _, e := range s.log.all() {
					switch {
					case e.Type == event.Answered && e.By != c.by:
						t.Errorf("it says %+v", e)
					case e.Type == event.Answered && c.by == nobody && !e.Time.Equal(until):
						t.Errorf("it asked until %s, and nobody answered at %s", until, e.Time)
					case e.Type == event.Asked:
						until = e.Until
					}
				}
			})
		})
	}
}
