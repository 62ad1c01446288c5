package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/trace"
)

// A Feed sends the trace of a run while it goes on: what ended, every few
// seconds, and the rest when the run is over. It is an event.Sink that keeps
// nobody: what a collector does not take waits here, and is tried again later;
// of what is more than that the oldest is dropped, and counted.
type Feed struct {
	send func(context.Context, trace.Trace) (int, error)

	mu   sync.Mutex
	news []event.Event

	// Of one goroutine at a time.
	stream  *trace.Stream
	unsent  trace.Trace
	sent    int
	dropped int
	short   error // what a collector said first that took a part

	stop context.CancelFunc
	over chan struct{}
}

const (
	feedEvery  = 5 * time.Second
	feedAgain  = 30 * time.Second // after an error
	feedWithin = 5 * time.Second  // of one try
)

// mostUnsent is how many spans wait for a collector: those of some 1,500 hosts, in
// 16 MiB.
const mostUnsent = 1 << 15

// NewFeed begins to send the trace of a run to the collector of the
// environment. Past is what the run did before it was resumed. Version is the
// program's.
func NewFeed(r trace.Run, past []event.Event, version string) *Feed {
	return newFeed(r, past, func(ctx context.Context, t trace.Trace) (int, error) { return Send(ctx, t, version) })
}

func newFeed(r trace.Run, past []event.Event, send func(context.Context, trace.Trace) (int, error)) *Feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Feed{send: send, stream: trace.NewStream(r), stop: cancel, over: make(chan struct{})}
	f.stream.Take(past...)
	f.add(f.stream.Ended())
	go f.loop(ctx)
	return f
}

// Append takes in what happened. It never waits for a collector.
func (f *Feed) Append(e event.Event) error {
	if e.Type == event.Output || e.Seq == 0 || !f.stream.Sampled() { // which are no part of a span, of no run yet, and wanted by nobody
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.news = append(f.news, e)
	return nil
}

func (f *Feed) loop(ctx context.Context) {
	defer close(f.over)
	for every := feedEvery; f.stream.Sampled(); {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		f.take()
		f.add(f.stream.Ended())
		try, cancel := context.WithTimeout(ctx, feedWithin)
		every = feedEvery
		if f.try(try) != nil {
			every = feedAgain
		}
		cancel()
	}
}

// take folds the news.
func (f *Feed) take() {
	f.mu.Lock()
	news := f.news
	f.news = nil
	f.mu.Unlock()
	f.stream.Take(news...)
}

// add takes in what ended.
func (f *Feed) add(t trace.Trace) {
	t.Spans = append(f.unsent.Spans, t.Spans...)
	if more := len(t.Spans) - mostUnsent; more > 0 {
		f.dropped += more
		t.Spans = slices.Clone(t.Spans[more:]) // else the dropped ones stay behind it
	}
	f.unsent = t
}

// try sends what was not sent yet.
func (f *Feed) try(ctx context.Context) error {
	n, err := f.send(ctx, f.unsent)
	f.sent += n
	f.unsent.Spans = f.unsent.Spans[n:]
	if len(f.unsent.Spans) > 0 {
		return err
	}
	f.short = cmp.Or(f.short, err)
	return nil
}

// Close sends the rest until ctx ends, and says what a collector did not take.
func (f *Feed) Close(ctx context.Context) error {
	f.stop()
	<-f.over
	f.take()
	f.unsent.Spans = append(f.unsent.Spans, f.stream.Rest().Spans...) // the run itself is not dropped
	err := f.try(ctx)
	switch {
	case err != nil && f.stream.Sampled():
		return fmt.Errorf("%w (%d of %d spans were sent)", err, f.sent, f.sent+f.dropped+len(f.unsent.Spans))
	case f.dropped > 0:
		return errors.Join(f.short, fmt.Errorf("%d of %d spans were dropped, because the collector did not take them in time", f.dropped, f.dropped+f.sent))
	}
	return f.short
}
