package rollout

import (
	"slices"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// applyHost folds an event of one host.
func (r *Rollout) applyHost(h *hostState, e event.Event) {
	switch e.Type {
	case event.HostStarted:
		if h.running == "" && r.begin(h, e.Phase) {
			h.since = e.Time.Round(0) // as a journal keeps it
		}
	case event.StepStarted, event.StepDone, event.StepFailed:
		if !h.inPhase(e.Phase) {
			return
		}
		h.Step = e.Step
		if h.running == event.Switch && touches(h.op(h.running, e.Step)) {
			h.Touched = true
		}
	case event.HostSkipped:
		if r.Skippable(h.Name) == "" {
			h.leaveOut(orSomebody(e.By))
		}
	case event.HostRetried:
		if r.Retryable(h.Name) == "" {
			h.tryAgain()
		}
	case event.HostDone:
		// What was in flight when the process ended may be found done.
		if h.inPhase(e.Phase) || h.cut == e.Phase && h.cut != "" && r.begin(h, e.Phase) {
			h.worked(e.Time)
			r.done(h)
		}
	case event.HostFailed:
		// A phase may fail before it was announced: no connection, no start.
		// The checks of a soak are never announced: nothing waits for one host.
		if h.inPhase(e.Phase) || r.begin(h, e.Phase) {
			h.worked(e.Time)
			r.failed(h, e)
		}
	}
}

// worked counts the time of the phase that ends, of those that are about what
// runs.
func (h *hostState) worked(end time.Time) {
	if !h.since.IsZero() && h.running != event.Stage && h.running != event.Prune {
		h.Took += max(0, end.Round(0).Sub(h.since))
	}
}

// inPhase tells whether an event of phase is about the phase in flight.
func (h *hostState) inPhase(phase event.Phase) bool {
	return h.running != "" && (phase == "" || phase == h.running)
}

// begin notes that a phase begins, if it makes sense where the host stands.
func (r *Rollout) begin(h *hostState, phase event.Phase) bool {
	if h.running != "" {
		return h.running == phase
	}
	switch phase {
	case event.Stage:
		if h.Status != Waiting {
			return false
		}
		h.Status = Staging
	case event.Switch:
		if !h.ready() {
			return false
		}
		h.prior, h.begun = h.Status, true
		h.Status, h.Drained = Doing, true
	case event.After:
		if h.Status != Done {
			return false
		}
		h.moment = atFinish
		if r.open {
			h.moment = atBatch
		}
	case event.Undo:
		if !h.undoable() || !slices.Contains([]Status{Done, Failed, Stuck, Unknown, Cut}, h.Status) {
			return false
		}
		h.prior, h.why, h.out = h.Status, h.Reason, h.Drained
		h.Status, h.Drained, h.undoTried = Undoing, true, true
	case event.Prune:
		if h.Status != Done {
			return false
		}
	default:
		return false
	}
	h.running, h.Phase, h.Step, h.cut = phase, phase, "", ""
	r.flying[phase]++
	h.since = time.Time{}
	return true
}

// done notes that the phase in flight ended well.
func (r *Rollout) done(h *hostState) {
	phase := h.running
	h.running, h.Step = "", ""
	r.flying[phase]--
	switch phase {
	case event.Stage:
		h.Status = Staged
		if h.fenced {
			h.Reason, h.Cause = takenOver, event.Fenced
			h.untouched()
			r.fall(h, fault{Cause: event.Fenced})
		}
	case event.Switch:
		h.Status, h.Touched, h.Drained = Done, true, false
	case event.After:
		h.checked(h.moment)
	case event.Undo:
		h.Status, h.Drained = Undone, false
		h.Phase, h.Step = h.fault.Phase, h.fault.Step // where it failed, not where it was mended
	case event.Prune:
		h.pruned = true
	}
}

// failed notes that the phase in flight ended badly.
func (r *Rollout) failed(h *hostState, e event.Event) {
	phase, cause := h.running, e.Cause
	if cause == "" {
		cause = event.Failed
	}
	h.running = ""
	r.flying[phase]--
	if cause == event.Interrupted {
		r.abort(true)
	}
	if cause == event.Fenced {
		h.fenced, r.lockLost = true, true
	}
	switch {
	case phase == event.Prune: // what was not removed is in nobody's way
		h.pruned, h.Step = true, ""
		return
	case phase == event.Undo:
		h.undoFailed(e, cause)
		return
	case cause == event.Interrupted && phase == event.Stage:
		h.Status, h.Step = Waiting, ""
		return
	case cause == event.Interrupted && phase == event.After:
		h.Step = ""
		return
	}

	if e.Step != "" {
		h.Step = e.Step
	}
	h.Reason, h.Detail, h.At, h.Cause = e.Text, slices.Clone(e.Detail), e.At, cause
	if h.Reason == "" {
		h.Reason = string(cause)
	}
	r.fall(h, fault{Cause: cause, Phase: phase, Step: h.Step, Op: h.op(phase, h.Step), Line: lastLine(e)})
	h.Touched = h.Touched || phase == event.Switch && h.mayHaveTouched(cause)
	if phase == event.After {
		h.checked(h.moment)
	}
	switch {
	case !h.Touched:
		h.untouched()
	case h.fenced:
		h.stuck(takenOver)
	case phase == event.Switch && (cause == event.Unknown || cause == event.Lost && h.prior == Cut):
		h.Status = Unknown
	case cause == event.Interrupted:
		h.stuck("")
	case len(h.plan.Undo) == 0:
		h.stuck("there is nothing to go back to")
	case !r.coversFault(h.fault):
		h.stuck("the rollback policy does not cover this failure")
	default:
		h.Status = Failed
	}
}

// undoFailed notes that an undo ended badly. There is no second attempt.
func (h *hostState) undoFailed(e event.Event, cause event.Cause) {
	if e.Step != "" {
		h.Step = e.Step
	}
	before := h.Reason
	h.Reason, h.Detail, h.At, h.Cause = "", slices.Clone(e.Detail), e.At, cause
	switch {
	case cause == event.Unknown, (h.prior == Unknown || h.prior == Cut) && (cause == event.Lost || cause == event.Interrupted):
		h.Status = Unknown
	default:
		h.Status = Stuck
	}
	if cause == event.Stale || cause == event.Fenced { // nothing of the undo ran
		h.Drained = h.out
	}
	h.because(before)
	h.because("the rollback failed: " + e.Text)
}

// stuck ends the host's way: a human is needed.
func (h *hostState) stuck(why string) {
	h.Status = Stuck
	h.because(why)
}

// because adds to the host's reason.
func (h *hostState) because(why string) {
	switch {
	case why == "":
	case h.Reason == "":
		h.Reason = why
	default:
		h.Reason += "; " + why
	}
}

// checked notes that the checks of a moment had their say.
func (h *hostState) checked(moment string) {
	if moment == atFinish {
		h.checkedFinish = true
	} else {
		h.checkedBatch = true
	}
}

// ready tells whether the host's switch may begin: never onto a release that
// is not staged there.
func (h *hostState) ready() bool {
	return h.acts && !h.fenced && (h.Status == Staged || h.Status == Cut || h.Status == Waiting && len(h.plan.Stage) == 0)
}

// undoable tells whether an undo of the host can still be tried.
func (h *hostState) undoable() bool {
	return h.acts && h.Touched && !h.undoTried && !h.fenced && len(h.plan.Undo) > 0
}

// mayHaveTouched tells whether a switch that failed for cause at h.Step may
// have changed what runs, though no step said that it began.
func (h *hostState) mayHaveTouched(cause event.Cause) bool {
	switch cause {
	case event.Lost, event.Stale, event.Fenced:
		return false
	case event.Unknown, event.Interrupted:
		return true
	}
	for _, s := range h.plan.Switch {
		if touches(s.Op) {
			return true
		}
		if s.ID == h.Step {
			return false
		}
	}
	return true // no step of the plan is named: the worst is assumed
}

// touches tells whether an op may change what runs.
func touches(op plan.Op) bool {
	switch op {
	case "", plan.OpCheck, plan.OpArm, plan.OpConfirm:
		return false
	}
	return true
}

// op is what a step of a phase does, "" where the plan has no such step.
func (h *hostState) op(phase event.Phase, id string) plan.Op {
	steps := h.steps(phase, h.moment)
	if phase == event.After { // a soak asks those of the switch too
		steps = slices.Concat(h.plan.After, h.plan.Switch)
	}
	for _, s := range steps {
		if s.ID == id {
			return s.Op
		}
	}
	return ""
}
