package sim

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// A Host is one machine of the fleet. Set its exported fields before anybody
// dials it; afterwards use its methods.
type Host struct {
	Name string
	// Latency is what a round trip costs, Takes what an operation costs
	// beyond that.
	Latency time.Duration
	Takes   map[string]time.Duration
	// Prints is how many lines a second an operation prints while it lasts.
	Prints map[string]int
	// Slow is what every step takes longer.
	Slow time.Duration
	// Unreachable refuses connections; Silent accepts them and never speaks.
	Unreachable bool
	Silent      bool
	// Restless hosts run what current points to without any restart.
	Restless bool
	// Broken are releases that start and then fail every check.
	Broken map[string]bool

	fleet *Fleet
	index int           // in the fleet
	guard chan struct{} // holds a token while nobody has the guard
	dials int

	mu     sync.Mutex
	state  State
	lock   lock
	queue  []*ticket // who waits for the lock, in the order of their turn
	faults []*Fault
	dog    *watchdog // armed, or at work
	conns  []*conn
}

// State is what a host is, as data.
type State struct {
	Live     string   // the release that current points to
	Releases []string // complete ones, in the order of arrival
	History  []string // lines as the host keeps them: time run state release by tag commit
	Files    map[string]File
	Saved    map[string]map[string]File // by "RUN" and "RUN.before", by path
	Drained  bool
	// DrainedBy is the run whose mark of a drain lies on the host.
	DrainedBy string
	Running   string    // the release that the service runs
	Started   time.Time // when it did
	Hooks     []string  // the hooks that ran, by id
}

// A File is a file on a host; the zero File is one that is not there.
type File struct {
	Exists  bool
	Content string
	SHA256  string
	Mode    string
	Owner   string
	Group   string
}

// newHost is the host of that index. No two hosts are equally fast, so that
// what they do never happens at the same instant and a run against the fleet
// goes the same way each time.
func newHost(f *Fleet, name string, index int) *Host {
	h := &Host{
		Name:    name,
		Latency: 10*time.Millisecond + time.Duration(index)*time.Nanosecond,
		Takes:   map[string]time.Duration{"stage": 2 * time.Second, "restart": time.Second, "drain": time.Second},
		Broken:  map[string]bool{},
		fleet:   f,
		index:   index,
		guard:   make(chan struct{}, 1),
		state:   State{Files: map[string]File{}, Saved: map[string]map[string]File{}},
	}
	h.guard <- struct{}{}
	return h
}

// Set makes the host one that runs a release, as a run before left it.
func (h *Host) Set(change func(*State)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.state)
}

// State is what the host is now.
func (h *Host) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.state
	s.Releases = slices.Clone(s.Releases)
	s.History = slices.Clone(s.History)
	s.Hooks = slices.Clone(s.Hooks)
	s.Files = maps.Clone(s.Files)
	s.Saved = map[string]map[string]File{}
	for run, files := range h.state.Saved {
		s.Saved[run] = maps.Clone(files)
	}
	return s
}

// Dials is how often somebody tried to connect.
func (h *Host) Dials() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dials
}

// Conns is how many connections are open.
func (h *Host) Conns() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}
