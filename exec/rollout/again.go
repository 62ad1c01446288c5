package rollout

import (
	"slices"

	"shipit/exec/event"
)

// A slot is a slice, as indices into the plan's batches and the batch's slices.
type slot struct{ batch, slice int }

// before tells whether a slice comes before another one.
func (s slot) before(o slot) bool {
	return s.batch < o.batch || s.batch == o.batch && s.slice < o.slice
}

// Skippable tells why a host cannot be left out any more, "" where it can:
// its switch was not begun.
func (r *Rollout) Skippable(host string) (why string) {
	h, why := r.addressed(host)
	switch {
	case why != "":
		return why
	case h.Left:
		return "it is left out already"
	case h.running == "" && h.tried == nil && (h.Status == Waiting || h.Status == Staged):
		return ""
	case h.running == event.Stage:
		return "the release is on its way there; it can be left out once that is done"
	}
	return "it was begun, and is " + string(h.Status)
}

// Retryable tells why a host cannot be tried again, "" where it can: it failed
// and is as it was, or it was left out, and hosts may start.
func (r *Rollout) Retryable(host string) (why string) {
	h, why := r.addressed(host)
	switch {
	case why != "":
		return why
	case r.aborted:
		return "the run is stopped"
	case r.Halted() != "":
		return "no new host starts: " + r.Halted()
	case r.ending():
		return "the run is at its end"
	case h.running != "":
		return "the run is at work there"
	case h.Left, h.Status == Undone, h.Status == Failed && !h.Touched:
		return ""
	case h.Status == Failed:
		return "it is rolled back first"
	case h.Status == Stuck, h.Status == Unknown:
		return "it is " + string(h.Status) + ", and a person has to look at it"
	}
	return "it did not fail, it is " + string(h.Status)
}

// addressed is the host that somebody wants something of, or why the run does
// nothing there.
func (r *Rollout) addressed(host string) (h *hostState, why string) {
	i, ok := r.byName[host]
	if !ok {
		return nil, "the plan has no such host"
	}
	h = &r.hosts[i]
	switch {
	case !r.started || r.finished:
		return nil, "the run is not under way"
	case !h.acts:
		return nil, "the plan has nothing to do there"
	case h.fenced:
		return nil, takenOver
	case r.back || r.wanted != "":
		return nil, "the run is going back"
	}
	return h, ""
}

// ending tells whether the last hooks or the removal of old releases have
// begun: what the run has announced by then is not to change.
func (r *Rollout) ending() bool {
	for _, s := range r.plan.Body.Hooks {
		if (s.Moment == atFinish || s.Moment == atFailure) && r.hooks[r.hookKey(s)] != 0 {
			return true
		}
	}
	return r.inFlight(event.Prune) || slices.ContainsFunc(r.hosts, func(h hostState) bool { return h.pruned })
}

// leaveOut folds that somebody wants a host left out.
func (h *hostState) leaveOut(by string) {
	h.prior, h.Left = h.Status, true
	h.Status, h.Reason = Skipped, "left out by "+by
}

// tryAgain folds that somebody wants a host tried again: its slice opens once
// more before the next one does. What its first failure cost, it costs still,
// and a second one costs nothing more: so no budget that is spent is
// ever unspent.
func (h *hostState) tryAgain() {
	is := Staged
	switch {
	case h.Left:
		is = h.prior
	case h.Status == Failed && h.Phase == event.Stage:
		is = Waiting
	}
	if !h.Left {
		was := h.Host
		h.tried = &was
		if h.cost.Cause == "" {
			h.cost = h.fault
		}
	}
	h.Status, h.Left, h.fault = is, false, fault{}
	h.Reason, h.Detail, h.At, h.Cause, h.Step, h.Phase = "", nil, "", "", "", ""
	h.Touched, h.undoTried, h.checkedBatch, h.checkedFinish = false, false, false, false
}

// as is how the host stands: where it was to be tried again and was not, as it
// did before.
func (h *hostState) as() Host {
	if h.tried != nil && slices.Contains([]Status{Waiting, Staging, Staged}, h.Status) {
		return *h.tried
	}
	return h.Host
}

// costs is the fault that budgets count.
func (h *hostState) costs() fault {
	if h.cost.Cause != "" {
		return h.cost
	}
	return h.fault
}

// untouched notes that the host failed and is as it was: that may be rolled
// back, from the time before.
func (h *hostState) untouched() {
	h.Status, h.Drained = Failed, false
	if h.tried != nil && h.tried.Touched {
		h.Status, h.Touched, h.undoTried = Undone, true, true
	}
}
