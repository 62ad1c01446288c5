package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A waiting says every second, on standard error, which hosts a command still
// waits for.
type waiting struct {
	mu    sync.Mutex
	order []string
	left  map[string]int // how often each host is still to come
	total int
	done  chan struct{}
	ended sync.WaitGroup
}

// waitFor begins to wait; a host that is listed twice comes twice. verb is
// what is done with hosts, as in "read 3 of 4 hosts".
func (w *world) waitFor(verb string, hosts []string) *waiting {
	v := &waiting{order: hosts, left: map[string]int{}, done: make(chan struct{})}
	for _, h := range hosts {
		v.left[h]++
	}
	v.total = len(v.left)
	v.ended.Go(func() {
		start := time.Now()
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-v.done:
				return
			case <-t.C:
				came, names := v.now()
				fmt.Fprintf(w.stderr, "%s %d of %d hosts, waiting for %s (%ds)\n", verb, came, v.total, strings.Join(names, ", "), int(time.Since(start).Seconds()))
			}
		}
	})
	return v
}

// now is how many hosts came, and a few that did not.
func (v *waiting) now() (came int, names []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.order {
		if v.left[h] > 0 && len(names) < 3 && !slices.Contains(names, h) {
			names = append(names, h)
		}
	}
	return v.total - len(v.left), names
}

func (v *waiting) came(host string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.left[host]--; v.left[host] == 0 {
		delete(v.left, host)
	}
}

// over ends the waiting.
func (v *waiting) over() {
	close(v.done)
	v.ended.Wait()
}
