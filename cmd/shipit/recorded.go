package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang/diag"
)

// A recorded run is what its journal and its plan say of it.
type recorded struct {
	store journal.Store // that it was read from
	path  string        // of its journal on this machine, "" where another has it
	*journal.Record
	plan *plan.Plan
	roll *rollout.Rollout // the fold of its events
}

// recorded reads a run by its id or the beginning of it, from wherever most of
// it is recorded.
func (p *places) recorded(ctx context.Context, id string) (*recorded, error) {
	run, store, err := p.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.w.load(ctx, run, store)
}

// driven is a run, and whether somebody drives it. That is asked before the run
// is read: so of one that ends meanwhile, its last words are read.
func (p *places) driven(ctx context.Context, id string) (r *recorded, alive bool, err error) {
	run, store, err := p.find(ctx, id)
	if err != nil {
		return nil, false, err
	}
	if alive, err = p.aliveAnywhere(ctx, run); err != nil {
		return nil, false, err
	}
	r, err = p.w.load(ctx, run, store)
	return r, alive, err
}

// load reads a run from one place.
func (w *world) load(ctx context.Context, run string, store journal.Store) (*recorded, error) {
	rec, err := store.Load(ctx, run)
	if err != nil {
		return nil, err
	}
	r := &recorded{store: store, Record: rec}
	if dir, ok := store.(journal.Dir); ok {
		r.path = dir.Path(run)
	}
	data, err := store.Plan(ctx, run)
	if err != nil {
		return nil, err
	}
	if r.plan, err = plan.Decode(data); err != nil {
		return nil, fmt.Errorf("cannot read the plan of run %s: %w", r.id(), err)
	}
	if rec.Header.Plan != "" && rec.Header.Plan != r.plan.Digest {
		return nil, fmt.Errorf("cannot trust the record of run %s: the plan beside it is another one", r.id())
	}
	r.roll = rollout.New(r.plan)
	for _, e := range rec.Events {
		r.roll.Apply(e)
	}
	return r, nil
}

// recorded reads a run without a definition at hand.
func (w *world) recorded(ctx context.Context, id string) (*recorded, error) {
	p, err := w.places(nil)
	if err != nil {
		return nil, err
	}
	defer p.close()
	return p.recorded(ctx, id)
}

func (r *recorded) id() string { return r.Header.Run }

// outcome is what the run said when it ended, "" if it did not.
func (r *recorded) outcome() event.Outcome {
	for _, e := range slices.Backward(r.Events) {
		if e.Type == event.RunFinished {
			return e.Outcome
		}
	}
	return ""
}

// root is the directory of the run's definition: where it was on this machine,
// or else it is looked for from here.
func (r *recorded) root() (string, error) {
	if dir := r.Header.Root; dir != "" {
		_, err := os.Stat(filepath.Join(dir, filepath.Base(r.plan.Body.Definition)))
		if err == nil {
			return dir, nil
		}
	}
	return rootOfPlan(r.path, r.plan)
}

// typed is the run's definition, environment and service as they are typed
// here. A file that is not named after the service may hold others as well.
func (r *recorded) typed() string {
	b := &r.plan.Body
	file := b.Definition
	if root, err := r.root(); err == nil {
		file = pretty(filepath.Join(root, path.Base(b.Definition)))
	}
	text := file + envFlag(r.plan)
	if path.Base(b.Definition) != b.Service+".hcl" {
		text += " --service " + b.Service
	}
	return text
}

// staged tells whether every host has the release: then the run needs no
// repository any more.
func (r *recorded) staged() bool {
	has := map[string]bool{}
	for _, e := range r.Events {
		if e.Type == event.HostDone && e.Phase == event.Stage {
			has[e.Host] = true
		}
	}
	return !slices.ContainsFunc(r.plan.Body.Hosts, func(h plan.Host) bool { return len(h.Stage) > 0 && !has[h.Name] })
}

// alive says that a run's process is still at it.
func (r *recorded) alive() error {
	who := fmt.Sprintf("process %d of %s drives it", r.Header.PID, r.Header.By)
	for _, e := range r.Events {
		if e.Type == event.RunResumed {
			who = e.By + " has resumed it, and that process is alive"
		}
	}
	if r.path == "" {
		who = diag.CleanLine(r.Driver()) + " drives it, as Redis knows for 15 s after a process ended"
	}
	return exit(exitLocked, fmt.Errorf("run %s is still going on: %s; nothing was changed", r.id(), who))
}

// open continues the journal, unless the run's process is alive.
func (r *recorded) open() (*journal.Journal, error) {
	j, rec, err := journal.Open(r.path)
	switch {
	case errors.Is(err, journal.ErrBusy):
		return nil, r.alive()
	case err != nil:
		return nil, err
	}
	r.Record = rec // a process that was alive a moment ago may have said more
	return j, nil
}
