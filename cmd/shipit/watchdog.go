package main

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"shipit/lang/diag"
)

// A watchdog bounds what a stranger's file may cost. The language has limits
// of its own; this holds where they leave a way out.
type watchdog struct {
	time   time.Duration
	memory uint64 // of live and dead objects, in bytes
}

// ordinary is what reading and evaluating one definition may cost.
var ordinary = watchdog{time: 10 * time.Second, memory: 1 << 30}

// within is d with another bound on time.
func (d watchdog) within(limit time.Duration) watchdog {
	d.time = limit
	return d
}

const sampling = 20 * time.Millisecond

// guard does work and gives up on it where it takes too long or too much
// memory. It cannot be stopped, so it must be nothing that could do harm
// later; the process is expected to end soon.
func (d watchdog) guard(file string, work func()) *diag.Diagnostic {
	// The collector is to work harder before memory runs out.
	before := debug.SetMemoryLimit(int64(d.memory / 4 * 3))
	defer debug.SetMemoryLimit(before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	deadline := time.NewTimer(d.time)
	defer deadline.Stop()
	tick := time.NewTicker(sampling)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-deadline.C:
			return d.gaveUp(file, fmt.Sprintf("reading and evaluating it took longer than %s", d.time))
		case <-tick.C:
			if heap() > d.memory {
				return d.gaveUp(file, fmt.Sprintf("reading and evaluating it took more than %d MiB of memory", d.memory>>20))
			}
		}
	}
}

func (d watchdog) gaveUp(file, why string) *diag.Diagnostic {
	start := diag.Pos{Line: 1, Column: 1}
	return &diag.Diagnostic{
		Code: "E0124", Severity: diag.Error, Summary: "the definition costs too much", Detail: sentence(why) + ".",
		Help:    "Make its loops and texts smaller.",
		Subject: diag.Range{File: file, Start: start, End: start},
	}
}

// heap is the memory that objects take, dead ones that were not yet collected
// among them.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
