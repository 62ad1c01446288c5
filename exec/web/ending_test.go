package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/web"
)

// TestARunThatEndsWhileItIsReadIsNotAbandoned: its page does not say that
// nobody drives it, which nothing would correct.
func TestARunThatEndsWhileItIsReadIsNotAbandoned(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, func(o *web.Options) {
		o.Runs = endingRuns{runs: o.Runs.(runs), end: func() {
			s.say(event.Event{Type: event.RunFinished, Outcome: event.Done, Text: "the run is over: done"})
			s.journal.Close()
		}}
	})
	if page := s.get("/runs/"+theRun, http.StatusOK); strings.Contains(page, "Nobody drives this run") {
		t.Errorf("of a run that ended while it was read, the page says that nobody drives it:\n%s", page)
	}
}

// endingRuns end as soon as they have been read.
type endingRuns struct {
	runs
	end func()
}

func (r endingRuns) Find(ctx context.Context, id string) (string, journal.Store, error) {
	run, err := r.Dir.Find(ctx, id)
	return run, endingStore{r.Dir, r.end}, err
}

type endingStore struct {
	journal.Dir
	end func()
}

func (s endingStore) Load(ctx context.Context, run string) (*journal.Record, error) {
	rec, err := s.Dir.Load(ctx, run)
	s.end()
	return rec, err
}
