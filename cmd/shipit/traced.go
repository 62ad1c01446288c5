package main

import (
	"context"
	"fmt"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/trace"
	"shipit/exec/trace/otlp"
)

// traceLimit bounds how long the end of a command waits for a collector.
const traceLimit = 5 * time.Second

// A traced run is one whose trace is sent while it goes on.
type traced struct {
	context string     // for commands of the definition; "" where nobody traces
	views   event.Sink // that reads the run
	send    func()     // the rest, when the run is over
}

// startedBy is the span of whoever started this program, "" where there is none.
func (w *world) startedBy() string {
	if t := w.getenv("TRACEPARENT"); trace.Parent(t) {
		return t
	}
	return ""
}

// tracing begins the trace of a run that goes on from its record. It is made of
// the events that every view gets, so that no run is ever slower for it. A
// resumed run's trace is the whole run's: its ids follow from the run's.
func (w *world) tracing(rec *journal.Record) traced {
	wanted, problem := otlp.Wanted(w.getenv)
	if problem != "" {
		fmt.Fprintf(w.stderr, "warning: %s\n", problem)
	}
	h := rec.Header
	t := traced{context: h.Trace, views: event.Views{}, send: func() {}}
	if !wanted { // spans of ours that nobody gets would be a gap
		return t
	}
	feed := otlp.NewFeed(trace.Run{
		Run: h.Run, Service: h.Service, Env: h.Env, Release: h.Release, Kind: h.Kind, By: h.By, Began: h.Time, Parent: h.Trace,
	}, rec.Events, version)
	t.context, t.views = trace.Context(h.Run, h.Trace), feed
	t.send = func() {
		ctx, cancel := context.WithTimeout(context.Background(), traceLimit)
		defer cancel()
		if err := feed.Close(ctx); err != nil {
			w.warn(err.Error())
		}
	}
	return t
}
