package main

import (
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
)

// A recorded run is what its journal and its plan say of it.
type recorded struct {
	path string
	*journal.Record
	plan *plan.Plan
	roll *rollout.Rollout // the fold of its events
}

// recorded reads a run by its id or the beginning of it.
func (w *world) recorded(id string) (*recorded, error) {
	path, err := journal.Find(w.stateDir(), id)
	if err != nil {
		return nil, err
	}
	rec, err := journal.Load(path)
	if err != nil {
		return nil, err
	}
	r := &recorded{path: path, Record: rec}
	data, err := journal.Plan(path)
	if err != nil {
		return nil, err
	}
	if r.plan, err = plan.Decode(data); err != nil {
		return nil, fmt.Errorf("cannot read the plan of run %s: %w", r.id(), err)
	}
	r.roll = rollout.New(r.plan)
	for _, e := range rec.Events {
		r.roll.Apply(e)
	}
	return r, nil
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
