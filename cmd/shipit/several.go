package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"shipit/exec/event"
	"shipit/exec/view"
)

// runAll applies the plans one after the other, each as a run of its own, and
// stops at the first that does not end well: what comes after a service must
// not meet it as nobody planned. The exit code is the failing one's.
func (f *runFlags) runAll(ctx context.Context, w *world, all *allPlanned, stop func()) error {
	if f.Detach && all.set().Changes() {
		return f.detach(w, all, stop)
	}
	if len(all.plans) == 1 {
		return f.run(ctx, w, all.plans[0], stop)
	}
	// Each run handles interrupts by itself; this one sees those between.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	changed := false
	for i, p := range all.plans {
		if i > 0 && interrupted(w, signals) {
			f.fates(w, all)
			return exit(w.interruptCode(), errors.New("interrupted between two services; those that were not started are as they were"))
		}
		if p.plan.Changes() {
			fmt.Fprintf(f.human(w), "\nService %d of %d: %s\n", i+1, len(all.plans), p.plan.Body.Service)
		}
		if err := f.run(ctx, w, p, stop); err != nil {
			f.fates(w, all)
			return f.oneFailed(w, p, err, changed)
		}
		changed = changed || p.result == string(event.Done)
	}
	f.fates(w, all)
	return nil
}

// interrupted tells whether somebody wants no more to be started.
func interrupted(w *world, signals <-chan os.Signal) bool {
	select {
	case s := <-signals:
		w.signal.CompareAndSwap(nil, &s)
	default:
	}
	return w.signal.Load() != nil
}

// oneFailed says whose error it is. What was declined or aborted before any
// change was so only if no service before it was changed.
func (f *runFlags) oneFailed(w *world, p *planned, err error, changed bool) error {
	e := &exitError{code: exitFailed, err: err}
	var known *exitError
	switch {
	case errors.As(err, &known):
		*e = *known
	case w.signal.Load() != nil:
		e.code, e.err = exitDeclined, errors.New("interrupted; nothing of it was changed")
	}
	if e.err != nil {
		e.err = fmt.Errorf("%s: %w", p.plan.Body.Service, e.err)
	}
	if e.code == exitDeclined && changed {
		e.code = w.interruptCode()
	}
	return e
}

// fates tells what became of every service.
func (f *runFlags) fates(w *world, all *allPlanned) {
	var list []view.Fate
	failed := false
	for _, p := range all.plans {
		b := p.plan.Body
		fate := view.Fate{Service: b.Service, What: p.result, Release: b.Release.Tag, Run: p.run}
		switch {
		case fate.What == "" && p.run == "" || fate.What == "" && failed:
			fate.What = "not started"
		case fate.What == "":
			fate.What = "refused"
		}
		failed = failed || fate.What != string(event.Done) && fate.What != string(event.Nothing)
		if fate.Release == "" {
			fate.Release = b.Request.To
		}
		list = append(list, fate)
	}
	view.Fates(f.human(w), list, w.style())
}
