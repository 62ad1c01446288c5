package rollout

import (
	"slices"

	"shipit/exec/event"
)

// InFlight is what was begun and has no end yet: phases of hosts, hooks of
// the run, open gates. Where the process that drove the run is gone, it is
// what nobody has heard the end of.
func (r *Rollout) InFlight() []Action {
	var acts []Action
	if r.finished {
		return nil
	}
	for _, i := range r.order {
		if h := &r.hosts[i]; h.running != "" {
			acts = append(acts, Action{Kind: RunPhase, Host: h.Name, Phase: h.running, Moment: h.moment, Batch: h.Batch, Slice: h.Slice})
		}
	}
	for _, s := range r.plan.Body.Hooks {
		if key := r.hookKey(s); r.hooks[key] == hookRunning {
			acts = append(acts, Action{Kind: RunHook, Hook: s.ID, Batch: key.batch, Slice: -1})
		}
	}
	for b, g := range r.gates {
		if g == gateOpen {
			acts = append(acts, Action{Kind: OpenGate, Batch: b, Slice: -1})
		}
	}
	return acts
}

// CutPhase is the phase of a host that was in flight when the process of the
// run ended, and that was not begun again since; "" where there is none.
func (r *Rollout) CutPhase(host string) event.Phase {
	if i, ok := r.byName[host]; ok {
		return r.hosts[i].cut
	}
	return ""
}

// Begun tells whether the switch of a host was ever begun: what runs there may
// have been changed.
func (r *Rollout) Begun(host string) bool {
	i, ok := r.byName[host]
	return ok && r.hosts[i].begun
}

// Resumable tells whether there is anything that RunResumed would bring about:
// the run has no end, or somebody stopped it before it was through, or it
// ended with hosts that nobody could say anything about.
func (r *Rollout) Resumable() bool {
	switch {
	case !r.finished:
		return true
	case r.lockLost:
		return false
	}
	return slices.ContainsFunc(r.order, func(i int) bool {
		h := &r.hosts[i]
		undoDue := h.before.Status == Failed && h.undoable() || (r.back || r.wanted != "") && r.inScope(h)
		return h.doubtful() || r.aborted && (h.Status == Skipped && !h.Left || undoDue)
	})
}

// doubtful tells that what was done on the host last was stopped in the
// middle, or that nobody heard its end.
func (h *hostState) doubtful() bool {
	middle := h.sealed && slices.Contains([]Status{Doing, Undoing, Cut}, h.before.Status)
	return !h.fenced && h.Touched && (h.Status == Unknown || h.Status == Stuck && (h.Cause == event.Interrupted || middle))
}

// resume folds that somebody goes on with the run. The process that drove it
// is gone, so that nothing is in flight any more: what was is begun again, as
// every phase can be. A host whose switch was cut off counts as out of service
// until that has been through. What a person stopped goes on.
func (r *Rollout) resume() {
	clear(r.flying)
	defer r.count()
	for i := range r.hosts {
		h := &r.hosts[i]
		if h.acts {
			h.resume()
		}
	}
	for key, state := range r.hooks {
		if state == hookRunning {
			delete(r.hooks, key)
		}
	}
	for i, g := range r.gates {
		if g == gateOpen {
			r.gates[i] = gateClosed
		}
	}
	r.finished, r.aborted, r.hard, r.asked, r.paused = false, false, false, false, ""
}

func (h *hostState) resume() {
	doubtful := h.doubtful()
	if h.sealed {
		h.Host, h.sealed = h.before, false
	}
	phase := h.running
	if phase == "" && doubtful {
		phase = h.Phase // how it ended is what nobody knows
	}
	h.running = ""
	if phase == "" {
		return
	}
	h.cut, h.Step = phase, ""
	switch phase {
	case event.Stage:
		h.Status = Waiting
	case event.Switch:
		h.interrupted()
	case event.Undo:
		h.Status, h.Reason, h.undoTried = h.prior, h.why, false
		if h.Status == Unknown || h.Status == Cut {
			h.interrupted()
		}
	}
}

// interrupted is a host that is anywhere between the begin and the end of its
// switch.
func (h *hostState) interrupted() {
	h.Status, h.Touched, h.Drained, h.undoTried = Cut, true, true, false
	h.Reason, h.Detail, h.At, h.Cause, h.fault = "", nil, "", "", fault{}
}
