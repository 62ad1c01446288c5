package exec

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"shipit/exec/event"
	"shipit/lang"
)

// The bubble's clock begins on Saturday, 2000-01-01 at midnight UTC.
func weekend(hours string) []lang.Window {
	return []lang.Window{{Days: []string{"sat", "sun"}, Hours: hours, Zone: "UTC"}}
}

func TestOutsideOfItsWindowARunIsRefusedUnlessSomebodySaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Windows = weekend("09:00-17:00")
		_, err := s.run()
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "which opens Sat 2000-01-01 09:00 UTC; --outside-window REASON") {
			t.Errorf("it says %v", err)
		}
		s.untouched()
		res, err := s.run(func(o *Options) { o.Outside = "the front page is down" })
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		if e := s.log.of(event.RunStarted); !strings.HasSuffix(e[0].Text, "whatever its deploy window: the front page is down") {
			t.Errorf("the journal says %q", e[0].Text)
		}
	})
}

// A window that closes holds up the next slice, not what is in flight, and no
// rollback.
func TestAWindowThatClosesHoldsUpTheNextSlice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 5)
		s.def.Service.Windows = weekend("00:00-00:01")
		for _, name := range s.fleet.Names()[1:3] {
			s.fleet.Host(name).Takes["restart"] = 50 * time.Second
			s.fleet.Host(name).Takes["drain"] = 15 * time.Second
		}
		control := make(chan Control, 9)
		s.when(control, ofType(event.Paused), Control{Do: Continue, By: "anna@there"}, time.Hour)
		res, err := s.run(func(o *Options) { o.Control = control })
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnnnn")
		paused := s.log.of(event.Paused)
		if len(paused) != 1 || !strings.HasPrefix(paused[0].Text, "paused: it is outside of the deploy window, which opens Sun 2000-01-02 00:00 UTC;") {
			t.Fatalf("it says %+v\n%s", paused, s.log)
		}
		if done := s.log.of(event.BatchDone); len(done) != 3 || !done[1].Time.Before(paused[0].Time.Add(1)) || done[2].Time.Before(paused[0].Time.Add(time.Hour)) {
			t.Errorf("%+v", done)
		}
	})
}

func TestARollbackIsNotHeldUpByAWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Windows = weekend("00:00-00:01")
		s.fleet.Host("web1").Takes["restart"] = 2 * time.Minute
		s.fleet.Host("web1").Broken[newRelease.ID] = true
		s.def.Targets[0].Restart.Within = lang.Duration(5 * time.Minute)
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "ooo")
		if paused := s.log.of(event.Paused); len(paused) > 0 {
			t.Errorf("%+v", paused)
		}
	})
}
