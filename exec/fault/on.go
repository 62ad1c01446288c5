//go:build faultpoints

package fault

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// passing counts how often each place was passed.
type passing struct {
	mu    sync.Mutex
	times map[Point]int
}

var passed = passing{times: map[Point]int{}}

// At is a place where the program may end.
func At(p Point) {
	passed.mu.Lock()
	defer passed.mu.Unlock()
	passed.times[p]++
	if name := os.Getenv("SHIPIT_FAULT_LOG"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic("internal error: " + err.Error())
		}
		fmt.Fprintln(f, p)
		f.Close()
	}
	name, nth, _ := strings.Cut(os.Getenv("SHIPIT_FAULT"), "#")
	n, err := strconv.Atoi(nth)
	if err != nil {
		n = 1
	}
	if Point(name) == p && passed.times[p] == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it comes at once, but to whichever thread
	}
}

// In is r with a place each time that somebody reads from it; nil stays nil.
func In(r io.Reader, p Point) io.Reader {
	if r == nil {
		return nil
	}
	return reader{r, p}
}

type reader struct {
	io.Reader
	at Point
}

func (r reader) Read(p []byte) (int, error) {
	At(r.at)
	return r.Reader.Read(p)
}
