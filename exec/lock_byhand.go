package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shipit/exec/lock"
	"shipit/exec/remote"
)

// A HostLock is what one host says of the lock on a service.
type HostLock struct {
	Question Question
	Held     bool // by Holder, whose lease may have run out
	Holder   lock.Holder
	Queue    []lock.Ticket // who waits for it, in the order of their turn
	Err      error         // the host could not be asked
}

// Locks asks all hosts at once who holds the service's lock there and who
// waits for it, and puts that into the places. It changes nothing.
func Locks(ctx context.Context, places []Place) {
	all(len(places), func(i int) {
		p := &places[i]
		p.Lock = p.ask(ctx, p.Lock.Question)
	})
}

func (p Place) ask(ctx context.Context, q Question) HostLock {
	ctx, cancel := context.WithTimeoutCause(ctx, observeLimit, fmt.Errorf("no answer within %s", observeLimit))
	defer cancel()
	l := HostLock{Question: q}
	var said []remote.Record
	conn, err := p.Fleet.Conn(ctx, q.Target)
	if err == nil {
		err = conn.Run(ctx, remote.Command{
			Name:  "look",
			Steps: []remote.Step{{ID: "look", Op: "look", Shell: lock.Look(lock.Dir(q.Path))}},
			On:    func(r remote.Record) { said = append(said, r) },
		})
	}
	if err != nil {
		l.Err = because(ctx, err)
		return l
	}
	l.Holder, l.Held = lock.Holds(said)
	for _, t := range lock.Tickets(said) {
		if t.Concerns(lock.Dir(q.Path)) || l.Holder.Global {
			l.Queue = append(l.Queue, t)
		}
	}
	return l
}

// A Hold is a lock on hosts with no run behind it.
type Hold struct {
	ID     string // stands in the place of a run
	Owner  string // user@machine
	Reason string
	For    time.Duration
}

// A Place is a service's lock on one host, as it was when it was asked, with
// the connections that lead there. Whoever asks sets Lock.Question.
type Place struct {
	Fleet  *Fleet
	Lock   HostLock
	Global bool // a hold is put on the whole host, not only on the service
}

// PutHold puts a hold on every place, or on none: what was put before one
// refused is taken back. The error is a *LockedError where others hold a lock,
// or names the hosts that could not be asked. An owner's earlier hold is
// replaced, and stays as it was on failure.
func PutHold(ctx context.Context, places []Place, h Hold) error {
	var failed []error
	var locked LockedError
	for _, p := range places {
		l := p.Lock
		switch {
		case l.Err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", l.Question.Host, l.Err))
		case l.Held && l.Holder.Alive && !(l.Holder.Hold && l.Holder.Owner == h.Owner):
			locked.Hosts = append(locked.Hosts, LockedHost{Name: l.Question.Host, Err: &lock.HeldError{Holder: l.Holder}})
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if len(locked.Hosts) > 0 {
		return &locked
	}
	had := make([]*lock.Had, len(places))
	errs := make([]error, len(places))
	put := func(i int) {
		was, err := places[i].put(ctx, h)
		if errs[i] = err; err == nil {
			had[i] = &was
		}
	}
	put(0) // two who hold the same hosts meet there
	if errs[0] == nil {
		all(len(places)-1, func(i int) { put(i + 1) })
	}
	for i, err := range errs {
		var held *lock.HeldError
		switch {
		case err == nil:
		case errors.As(err, &held):
			locked.Hosts = append(locked.Hosts, LockedHost{Name: places[i].Lock.Question.Host, Err: held})
		default:
			failed = append(failed, fmt.Errorf("%s: %w", places[i].Lock.Question.Host, err))
		}
	}
	if len(failed) == 0 && len(locked.Hosts) == 0 {
		return nil
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
	defer cancel()
	all(len(places), func(i int) { errs[i] = places[i].takeBack(undo, h, had[i], errs[i]) })
	for i, err := range errs {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: the hold may stay there until it ends: %w", places[i].Lock.Question.Host, err))
		}
	}
	if len(failed) == 0 {
		return &locked
	}
	return errors.Join(failed...)
}

func (p Place) put(ctx context.Context, h Hold) (lock.Had, error) {
	conn, err := p.Fleet.Conn(ctx, p.Lock.Question.Target)
	if err != nil {
		return lock.Had{}, err
	}
	return lock.Put(ctx, conn, lock.Hold{
		Dir: lock.Dir(p.Lock.Question.Path), ID: h.ID, Owner: h.Owner, Reason: h.Reason, For: h.For, Global: p.Global,
	})
}

// takeBack undoes a put that returned had, or failed.
func (p Place) takeBack(ctx context.Context, h Hold, had *lock.Had, failed error) error {
	var held *lock.HeldError
	if had == nil && (failed == nil || errors.As(failed, &held)) {
		return nil // never put
	}
	if had != nil && had.Left > 0 {
		h.For, h.Reason = had.Left, had.Reason
		_, err := p.put(ctx, h)
		return err
	}
	_, err := Break(ctx, p, lock.Holder{Run: h.ID, Dir: lock.Dir(p.Lock.Question.Path)})
	return err
}

// Break takes the lock from its holder, whose run changes nothing more on the
// host once the step that is at work there has ended; atWork tells that there
// is one. The error of a lock that changed hands is a *lock.HeldError.
func Break(ctx context.Context, p Place, holder lock.Holder) (atWork bool, err error) {
	conn, err := p.Fleet.Conn(ctx, p.Lock.Question.Target)
	if err != nil {
		return false, err
	}
	return lock.Break(ctx, conn, holder.Dir, holder.Run)
}

// Release breaks the locks of all places that the hosts said are held, and
// tells the hosts where a step of a broken run is still at work.
func Release(ctx context.Context, places []Place) (atWork []string, err error) {
	busy := make([]bool, len(places))
	errs := make([]error, len(places))
	all(len(places), func(i int) {
		if l := places[i].Lock; l.Held {
			busy[i], errs[i] = Break(ctx, places[i], l.Holder)
		}
	})
	for i, p := range places {
		if busy[i] && !slices.Contains(atWork, p.Lock.Question.Host) {
			atWork = append(atWork, p.Lock.Question.Host)
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", p.Lock.Question.Host, errs[i])
		}
	}
	return atWork, errors.Join(errs...)
}
