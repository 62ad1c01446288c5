package remote

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Bounds of dialling.
const (
	maxLogins = 8 // connections to one sshd that are not logged in yet; it drops some from 10 on
	maxTries  = 3 // of a login that sshd dropped before it began
	// Where others may wait, whoever is in gives up his place when the host
	// has answered him once more, or after so long: sshd says that a login went
	// well before it has ceased to count it.
	settling = 2 * time.Second
)

// pace bounds the logins under way at each destination.
type pace struct {
	mu    sync.Mutex
	gates map[string]chan struct{}
}

// enter waits for a place at dest. A login that went well leaves with it.
func (p *pace) enter(ctx context.Context, dest string) (leave func(*sshConn), err error) {
	p.mu.Lock()
	if p.gates == nil {
		p.gates = map[string]chan struct{}{}
	}
	gate := p.gates[dest]
	if gate == nil {
		gate = make(chan struct{}, maxLogins)
		p.gates[dest] = gate
	}
	p.mu.Unlock()
	select {
	case gate <- struct{}{}:
		return func(c *sshConn) {
			if c == nil || len(gate) < maxLogins {
				<-gate
				return
			}
			go func() { c.answers(settling); <-gate }()
		}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pause waits before try n+1, for any time up to a bound that doubles, so
// that those who were dropped together do not come back together.
func pause(ctx context.Context, n int) error {
	return sleep(ctx, rand.N(250*time.Millisecond<<n))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
