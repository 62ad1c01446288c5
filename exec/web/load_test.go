package web_test

import (
	"context"
	"math/rand"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/web"
)

// TestReadersCostARunNothing lets a run be watched by readers whose connections
// break a thousand times, and by one that never reads, and then lets one of
// them stop it. Time is virtual, so that what it says is exact: a run that
// waited for a reader would take longer than one that nobody watches.
func TestReadersCostARunNothing(t *testing.T) {
	t.Parallel()
	const hosts, long, readers, kept = 4, 12 * time.Second, 20, 200
	var alone time.Duration
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, hosts, long)
		j, began := l.begin(), time.Now()
		if got := l.apply(j); got != event.Done {
			t.Errorf("nobody watches, and it ended %s", got)
		}
		alone = time.Since(began)
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, hosts, long)
		j := l.begin()
		net := newWire()
		a := l.open(net, net.dial)
		a.server.Keep(kept)
		if err := a.stall(net.dial); err != nil {
			t.Fatal(err)
		}
		var all [readers]*seer
		for i := range all {
			all[i] = &seer{}
			chance := rand.New(rand.NewSource(int64(i)))
			a.work.Go(func() {
				if err := a.watch(all[i], func() int { return 1 + chance.Intn(3000) }); err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
			})
		}
		over, held := make(chan struct{}), 0
		go func() { // what the server holds, all the time
			for {
				select {
				case <-over:
					return
				case <-time.After(100 * time.Millisecond):
					records, bytes := a.server.Held()
					if held = max(held, records); bytes > web.MostKeptOf {
						t.Errorf("the server holds %d bytes", bytes)
					}
				}
			}
		}()
		began := time.Now()
		outcome := l.apply(j)
		took := time.Since(began)
		close(over)
		time.Sleep(time.Minute) // readers come to the end
		a.close()
		if held != kept {
			t.Errorf("the server held %d records, want %d and no more", held, kept)
		}
		if outcome != event.Done || took != alone {
			t.Errorf("watched, it ended %s after %s; alone it took %s", outcome, took, alone)
		}
		events, lines, dropped := l.recorded()
		if want := hosts * linesASecond * int(long.Seconds()); lines != want || dropped != 0 {
			t.Errorf("%d lines are recorded and %d left out; hosts printed %d", lines, dropped, want)
		}
		reconnects := 0
		for i, s := range all {
			if s.seq != events || !s.ended {
				t.Errorf("reader %d saw %d of %d records", i, s.seq, events)
			}
			reconnects += s.reconnects
		}
		if reconnects < 1000 {
			t.Errorf("connections broke %d times", reconnects)
		}
	})
}

// TestAnAbortIsAnsweredBeforeTheNextBreath aborts from the page of a run whose
// hosts print all the time.
func TestAnAbortIsAnsweredBeforeTheNextBreath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 8, 11*time.Second)
		j := l.begin()
		net := newWire()
		a := l.open(net, net.dial)
		var outcome event.Outcome
		over := make(chan struct{})
		go func() {
			defer close(over)
			outcome = l.apply(j)
		}()
		form, err := a.form()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Second + 333*time.Millisecond)
		took, said, err := a.abort(form, 1)
		if err != nil || !strings.Contains(said, "aborted by anna@desk") || took >= 200*time.Millisecond {
			t.Errorf("after %s: %s %v", took, said, err)
		}
		<-over
		a.close()
		if outcome != event.Done { // all hosts were in flight, and those end first
			t.Errorf("it ended %s", outcome)
		}
	})
}

// A wire is a network in memory: no side of a connection holds anything, so a
// reader that does not read stops who writes at once.
type wire struct {
	calls  chan net.Conn
	closed atomic.Bool
	gone   chan struct{}
}

func newWire() *wire { return &wire{calls: make(chan net.Conn), gone: make(chan struct{})} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.calls <- there:
		return here, nil
	case <-w.gone:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.gone:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	if !w.closed.Swap(true) {
		close(w.gone)
	}
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "pipe"} }
