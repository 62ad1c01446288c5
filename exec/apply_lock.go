package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/lang"
)

// prepare locks the hosts and looks whether they still are as the plan found
// them. Nothing is changed before it has returned nil, and then only on
// hosts that are ours.
func (r *run) prepare(ctx context.Context) error {
	if err := r.contents(); err != nil {
		return err
	}
	if err := r.lockAll(ctx); err != nil {
		r.unlock(ctx)
		return err
	}
	if r.ahead != nil {
		return r.verifyAgain()
	}
	return r.verify()
}

// contents sees that everything is there that the plan will write.
func (r *run) contents() error {
	var problems []string
	seen := map[string]bool{}
	for _, m := range r.members {
		for _, s := range m.plan.Switch {
			if s.Op != plan.OpFile || seen[s.File.SHA256+s.File.Hash] {
				continue
			}
			seen[s.File.SHA256+s.File.Hash] = true
			content, err := r.content(s.File)
			switch {
			case err != nil:
				problems = append(problems, err.Error())
			case !s.File.Is(content, r.o.Plan.SaltBytes()):
				problems = append(problems, fmt.Sprintf("the content of %s is not what was planned; plan again (%s)", s.File.Path, s.At))
			}
		}
	}
	if problems != nil {
		return &RefusedError{Problems: problems}
	}
	return nil
}

// content is what a step writes into a file.
func (r *run) content(f *plan.File) (string, error) {
	if f.Hash != "" {
		if r.o.Secrets == nil {
			return "", fmt.Errorf("the content of %s is sensitive and is not in the plan", f.Path)
		}
		return r.o.Secrets(f)
	}
	content, ok := r.body.Contents[f.SHA256]
	if !ok {
		return "", fmt.Errorf("the plan does not hold the content of %s", f.Path)
	}
	return content, nil
}

// lockAll takes the lock of every host, or fails; the caller then gives back
// what it took. The order is the same for all runs: the host that the
// definition wishes first, then by name. The first host is taken alone: two
// runs of the same hosts meet there, and neither takes half of the others from
// the other. A run waits on one host at a time and keeps only what comes
// before it in the order, so that no two runs wait for each other.
func (r *run) lockAll(ctx context.Context) error {
	order := slices.SortedFunc(slices.Values(r.members), func(a, b *member) int {
		return cmp.Compare(a.plan.Name, b.plan.Name)
	})
	if i := slices.IndexFunc(order, func(m *member) bool { return m.plan.Name == r.body.Lock.Host }); i > 0 {
		first := order[i]
		order = slices.Insert(slices.Delete(order, i, i+1), 0, first)
	}
	for _, m := range r.members {
		m.lost = nil
	}
	// Connections first: a host that cannot be reached costs nobody a lock.
	err := r.each(order, func(m *member) (err error) {
		m.conn, err = r.o.Fleet.Conn(ctx, m.question.Target)
		return r.unlessLost(ctx, m, err)
	})
	if err != nil {
		return err
	}
	begun, wait := r.now(), r.body.Lock.Wait.Std()
	if r.o.Wait != nil {
		wait = *r.o.Wait
	}
	left := func() time.Duration { return max(0, wait-r.now().Sub(begun)) }
	for len(order) > 0 {
		err := r.each(order[:1], func(m *member) error {
			return r.seize(ctx, m, left(), func(p lock.Place) { r.waits(m, p, left()) })
		})
		var locked *LockedError
		if errors.As(err, &locked) && wait < r.patience && r.holdsItself(locked) {
			wait = r.patience
			continue
		}
		if err != nil {
			return err // it was waited for, as long as there was hope
		}
		order = order[1:]
		err = r.each(order, func(m *member) error { return r.seize(ctx, m, 0, nil) })
		if !errors.As(err, &locked) {
			return cmp.Or(err, r.anyLeft())
		}
		if left() == 0 && !r.holdsItself(locked) {
			return err
		}
		order = order[slices.IndexFunc(order, func(m *member) bool { return m.lease == nil && m.lost == nil }):]
		r.release(ctx, order)
	}
	return r.anyLeft()
}

// seize takes a host's lock, or notes that the host is lost.
func (r *run) seize(ctx context.Context, m *member, wait time.Duration, waiting func(lock.Place)) error {
	if m.lost != nil {
		return nil
	}
	r.askEarly(ctx, m)
	err := m.take(ctx, r.o.Fleet, wait, waiting)
	if err != nil || m.lease.Waited {
		m.early.drop() // it is not known to be about the host that is ours
	}
	return r.unlessLost(ctx, m, err)
}

// unlessLost passes an error on, but for a host that a resumed run can do
// without.
func (r *run) unlessLost(ctx context.Context, m *member, err error) error {
	var held *lock.HeldError
	if err == nil || r.ahead == nil || errors.As(err, &held) || ctx.Err() != nil || m.lockOnly {
		return err
	}
	m.lost = err
	return nil
}

// anyLeft is an error where every host is lost.
func (r *run) anyLeft() (err error) {
	if !slices.ContainsFunc(r.members, func(m *member) bool { return m.lost == nil }) {
		for _, m := range r.members {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.plan.Name, m.lost))
		}
	}
	return err
}

// waits tells that the run waits for a host's lock.
func (r *run) waits(m *member, p lock.Place, left time.Duration) {
	why := "nobody holds it for the moment"
	if p.Holder.Run != "" {
		why = p.Holder.String()
	}
	r.tell(event.Event{Type: event.Note, Host: m.plan.Name, Text: fmt.Sprintf("%s: waiting for the lock, number %d of %d in line, %s at most: %s",
		m.plan.Name, p.Place, p.Of, lang.Duration(left.Round(time.Second)), why)})
}

// each does something with all of members at once and tells what went wrong
// in the plan's order: held locks as a *LockedError, else all the errors.
func (r *run) each(members []*member, do func(*member) error) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	failed := map[*member]error{}
	room := make(chan struct{}, observeWidth)
	for _, m := range members {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			if err := do(m); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[m] = err
			}
		})
	}
	wg.Wait()
	var locked LockedError
	var errs []error
	for _, m := range r.members {
		err := failed[m]
		var held *lock.HeldError
		switch {
		case err == nil:
		case errors.As(err, &held):
			locked.Hosts = append(locked.Hosts, LockedHost{Name: m.plan.Name, Err: held})
		default:
			errs = append(errs, fmt.Errorf("%s: %w", m.plan.Name, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if len(locked.Hosts) > 0 {
		return &locked
	}
	return nil
}

// verify compares what the hosts said under the lock with the plan.
func (r *run) verify() error {
	hasher := plan.NewHasher(r.o.Plan.SaltBytes())
	var stale StaleError
	for _, m := range r.members {
		if m.lockOnly {
			continue
		}
		facts := m.facts()
		m.look(facts)
		is := hasher.Fingerprint(facts.HostKey, facts, m.plan.Sensitive())
		if diffs := m.plan.Fingerprint.Diff(is); len(diffs) > 0 {
			stale.Hosts = append(stale.Hosts, StaleHost{Name: m.plan.Name, Diffs: diffs})
		}
	}
	if len(stale.Hosts) > 0 {
		return &stale
	}
	return nil
}

// unlock gives all locks back. It works when ctx is over, for a bounded time.
func (r *run) unlock(ctx context.Context) { r.release(ctx, r.members) }

func (r *run) release(ctx context.Context, members []*member) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
	defer cancel()
	err := r.each(members, func(m *member) error { return m.release(ctx) })
	if err != nil {
		r.tell(event.Event{Type: event.Note, Text: err.Error()})
	}
}

// unlockLimit bounds the giving back of locks. What is not given back by
// then is free when its lease has run out.
const unlockLimit = 15 * time.Second

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
