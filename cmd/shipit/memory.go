package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// A command for few hosts lives for a second and holds a few megabytes, which
// it would collect half a dozen times: a tenth of its CPU. So that is put off
// until there is something to hold; from then on memory counts.
const (
	rarely  = 400     // of GOGC
	usually = 100     // of GOGC, Go's own
	little  = 8 << 20 // bytes in use after a collection
)

// collectRarely puts off the collection of garbage, unless whoever started us
// has decided that.
func collectRarely() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(rarely)
		afterCollection()
	}
}

// afterCollection looks once after the next collection how much is in use.
func afterCollection() {
	mark := new([16]byte) // dead at once: its finalizer is when a collection is over
	runtime.SetFinalizer(mark, func(*[16]byte) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		if metrics.Read(live); live[0].Value.Uint64() > little {
			debug.SetGCPercent(usually)
			return
		}
		afterCollection()
	})
}
