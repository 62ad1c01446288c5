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
	lockAll, verify := r.lockAll, r.verify
	if r.ahead != nil {
		lockAll, verify = r.lockAgain, r.verifyAgain
	}
	begun := r.now()
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		err := lockAll(ctx)
		var locked *LockedError
		if !errors.As(err, &locked) {
			if err != nil {
				return err
			}
			return verify()
		}
		patience := r.body.Lock.Wait.Std()
		if r.holdsItself(locked) {
			patience = max(patience, r.patience)
		}
		left := patience - r.now().Sub(begun)
		if left <= 0 {
			return err
		}
		r.tell(event.Event{Type: event.Note, Host: locked.Hosts[0].Name, Text: fmt.Sprintf("waiting for the lock, %s at most: %v",
			lang.Duration(left.Round(time.Second)), locked)})
		if err := pause(ctx, min(wait, left)); err != nil {
			return err
		}
	}
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

// lockAll takes the lock of every host, or of none. The first host, by the
// definition's wish or else by name, is taken alone: two runs of the same
// hosts meet there, and neither takes half of the others from the other.
func (r *run) lockAll(ctx context.Context) error {
	order := slices.SortedFunc(slices.Values(r.members), func(a, b *member) int {
		return cmp.Compare(a.plan.Name, b.plan.Name)
	})
	if i := slices.IndexFunc(order, func(m *member) bool { return m.plan.Name == r.body.Lock.Host }); i > 0 {
		first := order[i]
		order = slices.Insert(slices.Delete(order, i, i+1), 0, first)
	}
	// Connections first: a host that cannot be reached costs nobody a lock.
	err := r.each(order, func(m *member) (err error) {
		m.conn, err = r.o.Fleet.Conn(ctx, m.question.Target)
		return err
	})
	if err != nil {
		return err
	}
	take := func(m *member) error { return m.take(ctx, r.o.Fleet) }
	err = r.each(order[:1], take)
	if err == nil {
		err = r.each(order[1:], take)
	}
	if err != nil {
		r.unlock(ctx)
	}
	return err
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
func (r *run) unlock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
	defer cancel()
	err := r.each(r.members, func(m *member) error { return m.release(ctx) })
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
