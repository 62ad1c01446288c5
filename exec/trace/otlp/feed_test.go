package otlp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/trace"
)

// A taker is a collector in memory.
type taker struct {
	away atomic.Int32 // what it is at
	most int          // spans that it takes at once; 0 is any number

	mu    sync.Mutex
	names []string
	tries int
}

// got is what it has, and how often it was tried.
func (c *taker) got() ([]string, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names, c.tries
}

// Ways to be away.
const (
	down = iota + 1
	hangs
	picks // takes what it likes
)

func (c *taker) send(ctx context.Context, t trace.Trace) (int, error) {
	c.mu.Lock()
	c.tries++
	c.mu.Unlock()
	switch c.away.Load() {
	case hangs:
		<-ctx.Done()
		return 0, ctx.Err()
	case down:
		return 0, errors.New("it is down")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(t.Spans)
	var err error
	if c.away.Load() == picks {
		err = errors.New("a span is too large")
	}
	if c.most > 0 && n > c.most {
		n, err = c.most, errors.New("it takes no more")
	}
	for _, s := range t.Spans[:n] {
		c.names = append(c.names, s.Name)
	}
	return n, err
}

// runsOn has the feed hear of a host that switches.
func runsOn(f *Feed, seq *int64, host string) {
	for _, typ := range []event.Type{event.HostStarted, event.HostDone} {
		*seq++
		_ = f.Append(event.Event{Seq: *seq, Time: time.Now(), Type: typ, Host: host, Phase: event.Switch})
	}
}

func TestAFeedSendsWhatEndedWhileTheRunGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, seq := &taker{}, int64(0)
		f := newFeed(trace.Run{Run: "r1", Service: "hello", Kind: "deploy"}, nil, c.send)
		runsOn(f, &seq, "web1")
		time.Sleep(feedEvery + time.Second)
		synctest.Wait()
		names, _ := c.got()
		if want := []string{"lock", "switch"}; !slices.Equal(names, want) { // and then it is killed
			t.Errorf("a collector has %q, want %q", names, want)
		}
		runsOn(f, &seq, "web2")
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if want := []string{"lock", "switch", "deploy hello", "web1", "web2", "switch"}; !slices.Equal(c.names, want) {
			t.Errorf("a collector has %q, want %q", c.names, want)
		}
	})
}

func TestACollectorThatIsAwayIsTriedSeldomAndGetsAllOfIt(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]int32{"down": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, seq := &taker{}, int64(0)
				c.away.Store(away)
				f := newFeed(trace.Run{Run: "r1", Service: "hello", Kind: "deploy"}, nil, c.send)
				for range 100 { // nobody waits, whatever it does
					runsOn(f, &seq, "web1")
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if _, tries := c.got(); tries < 5 || tries > 21 {
					t.Errorf("it was tried %d times in ten minutes", tries)
				}
				c.away.Store(0)
				time.Sleep(time.Minute)
				synctest.Wait()
				if names, _ := c.got(); len(names) != 101 {
					t.Errorf("when it is there again it gets %d spans", len(names))
				}
				if err := f.Close(t.Context()); err != nil || len(c.names) != 103 {
					t.Errorf("in the end it has %d spans: %v", len(c.names), err)
				}
			})
		})
	}
}

func TestWhatACollectorDoesNotTakeIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, seq := &taker{most: 2}, int64(0)
		f := newFeed(trace.Run{Run: "r1", Service: "hello", Kind: "deploy"}, nil, c.send)
		runsOn(f, &seq, "web1")
		runsOn(f, &seq, "web2")
		err := f.Close(t.Context())
		if err == nil || !strings.Contains(err.Error(), "(2 of 6 spans were sent)") {
			t.Errorf("it says %v", err)
		}
	})
}

// TestWhatACollectorRejectsIsSaidOnce, and not once for each part of a long run.
func TestWhatACollectorRejectsIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, seq := &taker{}, int64(0)
		c.away.Store(picks)
		f := newFeed(trace.Run{Run: "r1", Service: "hello", Kind: "deploy"}, nil, c.send)
		for range 10 {
			runsOn(f, &seq, "web1")
			time.Sleep(feedEvery)
		}
		if err := f.Close(t.Context()); err == nil || err.Error() != "a span is too large" {
			t.Errorf("it says %v", err)
		}
	})
}

// TestWhatWaitsForACollectorIsBounded, and what is dropped is the oldest, and
// said once: not the run itself, which comes last.
func TestWhatWaitsForACollectorIsBounded(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]bool{"and it comes back": true, "and it stays away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, seq := &taker{}, int64(0)
				c.away.Store(down)
				f := newFeed(trace.Run{Run: "r1", Service: "hello", Kind: "deploy"}, nil, c.send)
				runsOn(f, &seq, "web1")
				for range 4 {
					for range mostUnsent / 2 {
						runsOn(f, &seq, "web2")
					}
					time.Sleep(time.Minute)
					synctest.Wait()
				}
				if n := len(f.unsent.Spans); n > mostUnsent || cap(f.unsent.Spans) > 2*mostUnsent {
					t.Errorf("%d spans wait, in room for %d", n, cap(f.unsent.Spans))
				}
				want := fmt.Sprintf("it is down (0 of %d spans were sent)", 2*mostUnsent+5)
				if back {
					c.away.Store(0)
					want = fmt.Sprintf("%d of %d spans were dropped, because the collector did not take them in time", mostUnsent+2, 2*mostUnsent+5)
				}
				if err := f.Close(t.Context()); err == nil || err.Error() != want {
					t.Errorf("it says %v, want %s", err, want)
				}
				if end := []string{"deploy hello", "web1", "web2"}; back && (len(c.names) != mostUnsent+3 || !slices.Equal(c.names[mostUnsent:], end)) {
					t.Errorf("it got %d spans, the last are %q", len(c.names), c.names[max(0, len(c.names)-3):])
				}
			})
		})
	}
}

func TestATraceThatNobodyWantsIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, seq := &taker{}, int64(0)
		f := newFeed(trace.Run{Run: "r1", Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}, nil, c.send)
		runsOn(f, &seq, "web1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(f.news) > 0 {
			t.Errorf("%d events wait for nothing", len(f.news))
		}
		if _, tries := c.got(); tries > 0 {
			t.Errorf("it was tried %d times", tries)
		}
		_ = f.Close(t.Context())
	})
}
