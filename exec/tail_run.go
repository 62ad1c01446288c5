package exec

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"shipit/exec/remote"
	"shipit/lang/diag"
)

// Deadlines of reading logs.
const (
	tailWithin   = time.Minute    // of what is there
	followWithin = 12 * time.Hour // of one exec that follows; then there is another
)

// The pause before a host that was lost is asked again: it doubles.
const (
	tailPause     = 2 * time.Second
	tailLongPause = time.Minute
)

// A Tail reads the log of a service on many hosts. Nothing of it is kept, so
// a reader that is slow slows what reads on the hosts, and nothing else.
type Tail struct {
	Query LogQuery
	As    string // the user that reads; "" is the login
	// On is told each line, raw: of one host in their order, of several at
	// once. i is the host's place in the list.
	On func(i int, line string)
	// Said is told what becomes of a host: that it cannot be read, is lost, is
	// there again.
	Said func(i int, text string)
}

// Run reads until all is read or, if the log is followed, until ctx ends or no
// host is left that can be. It tells how many hosts could not be read.
func (t Tail) Run(ctx context.Context, hosts []Listener, places []LogPlace) int {
	var failed atomic.Int64
	one := func(i int) {
		if !t.host(ctx, i, hosts[i], places[i]) {
			failed.Add(1)
		}
	}
	if !t.Query.Follow {
		allOf(len(hosts), observeWidth, one)
		return int(failed.Load())
	}
	var wg sync.WaitGroup // each for as long as it lasts
	for i := range hosts {
		wg.Go(func() { one(i) })
	}
	wg.Wait()
	return int(failed.Load())
}

// host reads one host's log, over again where it is followed.
func (t Tail) host(ctx context.Context, i int, l Listener, p LogPlace) bool {
	if p.None() {
		t.Said(i, "the definition does not say where the service logs: name a file by --file, or a unit by --unit")
		return false
	}
	q, typed := t.Query, Typed{As: t.As, Within: tailWithin}
	if q.Follow {
		typed.Within = followWithin
	}
	wait, lost := tailPause, false
	for {
		began := time.Now()
		typed.Argv = []string{"sh", "-c", p.Shell(q)}
		typed.On = func(_ int, line string) {
			if ctx.Err() != nil {
				return // what a shell says of its end
			}
			if lost {
				lost = false
				t.Said(i, "is there again; lines in between may be missing")
			}
			t.On(i, line)
		}
		a := typed.on(ctx, i, l)
		if time.Since(began) > tailLongPause {
			wait = tailPause
		}
		switch {
		case ctx.Err() != nil:
			if a.End == Unknown {
				t.Said(i, "may still read there: "+a.Why)
			}
			return true
		case !q.Follow && a.OK():
			return true
		case a.End == Exited && a.Code != 0:
			t.Said(i, fmt.Sprintf("the log cannot be read: exit status %d", a.Code)) // its last line says why
			return false
		case !q.Follow, a.End == Unreached && !a.again:
			t.Said(i, withHelp(string(a.End)+": "+a.Why, a.Help))
			return false
		case a.End == Unreached, a.End == Unknown, a.End == NotStarted:
			if !lost {
				t.Said(i, fmt.Sprintf("is lost (%s); it is asked again every %s or so", diag.CleanLine(a.Why), wait))
			}
			lost = true
			l.Fleet.forget(l.Target)
		}
		q.Lines, q.Since = 0, "" // what was there has been shown
		if pause(ctx, wait) != nil {
			return true
		}
		wait = min(2*wait, tailLongPause)
	}
}

func withHelp(text, help string) string {
	if help == "" {
		return text
	}
	return text + " (" + help + ")"
}

// forget makes the next who asks for a host's connection dial it, if the last
// dial failed.
func (f *Fleet) forget(t remote.Target) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok := f.conns[t.Name]
	if !ok {
		return
	}
	select {
	case <-d.done:
		if d.err != nil {
			delete(f.conns, t.Name)
		}
	default:
	}
}

// again tells whether a host that could not be reached may be asked again
// without anybody doing something about it: a refused key stays refused.
func again(err error) bool {
	var dial *remote.DialError
	return errors.As(err, &dial) && (dial.Kind == remote.Unreachable || dial.Kind == remote.TimedOut)
}
