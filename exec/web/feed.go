package web

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
)

// How a run is followed.
const (
	lookEvery   = 200 * time.Millisecond // for new events
	drawEvery   = time.Second            // where there are none: what is waited for has come closer
	mostKept    = 32 << 10               // records that resuming readers get without reading the journal
	mostKeptOf  = 8 << 20                // of them, in bytes
	forgetAfter = 10 * time.Second       // without a reader
	share       = 20                     // drawing takes at most one part in so many of the time
)

// feeds are the runs that somebody looks at: each is read and drawn once,
// whatever the number of readers.
type feeds struct {
	mu     sync.Mutex
	s      *Server
	by     map[string]*feed
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

func (f *feeds) init(s *Server) {
	f.s, f.by = s, map[string]*feed{}
	f.ctx, f.cancel = context.WithCancel(context.Background())
}

func (f *feeds) close() {
	f.cancel()
	f.work.Wait()
}

// joined is the feed of a run that somebody follows already, with one more
// reader, nil where nobody does: then its plan must be read, which costs more
// than anything else that a reader asks for.
func (f *feeds) joined(run string) *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.by[run]
	if d != nil {
		d.readers++
	}
	return d
}

// join is the feed of a run, with one more reader.
func (f *feeds) join(run string, store journal.Store, p *plan.Plan) *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.by[run]
	if d == nil {
		d = newFeed(run, store, p, f.s.keep)
		f.by[run] = d
		f.work.Go(func() { d.follow(f.ctx, f) })
	}
	d.readers++
	return d
}

// leave takes a reader off.
func (f *feeds) leave(d *feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.readers--
	d.idle = time.Now()
}

// drop forgets a feed that nobody has read for a while.
func (f *feeds) drop(d *feed, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.readers > 0 || now.Sub(d.idle) < forgetAfter {
		return false
	}
	delete(f.by, d.run)
	return true
}

// A feed is a run that is followed for readers. No reader is waited for: each
// knows what it has, and comes to fetch the rest.
type feed struct {
	run   string
	store journal.Store
	keep  int // how many records at most

	readers int       // guarded by feeds.mu
	idle    time.Time // likewise

	mu      sync.Mutex
	told    *fold
	kept    []record
	bytes   int
	seq     int64
	over    bool                  // the run has its outcome, and all of it was read
	problem error                 // why it cannot be read any more
	views   map[viewer]*drawing   // of each kind of reader that there is
	drawn   int64                 // the last event that is in them
	stale   bool                  // they are to be drawn anew
	bundles map[bundleKey]*bundle // what was made for a reader since there was something new
	bundled int                   // in them, in bytes
	changed chan struct{}         // closed when there is something new
}

// A record is an event as readers get it.
type record struct {
	seq  int64
	host string
	json []byte
}

func recordOf(e event.Event) record {
	data, err := json.Marshal(rowOf(e))
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return record{e.Seq, e.Host, data}
}

// A drawing is the sections of a page as one kind of reader sees them.
type drawing struct {
	readers  int
	sections []section
}

// A section is a part of a page, and when it became what it is.
type section struct {
	Name    string
	HTML    string
	version int64
}

func newFeed(run string, store journal.Store, p *plan.Plan, keep int) *feed {
	return &feed{
		run: run, store: store, keep: keep, bundles: map[bundleKey]*bundle{}, told: newFold(p, run), views: map[viewer]*drawing{}, changed: make(chan struct{}), idle: time.Now(),
	}
}

// follow reads and draws until nobody looks any more.
func (d *feed) follow(ctx context.Context, f *feeds) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var drawn time.Time
	var cost time.Duration
	for version := int64(1); ; version++ {
		fresh := d.read(ctx)
		now := time.Now()
		d.mu.Lock()
		due := d.stale || now.Sub(drawn) >= drawEvery && !d.over && d.problem == nil
		if due = due && now.Sub(drawn) >= share*cost; fresh && !due {
			d.wake()
		}
		d.mu.Unlock()
		if due { // readers are woken once for both
			d.draw(f.s, f.s.o.Now(), version)
			drawn, cost = now, time.Since(now)
		}
		select {
		case <-ctx.Done():
			d.fail(context.Cause(ctx))
			return
		case <-tick.C:
		}
		if f.drop(d, time.Now()) {
			return
		}
	}
}

// few is how many events that came at once tell that there are hardly more yet.
const few = 1000

// read takes in what is new, and says whether there is something that readers
// were not woken for.
func (d *feed) read(ctx context.Context) (fresh bool) {
	for {
		d.mu.Lock()
		seq := d.seq // changed by this goroutine alone
		d.mu.Unlock()
		events, err := d.store.Events(ctx, d.run, seq)
		d.mu.Lock()
		for _, e := range events {
			d.take(e)
		}
		problem := err != nil && ctx.Err() == nil
		if fresh = problem || len(events) > 0 || d.problem != nil; fresh {
			if d.problem = nil; problem { // a Redis that was away may be there again
				d.problem = err
			}
			d.stale = d.stale || len(events) > 0
		}
		more := len(events) >= few && err == nil
		if more {
			d.wake()
		}
		d.mu.Unlock()
		if !more {
			return fresh
		}
	}
}

func (d *feed) take(e event.Event) {
	d.told.take(e)
	d.seq, d.over = e.Seq, e.Type == event.RunFinished
	rec := recordOf(e)
	d.kept = append(d.kept, rec)
	d.bytes += len(rec.json)
	for len(d.kept) > 1 && (len(d.kept) > d.keep || d.bytes > mostKeptOf) {
		d.bytes -= len(d.kept[0].json)
		d.kept[0] = record{}
		d.kept = d.kept[1:]
	}
}

// draw makes the sections anew and notes which of them are different.
func (d *feed) draw(s *Server, now time.Time, version int64) {
	d.mu.Lock()
	viewers := slices.Collect(maps.Keys(d.views))
	scene, seq := d.told.scene(now, viewers...), d.seq
	d.stale = false
	d.mu.Unlock()
	fresh := make([][]section, len(viewers))
	for i, v := range viewers {
		fresh[i] = s.sections(scene, v, true, 0)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drawn = seq
	for k, v := range viewers {
		view := d.views[v]
		if view == nil {
			continue // nobody looks any more
		}
		for i := range fresh[k] {
			n := &fresh[k][i]
			n.version = version
			if len(view.sections) > i && view.sections[i].HTML == n.HTML {
				n.version = view.sections[i].version
			}
		}
		view.sections = fresh[k]
	}
	d.wake()
}

// look says that there is one more reader of a kind, until leave is called.
func (d *feed) look(v viewer) (leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	view := d.views[v]
	if view == nil {
		view = &drawing{}
		d.views[v], d.stale = view, true
	}
	view.readers++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if view.readers--; view.readers == 0 && v.host != "" { // of a run there are two kinds, of its hosts very many
			delete(d.views, v)
		}
	}
}

// wake tells readers that there is something new.
func (d *feed) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
	clear(d.bundles)
	d.bundled = 0
}

func (d *feed) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problem, d.over = err, true
	d.wake()
}
