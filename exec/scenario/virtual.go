package scenario

import (
	"testing"
	"testing/synctest"
)

// virtually runs f where time passes only while everybody waits, so that a
// soak of five minutes takes none. Goroutines and timers of f are ordinary
// ones: the engine that is tested is the engine that applies, with no clock
// of its own. See docs/adr/0005-virtual-time.md.
func virtually(f func()) {
	var t testing.T // synctest asks nothing of it that a zero one has not
	synctest.Test(&t, func(*testing.T) { f() })
}
