package rollout

import (
	"slices"

	"shipit/exec/event"
)

// undoFailed are the failed hosts whose undo is due. That holds after an
// abort too: whoever was touched is not left in the middle. A host that
// nobody can say anything about gets its one attempt as well, because the
// fence makes that safe; should it fail, the host stays unknown.
//
// A host that is out of service already needs no room for its undo; one that
// failed a check while in service does. A host that was interrupted is undone
// only where the run does not go on and do it again.
func (r *Rollout) undoFailed(room *int, forward bool) []Action {
	if s := r.tally.standing; r.hard || s[Failed]+s[Unknown]+s[Cut] == 0 {
		return nil
	}
	var due []Action
	for _, i := range r.order {
		h := &r.hosts[i]
		if !h.undoable() || h.running != "" {
			continue
		}
		if h.Status != Failed && (h.Status != Cut || forward) && (h.Status != Unknown || !r.coversFault(h.fault)) {
			continue
		}
		if a, ok := h.undo(room); ok {
			due = append(due, a)
		}
	}
	return due
}

// goBack are the hosts in scope that may go back now, last first.
func (r *Rollout) goBack(room int) []Action {
	var due []Action
	for _, i := range slices.Backward(r.order) {
		h := &r.hosts[i]
		if !r.inScope(h) {
			continue
		}
		if a, ok := h.undo(&room); ok {
			due = append(due, a)
		}
	}
	return due
}

// undo is the host's undo, if there is room for it.
func (h *hostState) undo(room *int) (Action, bool) {
	if !h.Drained {
		if *room <= 0 {
			return Action{}, false
		}
		*room--
	}
	return Action{Kind: RunPhase, Host: h.Name, Phase: event.Undo, Batch: h.Batch, Slice: h.Slice}, true
}

// inScope tells whether a rollback takes the host along: by policy what is
// done in its scope, by a person's word everything that can be tried.
func (r *Rollout) inScope(h *hostState) bool {
	if !h.undoable() || h.running != "" {
		return false
	}
	if r.wanted != "" {
		return h.Status == Done || h.Status == Stuck || h.Status == Unknown
	}
	if h.Status != Done {
		return false
	}
	switch r.plan.Body.Rollback.Scope {
	case "host":
		return false
	case "batch":
		return h.Batch == r.batch || r.spent(h.Batch) != ""
	}
	return true
}

// anyInScope tells whether a rollback would have anything to do.
func (r *Rollout) anyInScope() bool {
	return slices.ContainsFunc(r.order, func(i int) bool { return r.inScope(&r.hosts[i]) })
}
