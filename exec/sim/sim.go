// Package sim is a fleet in memory: hosts that act out the steps of a
// command instead of running their shell, with latency, and with faults on
// demand.
//
// It knows the operations that package exec emits and refuses any other, so
// that a run against it shows what the engine would do to real hosts. It
// keeps a timeline of what happened on every host, for questions such as "how
// many were out of service at once". In a testing/synctest bubble its time is
// virtual.
package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"shipit/exec/remote"
)

// A Fleet is a set of hosts in memory. It is a remote.Dialer.
type Fleet struct {
	mu       sync.Mutex
	hosts    map[string]*Host
	deployer *Host
	timeline []Mark
}

// New returns a fleet of empty hosts with these names.
func New(names ...string) *Fleet {
	f := &Fleet{hosts: make(map[string]*Host, len(names))}
	for i, name := range names {
		f.hosts[name] = newHost(f, name, i)
	}
	f.deployer = newHost(f, "deployer", len(names))
	return f
}

// Host is the host of that name; an unknown one is a bug of the caller.
func (f *Fleet) Host(name string) *Host {
	h, ok := f.hosts[name]
	if !ok {
		panic("internal error: no simulated host " + name)
	}
	return h
}

// Names are the names of all hosts, sorted.
func (f *Fleet) Names() []string { return slices.Sorted(maps.Keys(f.hosts)) }

// dialTimeout is how long a silent host costs whoever dials it, as with the
// handshake deadline of real connections.
const dialTimeout = 15 * time.Second

// Dial connects to the host that the target names.
func (f *Fleet) Dial(ctx context.Context, t remote.Target) (remote.Conn, error) {
	h, ok := f.hosts[t.Name]
	if !ok {
		return nil, &remote.DialError{Host: t.Name, Kind: remote.Unreachable, Err: errors.New("no such host")}
	}
	h.mu.Lock()
	down, silent, latency := h.Unreachable, h.Silent, h.Latency
	h.dials++
	h.mu.Unlock()
	switch {
	case down:
		return nil, &remote.DialError{
			Host: t.Name, Kind: remote.Unreachable,
			Err: errors.New("connection refused"), Help: "is the host up?",
		}
	case silent:
		if err := sleep(ctx, dialTimeout); err != nil {
			return nil, err
		}
		return nil, &remote.DialError{
			Host: t.Name, Kind: remote.TimedOut,
			Err: fmt.Errorf("no answer for %s", dialTimeout), Help: "does sshd answer there?",
		}
	}
	if err := sleep(ctx, latency); err != nil {
		return nil, err
	}
	c := &conn{host: h, user: t.User, lost: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, c)
	return c, nil
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
