package sim

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"shipit/exec/remote"
)

// lock is the lock of the one service that a simulated host has.
type lock struct {
	run, owner, reason string
	since              int64
	generation         int64
	until              time.Time // end of the lease
}

// holds tells whether the host is that taking's.
func (h *Host) holds(run string, generation int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lock.run == run && h.lock.generation == generation
}

// LockedBy is the run that holds the host's lock, "" if none does.
func (h *Host) LockedBy() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lock.run
}

// Steal gives the host to another run, as if the lease of the one that holds
// it had run out.
func (h *Host) Steal(run, owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lock = lock{
		run: run, owner: owner, since: time.Now().Unix(),
		generation: h.lock.generation + 1, until: time.Now().Add(time.Hour),
	}
}

// Free ends what Steal began.
func (h *Host) Free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lock.run = ""
}

// takeGuard holds the host's guard, for which it waits a while.
func (s *session) takeGuard(ctx context.Context, patience time.Duration) (release func(), err error) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-s.host.guard:
		return func() { s.host.guard <- struct{}{} }, nil
	case <-t.C:
		return nil, remote.ErrFenced
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.lost:
		return nil, cutOff()
	}
}

// take acts out the taking of the lock.
func (s *session) take(ctx context.Context, step remote.Step) error {
	release, err := s.takeGuard(ctx, 10*time.Second)
	if err == remote.ErrFenced {
		s.look(step.ID)
		return saidNo("a script of another run is still at work")
	}
	if err != nil {
		return err
	}
	defer release()
	lease, err := time.ParseDuration(step.Args["lease"])
	if err != nil {
		panic("internal error: lock without a lease")
	}
	h := s.host
	h.mu.Lock()
	regained := h.lock.run == step.Args["run"] && step.Args["was"] == strconv.FormatInt(h.lock.generation, 10)
	held := h.lock.run != "" && !regained && time.Now().Before(h.lock.until)
	if !held {
		h.lock = lock{
			run: step.Args["run"], owner: step.Args["owner"], reason: step.Args["reason"],
			since: time.Now().Unix(), generation: h.lock.generation + 1, until: time.Now().Add(lease),
		}
	}
	g := h.lock.generation
	h.mu.Unlock()
	if held {
		s.look(step.ID)
		return saidNo("another run holds the lock")
	}
	s.fact(step.ID, "generation", strconv.FormatInt(g, 10))
	return nil
}

// look states who holds the lock, if anybody does.
func (s *session) look(step string) {
	s.host.mu.Lock()
	l := s.host.lock
	s.host.mu.Unlock()
	if l.run == "" {
		return
	}
	s.fact(step, "lock", fmt.Sprintf("%s\n%s\n%d\n%s\n", l.run, l.owner, l.since, l.reason))
	alive := "dead"
	if time.Now().Before(l.until) {
		alive = "alive"
	}
	s.fact(step, "lock_lease", alive)
}

// hold keeps the lease while bytes come in and gives the lock back when they
// end, when they stop coming or when the connection is lost.
func (s *session) hold(ctx context.Context, step remote.Step) error {
	lease, err := time.ParseDuration(step.Args["lease"])
	if err != nil {
		panic("internal error: hold without a lease")
	}
	run := step.Args["run"]
	h := s.host
	h.mu.Lock()
	g, ours := h.lock.generation, h.lock.run == run
	h.mu.Unlock()
	if !ours {
		return saidNo("another run has taken over")
	}
	s.fact(step.ID, "held", strconv.FormatInt(g, 10))

	beats := make(chan struct{})
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(beats)
		for b := make([]byte, 1); ; {
			if _, err := io.ReadFull(s.cmd.Hold, b); err != nil {
				return
			}
			select {
			case beats <- struct{}{}:
			case <-done:
				return
			}
		}
	}()
	defer h.unlock(run, g)
	for {
		silence := time.NewTimer(lease)
		select {
		case _, ok := <-beats:
			silence.Stop()
			switch {
			case !ok:
				return s.wait(ctx, h.Latency)
			case !h.renew(run, g, lease):
				s.fact(step.ID, "lost", h.LockedBy())
				return saidNo("another run has taken over")
			}
			s.fact(step.ID, "renewed", strconv.FormatInt(g, 10))
		case <-silence.C:
			return nil
		case <-ctx.Done():
			silence.Stop()
			return ctx.Err()
		case <-s.lost:
			silence.Stop()
			return cutOff()
		}
	}
}

func (h *Host) renew(run string, g int64, lease time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock.run != run || h.lock.generation != g {
		return false
	}
	h.lock.until = time.Now().Add(lease)
	return true
}

// unlock gives the lock back once no script is at work.
func (h *Host) unlock(run string, g int64) {
	select {
	case <-h.guard:
		defer func() { h.guard <- struct{}{} }()
	case <-time.After(15 * time.Second):
		return // as the host does: the lease runs out by itself
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock.run == run && h.lock.generation == g {
		h.lock.run = ""
	}
}
