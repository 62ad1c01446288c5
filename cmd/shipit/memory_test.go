package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// A command that holds much collects as other programs do.
func TestGarbageIsCollectedWhereThereIsMuch(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(usually))
	collectRarely()
	much := make([]byte, little+1)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		switch now := debug.SetGCPercent(rarely); now {
		case usually:
			runtime.KeepAlive(much)
			return
		case rarely:
		default:
			t.Fatal(now)
		}
	}
	t.Error("it never does")
}
