package exec

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"shipit/exec/event"
)

// preflightPhase is what the checks before the first change are to Command;
// no event has it.
const preflightPhase event.Phase = "preflight"

// A PreflightError is hosts that were not well before anything was changed.
// Nothing was.
type PreflightError struct {
	Hosts []RedHost // in the plan's order
	Asked int       // how many hosts were asked
}

// A RedHost is one of them, with the first check that did not pass.
type RedHost struct {
	Name, Check string
	At          string // file:line of the check
	Why         string // one clean line; begins with "unknown: " where the check was not answered
	Detail      []string
}

func (h RedHost) String() string {
	text := fmt.Sprintf("%s: %s: %s", h.Name, h.Check, h.Why)
	if h.At != "" {
		text += " (" + h.At + ")"
	}
	return text
}

// Reasons are the hosts, a sentence each.
func (e *PreflightError) Reasons() []string {
	out := make([]string, len(e.Hosts))
	for i, h := range e.Hosts {
		out[i] = h.String()
	}
	return out
}

// Count says how many hosts are not well.
func (e *PreflightError) Count() string {
	are := "are"
	if len(e.Hosts) == 1 {
		are = "is"
	}
	return fmt.Sprintf("%d of %d hosts %s not well as they run now", len(e.Hosts), e.Asked, are)
}

func (e *PreflightError) Error() string { return e.Count() + ": " + strings.Join(e.Reasons(), "; ") }

// Help says what to do.
func (e *PreflightError) Help() string {
	return "mend them first; if this deploy is to mend them, plan it with --ignore-preflight"
}

// prepareFirst is prepare for a run that begins: once the hosts are ours and
// are what the plan found, they must be well.
func (r *run) prepareFirst(ctx context.Context) error {
	defer r.dropEarly()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	red, err := r.preflight(ctx)
	if err != nil || len(red.Hosts) == 0 {
		return err
	}
	if !r.body.Request.IgnorePreflight {
		return red
	}
	r.red = red.Hosts
	return nil
}

// preflight asks the checks of the hosts that run a release already, all at
// once, unless they have answered while the lock was taken. It changes nothing.
func (r *run) preflight(ctx context.Context) (*PreflightError, error) {
	red := &PreflightError{}
	found := map[*member]RedHost{}
	var mu sync.Mutex
	var ask []*member
	for _, m := range r.members {
		if !m.lockOnly && len(m.plan.Before) > 0 {
			ask = append(ask, m)
		}
	}
	red.Asked = len(ask)
	err := r.each(ask, func(m *member) error {
		h, known := m.early.answer(ctx)
		if !known {
			w := r.preflightWork(m)
			var err error
			if h, err = w.red(w.do(ctx)); err != nil {
				return err
			}
		}
		if h != nil {
			mu.Lock()
			defer mu.Unlock()
			found[m] = *h
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot ask the checks before the first change: %w", err)
	}
	for _, m := range r.members {
		if h, ok := found[m]; ok {
			red.Hosts = append(red.Hosts, h)
		}
	}
	return red, nil
}

// preflightWork is the checks before the first change of a host.
func (r *run) preflightWork(m *member) *work {
	return &work{run: r, m: m, phase: preflightPhase, steps: m.plan.Before, say: func(event.Event) {}}
}

// red is the host as the end of its checks says it is, nil where it is well;
// an error is one that says nothing of that.
func (w *work) red(err error) (*RedHost, error) {
	if err == nil {
		return nil, nil
	}
	why, detail, s := w.reason(err)
	if s == nil {
		return nil, err
	}
	return &RedHost{Name: w.m.plan.Name, Check: s.CheckName(), At: s.At, Why: w.run.redacted(why), Detail: detail}, nil
}

// ignored are the events of hosts that were not well, and are changed all the
// same because the plan's reader decided so.
func (r *run) ignored() []event.Event {
	var out []event.Event
	for _, h := range r.red {
		out = append(out, event.Event{
			Type: event.Note, Host: h.Name, At: h.At, Detail: h.Detail,
			Text: fmt.Sprintf("%s was not well before the first change: %s: %s; the run goes on, as --ignore-preflight says", h.Name, h.Check, h.Why),
		})
	}
	return out
}
