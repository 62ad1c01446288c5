package journal

import (
	"context"
	"fmt"
	"os"

	"shipit/exec/event"
)

// A Follower reads the events of a run while they are being written, each
// once, in order and without gaps, wherever the run is recorded.
type Follower struct {
	store  Store
	run    string
	seen   int64
	scroll *scroll // of a directory: what was read is not read again
}

// Follow begins after the event with that number.
func Follow(s Store, run string, after int64) *Follower {
	f := &Follower{store: s, run: run, seen: max(after, 0)}
	if dir, ok := s.(Dir); ok {
		f.scroll = &scroll{path: dir.Path(run)}
	}
	return f
}

// Run is whose events they are.
func (f *Follower) Run() string { return f.run }

// More is what was written since the last time, nothing where nothing was. It
// does not wait. After an error it may be asked again.
func (f *Follower) More(ctx context.Context) ([]event.Event, error) {
	var events []event.Event
	var err error
	if f.scroll == nil {
		events, err = f.store.Events(ctx, f.run, f.seen)
	} else {
		events, err = f.fromFile()
	}
	f.seen += int64(len(events))
	return events, err
}

func (f *Follower) fromFile() ([]event.Event, error) {
	if err := f.scroll.scan(); err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	if f.scroll.events() <= f.seen {
		return nil, nil
	}
	file, err := os.Open(f.scroll.path)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	defer file.Close()
	var events []event.Event
	for n := f.seen + 1; n <= f.scroll.events(); n++ {
		line, err := f.scroll.line(file, n)
		if err != nil {
			return events, fmt.Errorf("cannot read journal: %w", err)
		}
		body, err := unseal(line)
		var e event.Event
		if err == nil {
			e, err = event.Decode(body)
		}
		if err == nil && e.Seq != n {
			err = fmt.Errorf("it holds event %d where event %d belongs", e.Seq, n)
		}
		if err != nil {
			return events, &DamageError{Path: f.scroll.path, Line: int(n) + 1, Why: err.Error()}
		}
		events = append(events, e)
	}
	return events, nil
}
