package rollout

import (
	"slices"

	"shipit/exec/event"
)

// Next is everything that may start now and was not announced yet, in an
// order that depends on nothing but the plan and the events. It is empty
// while the run waits for something in flight, for an answer or for whoever
// paused it, and Finish alone once everything is at rest.
func (r *Rollout) Next() []Action {
	if !r.started || r.finished {
		return nil
	}
	room := r.room()
	why, back := r.halted()
	acts := r.undoFailed(&room, why == "" && !r.aborted && !r.back)
	moving := len(acts) > 0 || r.inFlight(event.Stage, event.Switch, event.Undo) || r.waiting()
	switch {
	case r.aborted && (moving || r.inFlight(event.After, event.Prune)):
		return acts
	case r.aborted && r.asked:
		return nil
	case r.aborted || len(r.order) == 0:
		return []Action{finish}
	case r.back:
		acts = append(acts, r.goBack(room)...)
		if len(acts) > 0 || moving || r.inFlight(event.After) {
			return acts
		}
		return r.end()
	}
	if why == "" && !moving {
		why = r.noRoom(room)
	}
	if why == "" {
		return append(acts, r.forward(room, moving)...)
	}
	return append(acts, r.halt(why, back, moving)...)
}

var finish = Action{Kind: Finish, Batch: -1, Slice: -1}

// forward is what may start while nothing stands against it. A paused run goes
// on with the hosts that have begun, and checks them; it begins no other.
func (r *Rollout) forward(room int, moving bool) []Action {
	if due, over := r.runHooks(atStart); !over {
		return r.unlessPaused(due)
	}
	if due, over := r.toStage(); !over && (r.paused == "" || !r.open) {
		return r.unlessPaused(due)
	}
	if r.open {
		due := r.toSwitch(room)
		if len(due) > 0 || moving {
			return r.unlessPaused(due)
		}
		if due := r.toCheck(atBatch); len(due) > 0 || r.inFlight(event.After) {
			return due
		}
		return []Action{{Kind: Record, Type: event.BatchDone, Batch: r.at.batch, Slice: r.at.slice}}
	}
	if moving {
		return nil
	}
	b, s, more := r.following()
	if more && r.paused != "" {
		return nil
	}
	again := more && !(slot{r.batch, r.slice}).before(slot{b, s}) // for a host that is tried again
	if more && r.inFlight(event.After) {                          // the checks at finish, when a host is tried again
		return nil
	}
	if r.batch >= 0 && !again && (!more || b != r.batch) {
		if due, over := r.runHooks(atBatch); !over {
			return due
		}
		batch := r.plan.Body.Batches[r.batch]
		if more && (batch.Soak > 0 || batch.Confirm) && r.gates[r.batch] == gateClosed {
			return []Action{{Kind: OpenGate, Batch: r.batch, Slice: -1}}
		}
	}
	if more {
		return []Action{{Kind: Record, Type: event.BatchStarted, Batch: b, Slice: s}}
	}
	if due := r.toCheck(atFinish); len(due) > 0 || r.inFlight(event.After) {
		return due
	}
	return r.end()
}

// unlessPaused is what is due where nobody paused the run.
func (r *Rollout) unlessPaused(due []Action) []Action {
	if r.paused != "" {
		return nil
	}
	return due
}

// halt is what may still start when no new host may: to say so, the checks of
// what the slice left, then the rollback or the end.
func (r *Rollout) halt(why string, back, moving bool) []Action {
	told := []Action{{Kind: Record, Type: event.Halted, Batch: r.batch, Slice: r.slice, Text: why}}
	if !back && !r.haltTold {
		return told
	}
	if moving {
		return nil
	}
	if r.open && !back {
		if due := r.toCheck(atBatch); len(due) > 0 {
			return due
		}
	}
	if r.inFlight(event.After, event.Prune) {
		return nil
	}
	if back && r.anyInScope() {
		return []Action{{Kind: Record, Type: event.RollingBack, Batch: r.batch, Slice: r.slice, Text: why}}
	}
	if !r.haltTold {
		return told
	}
	return r.end()
}

// end is the last hooks, the removal of old releases after a run that came
// through, and Finish.
func (r *Rollout) end() []Action {
	moment := atFailure
	if r.Outcome() == event.Done {
		moment = atFinish
	}
	if due, over := r.runHooks(moment); !over {
		return due
	}
	if why, _ := r.halted(); why == "" && !r.back {
		var due []Action
		for _, i := range r.order {
			h := &r.hosts[i]
			if h.Status == Done && !h.pruned && !h.fenced && h.running == "" && len(h.plan.Prune) > 0 {
				due = append(due, Action{Kind: RunPhase, Host: h.Name, Phase: event.Prune, Batch: -1, Slice: -1})
			}
		}
		if len(due) > 0 || r.inFlight(event.Prune) {
			return due
		}
	}
	return []Action{finish}
}

// runHooks is the next hook of a moment, one after the other; over tells
// that all of them had their turn.
func (r *Rollout) runHooks(moment string) (due []Action, over bool) {
	for _, s := range r.plan.Body.Hooks {
		if s.Moment != moment {
			continue
		}
		key := r.hookKey(s)
		switch r.hooks[key] {
		case hookOver:
			continue
		case hookRunning:
			return nil, false
		}
		return []Action{{Kind: RunHook, Hook: s.ID, Batch: key.batch, Slice: -1}}, false
	}
	return nil, true
}

// MostStaging bounds how many hosts fetch a release at once: beyond that the
// deployer's link and the repository's server are the limit.
const MostStaging = 32

// toStage are the hosts whose release is not there yet: all of them, whatever
// their batch, some at a time.
func (r *Rollout) toStage() (due []Action, over bool) {
	over = true
	for _, i := range r.order[r.tally.waiting:] {
		h := &r.hosts[i]
		if h.Status != Waiting || h.fenced || len(h.plan.Stage) == 0 {
			continue
		}
		over = false
		if len(due)+r.flying[event.Stage] >= MostStaging {
			break
		}
		due = append(due, Action{Kind: RunPhase, Host: h.Name, Phase: event.Stage, Batch: -1, Slice: -1})
	}
	return due, over
}

// toSwitch are the hosts of the open slice that may start, at most room.
func (r *Rollout) toSwitch(room int) []Action {
	if !r.open {
		return nil
	}
	var due []Action
	for _, i := range r.slices[r.at.batch][r.at.slice] {
		h := &r.hosts[i]
		if (room > 0 || h.Drained) && h.ready() {
			if !h.Drained { // one that is out of service needs no room
				room--
			}
			due = append(due, Action{Kind: RunPhase, Host: h.Name, Phase: event.Switch, Batch: r.at.batch, Slice: r.at.slice})
		}
	}
	return due
}

// toCheck are the hosts that still owe the checks of a moment: those of the
// open slice at batch, all at finish.
func (r *Rollout) toCheck(moment string) []Action {
	hosts := r.order
	if moment == atBatch {
		hosts = r.slices[r.at.batch][r.at.slice]
	}
	var due []Action
	for _, i := range hosts {
		h := &r.hosts[i]
		a := Action{Kind: RunPhase, Host: h.Name, Phase: event.After, Moment: moment, Batch: -1, Slice: -1}
		over := h.checkedFinish
		if moment == atBatch {
			a.Batch, a.Slice, over = r.at.batch, r.at.slice, h.checkedBatch
		}
		if h.Status == Done && !over && !h.fenced && h.running == "" && len(h.steps(event.After, moment)) > 0 {
			due = append(due, a)
		}
	}
	return due
}

// following is the first slice, in order, with a host that may start.
func (r *Rollout) following() (batch, slice int, ok bool) {
	for _, i := range r.order {
		if h := &r.hosts[i]; h.ready() {
			return h.Batch, h.Slice, true
		}
	}
	return -1, -1, false
}

// inFlight tells whether a host is in one of the phases.
func (r *Rollout) inFlight(phases ...event.Phase) bool {
	return slices.ContainsFunc(phases, func(p event.Phase) bool { return r.flying[p] > 0 })
}

// waiting tells whether a hook runs or a gate is open.
func (r *Rollout) waiting() bool {
	for _, s := range r.plan.Body.Hooks {
		if r.hooks[r.hookKey(s)] == hookRunning {
			return true
		}
	}
	for _, g := range r.gates {
		if g == gateOpen {
			return true
		}
	}
	return false
}
