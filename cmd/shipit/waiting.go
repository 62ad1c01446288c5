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
	news  []string // to be said with the next line
	known map[string]bool
	done  chan struct{}
	ended sync.WaitGroup
}

// waitFor begins to wait; a host that is listed twice comes twice. verb is
// what is done with hosts, as in "read 3 of 4 hosts".
func (w *world) waitFor(verb string, hosts []string) *waiting {
	v := &waiting{order: hosts, left: map[string]int{}, known: map[string]bool{}, done: make(chan struct{})}
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
				came, names, news := v.now()
				for _, text := range news {
					fmt.Fprintf(w.stderr, "so far: %s\n", text)
				}
				fmt.Fprintf(w.stderr, "%s %d of %d hosts, waiting for %s (%ds)\n", verb, came, v.total, strings.Join(names, ", "), int(time.Since(start).Seconds()))
			}
		}
	})
	return v
}

// now is how many hosts came, a few that did not, and the news.
func (v *waiting) now() (came int, names, news []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.order {
		if v.left[h] > 0 && len(names) < 3 && !slices.Contains(names, h) {
			names = append(names, h)
		}
	}
	news, v.news = v.news, nil
	return v.total - len(v.left), names, news
}

func (v *waiting) came(host string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.left[host]--; v.left[host] == 0 {
		delete(v.left, host)
	}
}

// mostNews bounds what is said before the answer is whole.
const mostNews = 10

// say says something while others are still waited for, and nothing where
// they are there before the second is over.
func (v *waiting) say(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.known[text] && len(v.known) < mostNews {
		v.known[text] = true
		v.news = append(v.news, text)
	}
}

// over ends the waiting.
func (v *waiting) over() {
	close(v.done)
	v.ended.Wait()
}
