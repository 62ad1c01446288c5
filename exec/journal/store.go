package journal

import (
	"context"
	"fmt"

	"shipit/exec/event"
)

// A Store is a place where runs are recorded, for who reads or steers them. A
// run is written by its own process into a directory (see Create); a Redis is
// a copy of that for other machines (see Mirror). No method waits for
// something to happen.
type Store interface {
	// List is the runs, newest first.
	List(ctx context.Context) ([]Summary, error)
	// Find is the id of a run, by the beginning of it if that fits only one.
	Find(ctx context.Context, run string) (string, error)
	// Load is what is recorded of a run, checked from its first line to its
	// last, without what its commands printed.
	Load(ctx context.Context, run string) (*Record, error)
	// Plan is the plan of a run.
	Plan(ctx context.Context, run string) ([]byte, error)
	// Events are those of a run that come after the event with that number, at
	// most some ten thousand at once: where it gives none, there are no more by
	// now. All gives them one by one.
	Events(ctx context.Context, run string, after int64) ([]event.Event, error)
	// Alive tells whether somebody drives the run now. Who waits for a run asks
	// again and again: the answer costs the same however much is recorded.
	Alive(ctx context.Context, run string) (bool, error)
	// Intend hands an intent to the process that drives a run, and gives it its
	// number: higher than all before it.
	Intend(ctx context.Context, run string, i Intent) (int64, error)
	// Intents are those of a run with a higher number than after, in order.
	Intents(ctx context.Context, run string, after int64) ([]Intent, error)
	// String is the place as people may read it, without a password.
	String() string
}

// A NoRunError says that a run is not recorded in a place.
type NoRunError struct{ Run, Where string }

func (e *NoRunError) Error() string {
	return fmt.Sprintf("cannot find run %s in %s; `shipit runs` lists the runs, and --state DIR, URL or FILE.hcl names another place to look", e.Run, e.Where)
}
