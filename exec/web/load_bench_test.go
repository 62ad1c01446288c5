package web_test

import (
	"fmt"
	"math/rand"
	"net"
	"os"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shipit/exec/event"
)

// BenchmarkLoad measures what readers cost a run of 500 hosts that print 20
// lines a second each: by turns it runs alone, and with 20 browsers over
// loopback, one of which loses its connection all the time, and one more that
// never reads. In a last run somebody aborts. SHIPIT_LOAD is how many pairs of
// runs there are, SHIPIT_LOAD_SECONDS how long hosts print.
func BenchmarkLoad(b *testing.B) {
	const hosts, readers = 500, 20
	pairs, seconds := setting(b, "SHIPIT_LOAD", 3), setting(b, "SHIPIT_LOAD_SECONDS", 15)
	for b.Loop() {
		var alone, watched, cpu, cpuWatched []float64
		var heap, events, dropped, reconnects float64
		for range pairs {
			one := play(b, hosts, 0, seconds, false)
			many := play(b, hosts, readers, seconds, false)
			b.Logf("alone %.2f s, %.1f s of CPU, %.0f MB; watched %.2f s, %.1f s of CPU, %.0f MB; %d events, %d lines left out, %d reconnects",
				one.took.Seconds(), one.cpu, one.heap, many.took.Seconds(), many.cpu, many.heap, many.events, many.dropped, many.reconnects)
			alone, watched = append(alone, one.took.Seconds()), append(watched, many.took.Seconds())
			cpu, cpuWatched = append(cpu, one.cpu), append(cpuWatched, many.cpu)
			heap, events = max(heap, many.heap), float64(many.events)
			dropped, reconnects = dropped+float64(many.dropped), reconnects+float64(many.reconnects)
		}
		stopped := play(b, hosts, readers, seconds, true)
		b.Logf("aborted: answered after %s", stopped.abort)
		b.ReportMetric(median(alone), "s-alone")
		b.ReportMetric(median(watched), "s-watched")
		b.ReportMetric(median(watched)/median(alone), "ratio")
		b.ReportMetric(median(cpu), "CPU-s-alone")
		b.ReportMetric(median(cpuWatched), "CPU-s-watched")
		b.ReportMetric(heap, "heap-MB")
		b.ReportMetric(events, "events")
		b.ReportMetric(dropped, "dropped")
		b.ReportMetric(reconnects, "reconnects")
		b.ReportMetric(float64(stopped.abort.Milliseconds()), "ms-abort")
	}
}

// A played is what was measured of one run.
type played struct {
	took, abort time.Duration
	cpu, heap   float64 // seconds of the process, MB at most
	events      int64
	dropped     int
	reconnects  int
}

// play does one run with so many readers, and looks whether all of them saw
// all of it.
func play(b *testing.B, hosts, readers, seconds int, stop bool) played {
	b.Helper()
	l := newLoad(b, hosts, time.Duration(seconds)*time.Second)
	j := l.begin()
	heap, done := peak()
	busy := processTime(b)
	var a *audience
	var looking sync.WaitGroup
	seen := make([]*seer, readers)
	if readers > 0 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		a = l.open(listener, (&net.Dialer{}).DialContext)
		if err := a.stall((&net.Dialer{}).DialContext); err != nil {
			b.Fatal(err)
		}
	}
	for i := range seen {
		var cut func() int
		if i == 0 {
			chance := rand.New(rand.NewSource(1))
			cut = func() int { return 1 + chance.Intn(100_000) }
		}
		seen[i] = &seer{}
		looking.Go(func() {
			if err := a.watch(seen[i], cut); err != nil {
				b.Errorf("reader %d: %v", i, err)
			}
		})
	}
	var p played
	over := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(over)
		if got := l.apply(j); got != event.Done { // also where somebody aborts: what is in flight ends first
			b.Errorf("it ended %s", got)
		}
		p.took = time.Since(began)
	}()
	if stop {
		form, err := a.form()
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Duration(seconds) * time.Second * 2 / 3)
		var said string
		if p.abort, said, err = a.abort(form, seen[1].at.Load()); err != nil {
			b.Fatal(err)
		}
		b.Log(said)
	}
	<-over
	looking.Wait()
	if a != nil {
		a.close()
	}
	p.cpu, p.heap = processTime(b)-busy, float64(heap.Load())/1e6
	close(done)
	p.events, _, p.dropped = l.recorded()
	for i, s := range seen {
		p.reconnects += s.reconnects
		if s.seq != p.events {
			b.Errorf("reader %d saw %d of %d records", i, s.seq, p.events)
		}
	}
	return p
}

// processTime is the CPU that this process has used, in seconds.
func processTime(b *testing.B) float64 {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak is the most that the heap has held since, until done is closed.
func peak() (most *atomic.Uint64, done chan struct{}) {
	most, done = &atomic.Uint64{}, make(chan struct{})
	go func() {
		one := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(one)
			most.Store(max(most.Load(), one[0].Value.Uint64()))
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return most, done
}

func median(all []float64) float64 {
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

func setting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatal(fmt.Errorf("%s is a whole number above 0, not %q", name, text))
	}
	return n
}
