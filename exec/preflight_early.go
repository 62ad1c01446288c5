package exec

import "context"

// An early is a host's checks before the first change, asked while its lock
// is taken. It spares a round trip.
type early struct {
	cancel  context.CancelFunc
	dropped bool
	done    chan struct{}
	host    *RedHost // nil where it is well
	err     error    // nobody knows
}

// askEarly begins to ask a host. What only looks is asked before the host is
// ours; what the definition runs waits for that.
func (r *run) askEarly(ctx context.Context, m *member) {
	if m.early != nil { // of an attempt before
		m.early.drop()
		<-m.early.done
		m.early = nil
	}
	if r.ahead != nil || m.lockOnly || len(m.plan.Before) == 0 || !leavesNothing(m.plan.Before) || len(partsOf(m.plan.Before)) != 1 ||
		m.plan.Before[0].From == deployer {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	e := &early{cancel: cancel, done: make(chan struct{})}
	m.early = e
	alone := *m // as it is now: the lock changes the other
	alone.lease = nil
	go func() {
		defer close(e.done)
		defer cancel()
		w := r.preflightWork(&alone)
		w.beside = true
		e.host, e.err = w.red(w.exec(ctx, w.steps, true, true))
	}()
}

// answer is what the host said; known is false where it has to be asked
// again.
func (e *early) answer(ctx context.Context) (h *RedHost, known bool) {
	if e == nil || e.dropped {
		return nil, false
	}
	select {
	case <-e.done:
		return e.host, e.err == nil
	case <-ctx.Done():
		return nil, false
	}
}

// drop ends the question, whose answer is of no use: the host is not ours, or
// somebody else had it when it was asked.
func (e *early) drop() {
	if e != nil {
		e.dropped = true
		e.cancel()
	}
}

// dropEarly ends what is still asked, and waits for that.
func (r *run) dropEarly() {
	for _, m := range r.members {
		m.early.drop()
	}
	for _, m := range r.members {
		if m.early != nil {
			<-m.early.done
		}
	}
}
