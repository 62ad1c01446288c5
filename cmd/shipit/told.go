package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/notify"
	"shipit/exec/plan"
	"shipit/lang"
	"shipit/lang/diag"
)

const (
	// tellLimit bounds how long the end of a command waits for notices that are
	// still on their way.
	tellLimit = 10 * time.Second
	// tellFor is how long a notice that must arrive is tried.
	tellFor = 72 * time.Hour
)

// telling adds to views whoever the plan's notify blocks tell of the run,
// whose past is what it did before it was resumed. The returned func waits
// until they were told, and says who was not.
func (w *world) telling(p *planned, run, trace string, past []event.Event, dir journal.Dir, views event.Sink) (event.Sink, func(), error) {
	var told troubles
	waiting := w.tellAgain(dir, run, told.add)
	done := func() {
		waiting()
		for _, text := range told.all() {
			w.warn(text)
		}
	}
	blocks := notified(p.plan)
	if len(blocks) == 0 {
		return views, done, nil
	}
	spool, err := notify.OpenSpool(spoolOf(dir, run))
	begun := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		spool, err = notify.NewSpool(spoolOf(dir, run), noticesOf(p.plan, p.root), notify.MustArrive(blocks))
	}
	if err != nil {
		told.add(err.Error() + "; what is not taken by the end of this run will not be sent again")
		spool = nil
	}
	n, err := notify.New(blocks, notify.Run{
		Service: p.plan.Body.Service, Env: p.plan.Body.Env, Release: p.plan.Body.Release.Tag, Kind: string(p.plan.Body.Kind), By: w.by(),
		Dir: p.root, Trace: trace,
	}, spool, told.add)
	if err != nil {
		return nil, nil, err
	}
	if begun {
		n.Again(past)
	}
	return event.Views{views, n}, func() {
		ctx, cancel := context.WithTimeout(context.Background(), tellLimit)
		defer cancel()
		n.Close(ctx)
		done()
	}, nil
}

// warn says what receivers, which are not ours, had to say.
func (w *world) warn(text string) {
	fmt.Fprintf(w.stderr, "warning: %s\n", diag.CleanLine(w.secrets.replace(text)))
}

// notified are the notify blocks of a plan.
func notified(p *plan.Plan) []notify.Block {
	var blocks []notify.Block
	for _, n := range p.Body.Notify {
		blocks = append(blocks, notify.Block{Spec: lang.Spec{Kind: n.Kind, Attrs: n.Spec}, At: n.At})
	}
	return blocks
}

// noticesOf names what the notices of a run follow from, beside its events.
func noticesOf(p *plan.Plan, root string) string { return p.Digest + " " + root }

// spoolOf is where is remembered which notices of a run must still arrive.
func spoolOf(dir journal.Dir, run string) string {
	return strings.TrimSuffix(dir.Path(run), ".jsonl") + notify.SpoolSuffix
}

// tellAgain sends what receivers of earlier runs must get and did not, while
// this run goes on. The returned func ends that.
// A notice can be a program: in a directory that a group shares, only those of
// runs of the same user are, and only if what he wrote of them still holds.
func (w *world) tellAgain(dir journal.Dir, but string, trouble func(string)) func() {
	spools, _ := filepath.Glob(filepath.Join(string(dir), "*"+notify.SpoolSuffix)) // the pattern is well formed
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for _, path := range spools {
			run := strings.TrimSuffix(filepath.Base(path), notify.SpoolSuffix)
			left, err := notify.ReadSpool(path)
			if err != nil || !left.Waiting || run == but || ctx.Err() != nil || dir.Shared() && !left.Own {
				continue
			}
			if err := w.tellOf(ctx, dir, run, left.Of, trouble); err != nil && !errors.Is(err, notify.ErrSending) {
				trouble(fmt.Sprintf("cannot send what receivers must still hear of run %s: %v", run, err))
			}
		}
	})
	return func() {
		time.AfterFunc(tellLimit/5, cancel) // what takes longer waits for the next run
		all.Wait()
		cancel()
	}
}

// tellOf sends the rest of the notices of one run, from its record. Where others
// can write that, it must be what the notices were of.
func (w *world) tellOf(ctx context.Context, dir journal.Dir, run, of string, trouble func(string)) error {
	spool, err := notify.OpenSpool(spoolOf(dir, run))
	if err != nil {
		return err
	}
	r, err := w.load(ctx, run, dir)
	if err != nil {
		spool.Leave()
		return err
	}
	if dir.Shared() && of != noticesOf(r.plan, r.Header.Root) {
		spool.Leave()
		return errors.New("somebody else changed its record")
	}
	if w.now().Sub(r.Header.Time) > tellFor {
		trouble(fmt.Sprintf("receivers did not take all notices of run %s for %d hours; they are not sent any more", run, int(tellFor.Hours())))
		spool.GiveUp()
		return nil
	}
	h := r.Header
	n, err := notify.New(notified(r.plan), notify.Run{
		Service: h.Service, Env: h.Env, Release: h.Release, Kind: h.Kind, By: h.By, Dir: h.Root,
	}, spool, trouble)
	if err != nil {
		spool.Leave()
		return err
	}
	n.Again(r.Events)
	n.Close(ctx)
	return nil
}

// troubles collects what people should know at the end.
type troubles struct {
	mu    sync.Mutex
	texts []string
}

func (t *troubles) add(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.texts = append(t.texts, text)
}

func (t *troubles) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.texts
}
