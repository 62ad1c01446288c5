package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/rollout"
)

// confirms tells that steps are the confirmation of a host.
func confirms(steps []plan.Step) bool { return len(steps) == 1 && steps[0].Op == plan.OpConfirm }

// watch keeps when the host's watchdog goes off, from what the host says.
func (w *work) watch(s *plan.Step, rec remote.Record) {
	switch {
	case s.Op == plan.OpArm && rec.Kind == remote.Begin:
		w.m.armed = time.Now().Add(w.run.body.Rollback.Watchdog.Std())
		w.m.due = w.m.armed
	case s.Op == plan.OpConfirm && rec.Kind == remote.End:
		w.m.armed = time.Time{} // confirmed, or the watchdog is through
	}
}

// confirm ends the host's watchdog over a new connection. As long as the
// watchdog waits, a host that cannot be reached is tried again.
func (w *work) confirm(ctx context.Context, steps []plan.Step, first, last bool) error {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		err := w.exec(ctx, steps, first, last)
		left := time.Until(w.m.armed)
		if err == nil || w.m.armed.IsZero() || left <= 0 || ctx.Err() != nil {
			return err
		}
		w.say(event.Event{Type: event.Note, Host: w.m.plan.Name, Text: fmt.Sprintf("%s: cannot confirm, and its watchdog goes off in %s: %v",
			w.m.plan.Name, left.Round(time.Second), err)})
		if err := pause(ctx, min(wait, left)); err != nil {
			return err
		}
	}
}

// wentBack tells that the host's watchdog was faster than us and has done all
// of the undo: then nothing on the host is to be done a second time. It waits
// for a watchdog that is at work. Where nobody can say, the undo is done as
// ever, which is safe.
func (w *work) wentBack(ctx context.Context) bool {
	if w.phase != event.Undo || w.m.due.IsZero() || time.Now().Before(w.m.due) {
		return false
	}
	w.m.due = time.Time{} // asked once
	dog := lock.Watchdog{Fence: *w.m.lease.Fence(), Limit: undoLimit(w.m.plan)}
	ctx, cancel := context.WithTimeout(ctx, dog.Limit+margin)
	defer cancel()
	back := false
	err := w.m.conn.Run(ctx, remote.Command{
		Name: "outcome",
		Steps: []remote.Step{{
			ID: "outcome", Op: "outcome", Args: map[string]string{"run": w.run.o.Run},
			Shell: dog.Outcome(strings.TrimRight(w.run.body.Path, "/") + "/.shipit/history"),
		}},
		On: func(r remote.Record) { back = back || r.Kind == remote.Fact && r.Key == lock.WentBack },
	})
	if err != nil || !back {
		return false
	}
	w.m.armed = time.Time{}
	w.say(event.Event{Type: event.Note, Host: w.m.plan.Name, Text: w.m.plan.Name + ": its watchdog has taken it back; nothing is done there a second time"})
	return true
}

// stays tells that the event leaves its host as it is, with a watchdog armed:
// by the policy the failure is not undone, or the undo failed. Where nobody
// can say what a host does, or a person stopped the run at once, the watchdog
// is what is left to it.
func (r *run) stays(e event.Event) bool {
	m := r.byName[e.Host]
	if e.Type != event.HostFailed || m == nil || m.armed.IsZero() || e.Cause == event.Unknown || e.Cause == event.Interrupted {
		return false
	}
	return slices.ContainsFunc(r.roll.Hosts(), func(h rollout.Host) bool { return h.Name == e.Host && h.Status == rollout.Stuck })
}

// disarm is the job of ending the watchdog of a host that stays as it is.
func (r *run) disarm(ctx context.Context, m *member) job {
	name := m.plan.Name
	begun := event.Event{Type: event.Note, Host: name, Text: name + " stays as it is: its watchdog is ended"}
	return job{begun, func(func(event.Event)) event.Event {
		ctx, cancel := context.WithTimeout(ctx, unlockLimit)
		defer cancel()
		err := m.conn.Run(ctx, remote.Command{
			Name: string(event.Undo), Fence: m.lease.Fence(),
			Steps: []remote.Step{{ID: "disarm", Op: "disarm", Shell: lock.Disarm(m.taking.Dir)}},
		})
		if err != nil {
			return event.Event{Type: event.Note, Host: name, Text: fmt.Sprintf("%s: its watchdog could not be ended: %v", name, err)}
		}
		m.armed = time.Time{}
		return event.Event{Type: event.Note, Host: name, Text: name + ": its watchdog is ended"}
	}}
}

// armed are the hosts whose watchdog is left to itself, in sentences.
func (r *run) armed() []string {
	var out []string
	for _, m := range r.members {
		if left := time.Until(m.armed); !m.armed.IsZero() {
			out = append(out, fmt.Sprintf("%s: nobody confirmed it, and its watchdog takes it back to %s by itself within %s",
				m.plan.Name, m.plan.Back.Name(), max(left, 0).Round(time.Second)+undoLimit(m.plan)))
		}
	}
	return out
}
