package sim

import (
	"context"
	"fmt"
	"io"
	"slices"
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
	hold               bool      // put there by hand
}

func (l lock) alive() bool { return l.run != "" && time.Now().Before(l.until) }

// A ticket is a run that waits for the lock.
type ticket struct {
	run, owner, reason string
	since              int64
	until              time.Time // end of its lease
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

// poll is how often a host looks whether a waiting run's turn has come.
const poll = 500 * time.Millisecond

// take acts out the taking of the lock, and the wait for it.
func (s *session) take(ctx context.Context, step remote.Step) error {
	arg := step.Args
	held, why := s.attempt(ctx, step, 10*time.Second, nil)
	if held == nil {
		return why
	}
	wait := duration(arg["wait"])
	if wait == 0 {
		return s.refuse(step, why)
	}
	beats := s.beats()
	h, ttl := s.host, duration(arg["lease"])
	mine := h.enqueue(arg, ttl)
	defer h.leave(mine)
	end, heard, told := time.Now().Add(wait), time.Now(), ""
	for time.Now().Before(end) {
		h.mu.Lock()
		l := h.lock
		h.mu.Unlock()
		if l.alive() && l.hold && !l.until.Before(end) {
			break // waiting cannot help
		}
		before, of := h.before(mine)
		if now := fmt.Sprint(l.run, before, of); now != told {
			told = now
			s.lookAt(step.ID, l)
			s.fact(step.ID, "waiting", fmt.Sprint(before+1, " ", of))
		}
		next := time.NewTimer(poll)
		select {
		case _, ok := <-beats:
			next.Stop()
			if !ok {
				return saidNo("the deployer went away")
			}
			heard = time.Now()
			h.keepPlace(mine, ttl)
		case <-next.C:
			if time.Since(heard) > ttl {
				return saidNo("the deployer went away")
			}
		case <-ctx.Done():
			next.Stop()
			return ctx.Err()
		case <-s.lost:
			next.Stop()
			return cutOff()
		}
		if held, why = s.attempt(ctx, step, 0, mine); held == nil {
			return why
		}
	}
	return s.refuse(step, why)
}

// attempt takes the lock if nobody is in the way. Who is, is in held; where
// that is nil, err tells how it went.
func (s *session) attempt(ctx context.Context, step remote.Step, patience time.Duration, mine *ticket) (held *lock, err error) {
	h, arg := s.host, step.Args
	release, err := s.takeGuard(ctx, patience)
	if err == remote.ErrFenced {
		h.mu.Lock()
		defer h.mu.Unlock()
		l := h.lock
		return &l, saidNo("a script of another run is still at work")
	}
	if err != nil {
		return nil, err
	}
	defer release()
	before, _ := h.before(mine)
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := duration(arg["hold"])
	l := h.lock
	again := l.run == arg["run"] && arg["was"] == strconv.FormatInt(l.generation, 10) || hold > 0 && l.hold && l.owner == arg["owner"]
	switch {
	case l.alive() && !again:
		return &l, saidNo("another run holds the lock")
	case before > 0 && hold == 0 && arg["was"] == "0":
		return &lock{}, saidNo("others wait for it already")
	}
	h.lock = lock{
		run: arg["run"], owner: arg["owner"], reason: arg["reason"], hold: hold > 0,
		since: time.Now().Unix(), generation: l.generation + 1, until: time.Now().Add(hold + duration(arg["lease"])),
	}
	s.taken = h.lock.generation
	s.fact(step.ID, "generation", strconv.FormatInt(h.lock.generation, 10))
	return nil, nil
}

func (s *session) refuse(step remote.Step, why error) error {
	s.look(step.ID)
	before, _ := s.host.before(nil)
	s.fact(step.ID, "held", strconv.Itoa(before))
	return why
}

// duration reads an argument; one that is not there is zero.
func duration(text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return d
}

// enqueue goes to the end of the queue.
func (h *Host) enqueue(arg map[string]string, ttl time.Duration) *ticket {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &ticket{run: arg["run"], owner: arg["owner"], reason: arg["reason"], since: time.Now().Unix(), until: time.Now().Add(ttl)}
	h.queue = append(h.queue, t)
	return t
}

// keepPlace renews a ticket. One that ran out begins again at the end.
func (h *Host) keepPlace(t *ticket, ttl time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.until = time.Now().Add(ttl)
	if !slices.Contains(h.queue, t) {
		h.queue = append(h.queue, t)
	}
}

func (h *Host) leave(t *ticket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue = slices.DeleteFunc(h.queue, func(o *ticket) bool { return o == t })
}

// before counts who waits before t, all where t is nil, and how many wait.
func (h *Host) before(t *ticket) (before, of int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue = slices.DeleteFunc(h.queue, func(o *ticket) bool { return o != t && time.Now().After(o.until) })
	before = len(h.queue)
	if i := slices.Index(h.queue, t); i >= 0 {
		before = i
	}
	return before, len(h.queue)
}

// Waiting are the runs that wait for the lock, in the order of their turn.
func (h *Host) Waiting() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var runs []string
	for _, t := range h.queue {
		runs = append(runs, t.run)
	}
	return runs
}

// breakLock takes the lock from a run.
func (s *session) breakLock(step remote.Step) error {
	h := s.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lock.run != step.Args["run"] {
		s.lookAt(step.ID, h.lock)
		s.fact(step.ID, "moved", "yes")
		return saidNo("it does not hold the lock any more")
	}
	select {
	case <-h.guard:
		h.guard <- struct{}{}
	default:
		s.fact(step.ID, "busy", "yes")
	}
	h.lock = lock{generation: h.lock.generation + 1}
	return nil
}

// look states who holds the lock, if anybody does, and who waits.
func (s *session) look(step string) {
	s.host.mu.Lock()
	l, queue := s.host.lock, slices.Clone(s.host.queue)
	s.host.mu.Unlock()
	s.lookAt(step, l)
	for _, t := range queue {
		s.fact(step, "ticket", fmt.Sprintf("%s\n%s\n%d\n%s\n\n", t.run, t.owner, t.since, t.reason))
	}
}

func (s *session) lookAt(step string, l lock) {
	if l.run == "" {
		return
	}
	hold, left := "", ""
	if l.hold {
		hold = "hold"
	}
	if l.alive() {
		left = strconv.Itoa(int(time.Until(l.until) / time.Second))
	}
	s.fact(step, "lock", fmt.Sprintf("%s\n%s\n%d\n%s\n\n%s\n%s\n%d\n\n", l.run, l.owner, l.since, l.reason, hold, left, time.Now().Unix()))
}

// beats are the bytes that the deployer sends, until the command is over.
func (s *session) beats() <-chan struct{} {
	s.listen.Do(func() {
		s.heard = make(chan struct{})
		go func() {
			defer close(s.heard)
			for b := make([]byte, 1); ; {
				if _, err := io.ReadFull(s.cmd.Hold, b); err != nil {
					return
				}
				select {
				case s.heard <- struct{}{}:
				case <-s.over:
					return
				}
			}
		}()
	})
	return s.heard
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
	s.taken = 0
	s.fact(step.ID, "held", strconv.FormatInt(g, 10))

	beats := s.beats()
	defer h.unlock(run, g)
	silence := time.NewTimer(lease)
	defer silence.Stop()
	for {
		select {
		case _, ok := <-beats:
			silence.Reset(lease)
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
			return ctx.Err()
		case <-s.lost:
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
	switch {
	case h.lock.run != run || h.lock.generation != g:
	case h.dog != nil && h.dog.run == run:
		h.lock.until = h.dog.until // it is the run's until its watchdog is through
	default:
		h.lock.run = ""
	}
}
