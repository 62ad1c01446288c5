package main

import (
	"context"
	"fmt"
	"time"

	"shipit/exec/journal"
	"shipit/exec/trace"
	"shipit/exec/trace/otlp"
)

// traceLimit bounds how long the end of a command waits for a collector.
const traceLimit = 5 * time.Second

// A traced run is one whose trace is sent when it is over.
type traced struct {
	context string // for commands of the definition; "" where nobody traces
	send    func()
}

// startedBy is the span of whoever started this program, "" where there is none.
func (w *world) startedBy() string {
	if t := w.getenv("TRACEPARENT"); trace.Parent(t) {
		return t
	}
	return ""
}

// tracing prepares the trace of the run whose journal is at path. It is made
// of the journal when the run is over, or its process is, so that no run is
// ever slower for it. A resumed run's trace is the whole run's.
func (w *world) tracing(path string) traced {
	wanted, problem := otlp.Wanted(w.getenv)
	if problem != "" {
		fmt.Fprintf(w.stderr, "warning: %s\n", problem)
	}
	rec, err := journal.Load(path)
	switch {
	case err != nil:
		return traced{send: func() {}}
	case !wanted: // spans of ours that nobody gets would be a gap
		return traced{context: rec.Header.Trace, send: func() {}}
	}
	return traced{context: trace.Context(journal.RunOf(path), rec.Header.Trace), send: func() {
		if err := w.sendTrace(path); err != nil {
			fmt.Fprintf(w.stderr, "warning: %s\n", w.secrets.replace(err.Error()))
		}
	}}
}

// sendTrace sends the trace of a run that is over.
func (w *world) sendTrace(path string) error {
	rec, err := journal.Load(path)
	if err != nil {
		return fmt.Errorf("cannot send the trace: %w", err)
	}
	h := rec.Header
	t := trace.Of(trace.Run{
		Run: h.Run, Service: h.Service, Env: h.Env, Release: h.Release, Kind: h.Kind, By: h.By, Began: h.Time, Parent: h.Trace,
	}, rec.Events)
	ctx, cancel := context.WithTimeout(context.Background(), traceLimit)
	defer cancel()
	sent, err := otlp.Send(ctx, t, version)
	if err != nil && sent < len(t.Spans) {
		return fmt.Errorf("%w (%d of %s were sent)", err, sent, count(len(t.Spans), "span"))
	}
	return err
}
