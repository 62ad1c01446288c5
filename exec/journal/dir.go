package journal

import (
	"context"
	"path/filepath"

	"shipit/exec/event"
)

// A Dir is the Store that a directory of this machine is.
type Dir string

var _ Store = Dir("")

func (d Dir) String() string { return string(d) }

// Path is where the journal of a run is, or would be.
func (d Dir) Path(run string) string { return filepath.Join(string(d), run+suffix) }

// List is the package's List.
func (d Dir) List(context.Context) ([]Summary, error) { return List(string(d)) }

// Summary is a run as List has it.
func (d Dir) Summary(run string) Summary { return summarize(run, d.Path(run)) }

// Find is a run's whole id.
func (d Dir) Find(_ context.Context, run string) (string, error) {
	path, err := Find(string(d), run)
	if err != nil {
		return "", err
	}
	return RunOf(path), nil
}

// Load is the package's Load.
func (d Dir) Load(_ context.Context, run string) (*Record, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	return Load(d.Path(run))
}

// Plan is the package's Plan.
func (d Dir) Plan(_ context.Context, run string) ([]byte, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	return Plan(d.Path(run))
}

// Events reads the part of the journal that it needs.
func (d Dir) Events(_ context.Context, run string, after int64) ([]event.Event, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	return eventsOf(d.Path(run), max(after, 0))
}

// Alive asks the kernel, which knows whether the journal is being written.
func (d Dir) Alive(_ context.Context, run string) (bool, error) {
	if err := checkRunID(run); err != nil {
		return false, err
	}
	return Active(d.Path(run)), nil
}

// Intend is the package's Intend.
func (d Dir) Intend(_ context.Context, run string, i Intent) (int64, error) {
	if err := checkRunID(run); err != nil {
		return 0, err
	}
	return Intend(d.Path(run), i)
}

// Intents reads the intents anew.
func (d Dir) Intents(_ context.Context, run string, after int64) ([]Intent, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	all, err := Intents(d.Path(run))
	return all[min(max(after, 0), int64(len(all))):], err
}
