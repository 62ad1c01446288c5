package exec

import (
	"context"
	"fmt"
	"slices"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// hook is the job of a hook of the run.
func (r *run) hook(ctx context.Context, a rollout.Action) job {
	i := slices.IndexFunc(r.body.Hooks, func(s plan.Step) bool { return s.ID == a.Hook })
	if i < 0 {
		panic("internal error: the rollout wants a hook that is not in the plan: " + a.Hook)
	}
	s := &r.body.Hooks[i]
	begun := event.Event{Type: event.HookStarted, Step: s.ID, At: s.At, Text: s.Text}
	begun.Batch, begun.Slice = r.place(a)
	begun.Slice = 0
	m := r.hookHost(a.Batch)
	if s.From != deployer {
		begun.Host = m.plan.Name
	}
	return job{begun, func(say func(event.Event)) event.Event {
		var err error
		if s.From == deployer {
			err = r.here(ctx, nil, "", begun.Batch, s)
		} else {
			w := &work{run: r, m: m, steps: []plan.Step{*s}, phase: hookPhase, say: say}
			err = w.do(ctx)
		}
		e := begun
		e.Type, e.Text = event.HookDone, s.Text
		if err == nil {
			return e
		}
		why, detail, _ := reason(err)
		e.Type, e.Detail, e.Cause = event.HookFailed, detail, causeOf(ctx, func(string) *plan.Step { return s }, err)
		e.Text = fmt.Sprintf("%s: %s", s.ID, why)
		return e
	}}
}

// hookPhase is what a run's hook on a host is to Command; no event has it.
const hookPhase event.Phase = "hook"

// hookHost is the named host that a run's hook is for: the first of the
// batch, or of the run, that the plan changes.
func (r *run) hookHost(batch int) *member {
	for b, all := range r.body.Batches {
		if batch >= 0 && b != batch {
			continue
		}
		for _, slice := range all.Slices {
			for _, name := range slice {
				if m := r.byName[name]; m != nil && m.plan.Action != plan.Keep {
					return m
				}
			}
		}
	}
	return r.members[0]
}

// env are the variables of a command that runs here, for a host if it is
// about one, and then for the release that the phase is about there.
func (r *run) env(h *plan.Host, phase event.Phase, batch string) []string {
	rel := r.body.Release
	env := []string{
		"SHIPIT_RUN=" + r.o.Run, "SHIPIT_SERVICE=" + r.body.Service, "SHIPIT_ENVIRONMENT=" + r.body.Env,
		"SHIPIT_BATCH=" + batch,
	}
	if r.o.Trace != "" {
		env = append(env, "TRACEPARENT="+r.o.Trace)
	}
	if h != nil {
		rel = aimed(h, phase)
		env = append(env, "SHIPIT_HOST="+h.Name, "SHIPIT_ADDRESS="+h.Address)
	}
	return append(env, "SHIPIT_RELEASE="+rel.ID, "SHIPIT_TAG="+rel.Tag, "SHIPIT_COMMIT="+rel.Commit)
}
