package rollout

import (
	"slices"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// Apply folds an event in. Types it does not know and notes change nothing,
// and neither does what makes no sense where the run stands: a journal may be
// older than the program that reads it.
func (r *Rollout) Apply(e event.Event) {
	if e.Type == event.RunResumed {
		r.resume()
	}
	if r.finished {
		return
	}
	switch e.Type {
	case event.RunStarted:
		r.started = true
		return
	case event.RunFinished:
		r.finish()
		return
	case event.Aborted:
		r.abort(r.aborted)
		return
	case event.LockLost:
		r.loseLock(e.Host)
		return
	}
	if !r.started {
		return
	}
	switch e.Type {
	case event.HostStarted, event.HostDone, event.HostFailed,
		event.StepStarted, event.StepDone, event.StepFailed, event.HostSkipped, event.HostRetried:
		if i, ok := r.byName[e.Host]; ok && r.hosts[i].acts {
			h := &r.hosts[i]
			was := h.Host
			r.applyHost(h, e)
			r.recount(h, was)
		}
	case event.BatchStarted:
		if b := r.batchNamed(e.Batch); b >= 0 && e.Slice >= 1 && e.Slice <= len(r.plan.Body.Batches[b].Slices) {
			r.at, r.open = slot{b, e.Slice - 1}, true
			if (slot{r.batch, r.slice}).before(r.at) {
				r.batch, r.slice = r.at.batch, r.at.slice
			}
		}
	case event.BatchDone:
		if r.open && r.batchNamed(e.Batch) == r.at.batch && e.Slice-1 == r.at.slice {
			r.open = false
		}
	case event.GateOpened, event.GatePassed, event.GateRefused:
		r.applyGate(e)
	case event.HookStarted, event.HookDone, event.HookFailed:
		r.applyHook(e)
	case event.Paused:
		r.paused = orSomebody(e.By)
	case event.Continued:
		r.paused = ""
	case event.Asked:
		r.asked = r.aborted
	case event.Answered:
		r.answer(e)
	case event.Halted:
		r.haltTold = true
	case event.RollingBack:
		r.back, r.haltTold = true, true
	}
}

// abort stops the run; a second abort stops it hard. An open gate closes: it
// is waited for again should the run continue.
func (r *Rollout) abort(hard bool) {
	r.aborted, r.asked = true, false
	r.hard = r.hard || hard
	for i, g := range r.gates {
		if g == gateOpen {
			r.gates[i] = gateClosed
		}
	}
}

// answer folds what a person chose. Other choices, such as leaving the hosts
// as they are, only close the question.
func (r *Rollout) answer(e event.Event) {
	r.asked = false
	switch e.Choice {
	case "continue":
		r.aborted, r.hard, r.paused = false, false, ""
	case "rollback":
		r.aborted, r.hard = false, false
		r.wanted = orSomebody(e.By)
	}
}

func orSomebody(who string) string {
	if who == "" {
		return "somebody"
	}
	return who
}

// loseLock notes that a host, or with no name every host, is another run's.
// A phase in flight ends by itself: the fence is in the same script.
func (r *Rollout) loseLock(name string) {
	r.lockLost = true
	defer r.count()
	for i := range r.hosts {
		h := &r.hosts[i]
		if !h.acts || name != "" && h.Name != name {
			continue
		}
		h.fenced = true
		switch {
		case h.running != "":
		case h.Status == Waiting || h.Status == Staged:
			h.Reason, h.Cause = takenOver, event.Fenced
			h.untouched()
			r.fall(h, fault{Cause: event.Fenced})
		case h.Status == Failed && h.Touched:
			h.stuck(takenOver)
		}
	}
}

const takenOver = "another run has taken over"

// applyGate folds a gate's events. One that a person refused is an abort:
// what was done stands until that person says more. One that a check refused
// is a failure.
func (r *Rollout) applyGate(e event.Event) {
	b := r.batchNamed(e.Batch)
	if b < 0 {
		b = r.batch
	}
	if b < 0 {
		return
	}
	switch e.Type {
	case event.GateOpened:
		r.gates[b] = gateOpen
	case event.GatePassed:
		r.gates[b] = gatePassed
	case event.GateRefused:
		r.gates[b] = gateClosed
		if e.By != "" && e.Cause == "" {
			r.abort(false)
			return
		}
		r.breakDown(e.Text, r.covers("check") || r.covers("batch"))
	}
}

// applyHook folds a hook's events.
func (r *Rollout) applyHook(e event.Event) {
	i := slices.IndexFunc(r.plan.Body.Hooks, func(s plan.Step) bool { return s.ID == e.Step })
	if i < 0 {
		return
	}
	s := r.plan.Body.Hooks[i]
	if e.Type == event.HookStarted {
		r.hooks[r.hookKey(s)] = hookRunning
		return
	}
	r.hooks[r.hookKey(s)] = hookOver
	if e.Type == event.HookDone || s.Go || s.Moment == atFailure {
		return
	}
	// Every host runs the release when a hook fails at finish: only a policy
	// that asks for it makes that a reason to go back.
	if s.Moment != atFinish || r.covers("hook") {
		r.breakDown(e.Text, r.covers("hook"))
	}
}

// breakDown notes the first reason that is no host's why no new host starts.
func (r *Rollout) breakDown(why string, back bool) {
	if r.broken == "" {
		r.broken = why
		if why == "" {
			r.broken = "the run cannot go on"
		}
	}
	r.brokenBack = r.brokenBack || back
}

// finish seals the run: every host gets its last word.
func (r *Rollout) finish() {
	r.finished = true
	defer r.count()
	clear(r.flying)
	for i := range r.hosts {
		h := &r.hosts[i]
		h.running = ""
		if !h.acts {
			continue
		}
		h.before, h.sealed = h.Host, true
		switch h.Status {
		case Waiting, Staging, Staged:
			if h.Host = h.as(); h.tried == nil {
				h.Status = Skipped
			}
		case Cut:
			h.stuck("the run was interrupted while it was at work there")
		case Doing, Undoing:
			h.stuck("the run ended while it was at work there")
		case Failed:
			if h.Touched {
				h.stuck("it was not rolled back")
			}
		}
	}
}

// hookKey names the execution of a run's hook that is due where the run
// stands: a hook at batch runs once a batch, unless it says once.
func (r *Rollout) hookKey(s plan.Step) hookKey {
	if s.Moment == atBatch && !s.Once {
		return hookKey{s.ID, r.batch}
	}
	return hookKey{s.ID, -1}
}

// batchNamed is the index of a batch, -1 where the plan has none of that name.
func (r *Rollout) batchNamed(name string) int {
	return slices.IndexFunc(r.plan.Body.Batches, func(b plan.Batch) bool { return b.Name == name })
}

// covers tells whether the policy names a kind of failure.
func (r *Rollout) covers(word string) bool {
	return slices.Contains(r.plan.Body.Rollback.On, word)
}
