package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shipit/exec/fault"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// A member is a host of a run: its connection and its lock. One goroutine at
// a time has it, because a host does one thing at a time.
type member struct {
	plan     *plan.Host
	question Question
	taking   lock.Taking
	conn     remote.Conn
	lease    *lock.Held
	early    *early            // its checks before the first change, asked while the lock is taken
	lost     error             // of a resumed run: why the host could not be had
	again    bool              // its switch was begun before the run was resumed
	lockOnly bool              // the plan does nothing there: the host keeps the lock of all
	fenced   bool              // another run has the host: nothing is changed there any more
	records  []remote.Record   // what the host said of itself under the lock
	armed    time.Time         // when its watchdog goes off, by our clock; zero where none is armed
	due      time.Time         // the same, and still known when it is over
	raw      map[string]string // from that: the digest of each managed file, or "absent"
}

// newMember makes the member of a host of the plan.
func newMember(o Options, h *plan.Host, q Question) *member {
	m := &member{plan: h, question: q}
	m.taking = lock.Taking{
		Dir: lock.Dir(q.Path), Run: o.Run, Owner: o.By, Reason: o.Reason, Global: o.Plan.Body.Lock.Global,
		On: func(r remote.Record) { m.records = append(m.records, r) },
	}
	return m
}

// facts are what the host said of itself under the lock.
func (m *member) facts() plan.HostFacts {
	return parseFacts(m.question, m.conn.Info(), m.records)
}

// errTaken is a host that another run took while we were not looking.
var errTaken = fmt.Errorf("%w: it was taken while the connection was lost", remote.ErrFenced)

// take connects and takes the lock, for which it waits at most that long;
// waiting is told of the wait.
func (m *member) take(ctx context.Context, f *Fleet, wait time.Duration, waiting func(lock.Place)) (err error) {
	if m.conn, err = f.Conn(ctx, m.question.Target); err != nil {
		return err
	}
	m.records = nil
	t := m.taking
	t.Wait, t.Waiting = wait, waiting
	if !m.lockOnly {
		t.Steps = []remote.Step{observeStep(m.question.again(), remote.Acts(m.conn))}
	}
	fault.At(fault.LockBefore)
	m.lease, err = lock.Take(ctx, m.conn, t)
	fault.At(fault.LockAfter)
	return err
}

// hold makes sure that the connection is there and the lock is ours, and
// gets both back where the connection was lost. Who had the host in between
// shows in the generation, which grows with every taking.
func (m *member) hold(ctx context.Context, f *Fleet) error {
	switch {
	case m.fenced:
		return remote.ErrFenced
	case m.lost != nil:
		return m.lost
	}
	select {
	case <-m.lease.Lost():
	default:
		return nil
	}
	return m.regain(ctx, f, true)
}

// regain locks again, over a new connection if the old one is no good.
func (m *member) regain(ctx context.Context, f *Fleet, redial bool) error {
	if redial {
		conn, err := f.redial(ctx, m.question.Target, m.conn)
		if err != nil {
			return err
		}
		m.conn = conn
	}
	was := m.lease.Generation
	t := m.taking
	t.Was = was
	t.On = nil // it was looked at before the run began
	lease, err := lock.Take(ctx, m.conn, t)
	var held *lock.HeldError
	switch {
	case errors.As(err, &held):
		m.fenced = true
		return fmt.Errorf("%w: %w", remote.ErrFenced, held)
	case err != nil:
		return err
	}
	_ = m.lease.Release(ctx) // it is lost: this only ends its goroutines
	m.lease = lease
	if lease.Generation != was+1 {
		m.fenced = true
		return errTaken
	}
	return nil
}

// release gives the lock back.
func (m *member) release(ctx context.Context) error {
	if m.lease == nil {
		return nil
	}
	lease := m.lease
	m.lease = nil
	return lease.Release(ctx)
}

// redial closes a connection that was lost and dials again, once for all who
// lost the same one.
func (f *Fleet) redial(ctx context.Context, t remote.Target, lost remote.Conn) (remote.Conn, error) {
	f.mu.Lock()
	if d, ok := f.conns[t.Name]; ok && d.conn == lost && lost != nil {
		lost.Close()
		delete(f.conns, t.Name)
	}
	f.mu.Unlock()
	return f.Conn(ctx, t)
}
