package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Mark is one thing that happened on a host of the fleet.
type Mark struct {
	At   time.Time
	Host string
	Step string // id of the step
	Op   string // of the step
	What What
}

// What says what a Mark marks.
type What string

// The marks: a step began, ended well, said no, was stopped or cut off; the
// host left service, and came back.
const (
	Began   What = "began"
	Ended   What = "ended"
	Failed  What = "failed"
	Stopped What = "stopped"
	Out     What = "out"
	In      What = "in"
)

// note appends to the timeline. The caller may hold a host's mutex, never
// the fleet's.
func (f *Fleet) note(m Mark) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m.At = time.Now()
	f.timeline = append(f.timeline, m)
}

// Timeline is what happened so far, oldest first; what happened at the same
// instant is in the order of the hosts.
func (f *Fleet) Timeline() []Mark {
	f.mu.Lock()
	marks := slices.Clone(f.timeline)
	f.mu.Unlock()
	index := func(m Mark) int {
		if h := f.hosts[m.Host]; h != nil {
			return h.index
		}
		return f.deployer.index
	}
	slices.SortStableFunc(marks, func(a, b Mark) int {
		return cmp.Or(a.At.Compare(b.At), index(a)-index(b))
	})
	return marks
}

// Count is how often a step of op began on a host; "" is any host.
func (f *Fleet) Count(host, op string) int {
	n := 0
	for _, m := range f.Timeline() {
		if m.What == Began && m.Op == op && (host == "" || m.Host == host) {
			n++
		}
	}
	return n
}

// MostOut is the largest number of hosts that were out of service at one
// instant.
func (f *Fleet) MostOut() int {
	most, out := 0, map[string]bool{}
	for _, m := range f.Timeline() {
		switch m.What {
		case Out:
			out[m.Host] = true
			most = max(most, len(out))
		case In:
			delete(out, m.Host)
		}
	}
	return most
}

// Changed tells whether anything that mutates a host began on it.
func (f *Fleet) Changed(host string) bool {
	for _, m := range f.Timeline() {
		if m.Host == host && m.What == Began && mutates(m.Op) {
			return true
		}
	}
	return false
}

// String is the timeline as text, a line a mark, for a failing test.
func (f *Fleet) String() string {
	var b strings.Builder
	marks := f.Timeline()
	for _, m := range marks {
		fmt.Fprintf(&b, "%8.2fs %-8s %-8s %s\n", m.At.Sub(marks[0].At).Seconds(), m.Host, m.What, m.Step)
	}
	return b.String()
}
