package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/rollout"
	"shipit/exec/view"
	"shipit/exec/view/live"
	"shipit/exec/view/tui"
)

type replayCmd struct {
	ID    string  `arg:"" optional:"" default:"last" name:"run" help:"The run, or the beginning of its id; the newest if left out."`
	Speed float64 `placeholder:"N" help:"So many times as fast as it happened. If left out: as it happened on a screen, at once in lines."`
	To    int64   `placeholder:"SEQ" help:"Stop after the event of this number."`
	plainFlag
}

func (c *replayCmd) Help() string {
	return "Reads the journal and asks no host. On a terminal it is the screen of the run with its clock: p holds it, c goes on, l shows the log of a host, q ends it. Elsewhere it prints the lines of the run with their times.\n\n" + examples(
		"shipit replay 20150610T140203Z-3kq7 --speed 20", "shipit replay                    # the newest run", "shipit replay --plain --to 40")
}

func (c *replayCmd) Run(w *world) error {
	if c.Speed < 0 {
		return exit(exitUsage, errors.New("--speed is how many times as fast: 20 plays ten minutes in half a minute"))
	}
	ctx, p, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer p.close()
	if c.ID == "last" {
		if c.ID, err = p.last(ctx, ""); err != nil {
			return err
		}
	}
	r, err := p.recorded(ctx, c.ID)
	if err != nil {
		return err
	}
	events := r.Events
	for i, e := range events {
		if c.To > 0 && e.Seq > c.To {
			events = events[:i]
			break
		}
	}
	if len(events) == 0 {
		return fmt.Errorf("nothing is recorded of run %s: it ended before anything was changed", r.id())
	}
	if c.screened(w) {
		err = c.onScreen(ctx, w, r, events)
	} else {
		err = c.inLines(ctx, w, events)
	}
	if err != nil {
		return err
	}
	c.end(w, r, events)
	return nil
}

// inLines prints the lines of the run, at once unless a speed was named.
func (c *replayCmd) inLines(ctx context.Context, w *world, events []event.Event) error {
	lines := view.NewLines(w.stdout, w.style())
	f := newFilm(events, c.Speed, w.now)
	for _, e := range events {
		if c.Speed > 0 && !f.reach(ctx, nil, e.Time) {
			return ctx.Err()
		}
		if err := lines.Append(e); err != nil {
			return err
		}
	}
	return nil
}

// onScreen plays the run until the person leaves the screen.
func (c *replayCmd) onScreen(ctx context.Context, w *world, r *recorded, events []event.Event) error {
	f := newFilm(events, max(c.Speed, 0), w.now)
	if c.Speed == 0 {
		f.speed = 1
	}
	v := w.screenOf(r.plan, r.id(), tui.Options{Now: f.now, Actions: f, Replay: fmt.Sprintf("replay ×%g", f.speed)})
	leave := w.show(v, func() {})
	defer leave()
	for _, e := range events {
		if !f.reach(ctx, v.Left(), e.Time) {
			break
		}
		_ = v.Append(e)
	}
	select { // the last picture stays
	case <-v.Left():
	case <-ctx.Done():
	}
	leave()
	if err := v.Err(); err != nil {
		return fmt.Errorf("the screen was lost: %w; --plain prints lines", err)
	}
	return ctx.Err()
}

// end says how the run ended, or that it has no end here.
func (c *replayCmd) end(w *world, r *recorded, events []event.Event) {
	roll := rollout.New(r.plan)
	for _, e := range events {
		roll.Apply(e)
	}
	if last := events[len(events)-1]; last.Type == event.RunFinished {
		view.Report(w.stdout, r.plan, roll.Hosts(), last.Outcome, w.style())
		return
	}
	s := live.New(r.plan, r.id())
	s.Past(events)
	last := events[len(events)-1]
	fmt.Fprintf(w.stdout, "\nHere the recording ends, at event %d of %d. %s\n", last.Seq, r.Last, s.Sentence(last.Time))
}

// A film is a recording with a clock of its own, which can be held. It is what
// the keys of its screen act upon.
type film struct {
	wall  func() time.Time
	speed float64
	end   time.Time

	mu   sync.Mutex
	at   time.Time // of the recording, at since
	from time.Time // of the wall
	held bool
}

// newFilm begins with the first event, now.
func newFilm(events []event.Event, speed float64, wall func() time.Time) *film {
	return &film{wall: wall, speed: speed, at: events[0].Time, from: wall(), end: events[len(events)-1].Time}
}

// now is the instant of the recording.
func (f *film) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.instant()
}

func (f *film) instant() time.Time {
	t := f.at
	if !f.held {
		t = t.Add(time.Duration(float64(f.wall().Sub(f.from)) * f.speed))
	}
	if t.After(f.end) {
		return f.end
	}
	return t
}

// frame is how long the recording is left alone between two looks at it.
const frame = 50 * time.Millisecond

// reach waits until an instant of the recording. It is false where somebody
// does not want to see it any more.
func (f *film) reach(ctx context.Context, left <-chan struct{}, t time.Time) bool {
	for f.now().Before(t) {
		select {
		case <-ctx.Done():
			return false
		case <-left:
			return false
		case <-time.After(frame):
		}
	}
	return ctx.Err() == nil
}

// Can tells why a key does nothing here.
func (f *film) Can(a live.Action) string {
	switch a {
	case live.Leave, live.Interrupt, live.Suspend:
		return ""
	case live.Pause, live.Continue:
		return ""
	}
	return "this is a recording"
}

// Do holds the recording or lets it go on.
func (f *film) Do(w live.Wish) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.from, f.held = f.instant(), f.wall(), w.Do == live.Pause
	return nil
}
