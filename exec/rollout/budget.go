package rollout

import (
	"fmt"
	"slices"
	"strings"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// losses counts the failures of a batch's hosts. A host that nobody can reach
// or say anything about is counted apart from one that said no.
func (r *Rollout) losses(b int) (failed, lost int) {
	for _, i := range r.order {
		h := &r.hosts[i]
		if h.Batch != b {
			continue
		}
		switch h.fault.Cause {
		case "":
		case event.Lost, event.Unknown:
			lost++
		default:
			failed++
		}
	}
	return failed, lost
}

// spent says which budget of a batch was exceeded, "" if none was.
func (r *Rollout) spent(b int) string {
	batch := r.plan.Body.Batches[b]
	failed, lost := r.losses(b)
	var over []string
	if failed > batch.MaxFailed {
		over = append(over, fmt.Sprintf("%s failed and max_failed is %d", count(failed), batch.MaxFailed))
	}
	if lost > batch.MaxUnreachable {
		over = append(over, fmt.Sprintf("%s unreachable and max_unreachable is %d", countAre(lost), batch.MaxUnreachable))
	}
	if over == nil {
		return ""
	}
	return "batch " + batch.Name + ": " + strings.Join(over, ", ")
}

func count(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

func countAre(n int) string {
	if n == 1 {
		return "1 host is"
	}
	return fmt.Sprintf("%d hosts are", n)
}

// halted says why no new host starts, "" where the run may go on, and
// whether the policy or a person wants the hosts that are done to go back.
func (r *Rollout) halted() (why string, back bool) {
	if r.lockLost { // where another run is at work, this one starts nothing
		return takenOver, false
	}
	if r.wanted != "" {
		return r.wanted + " asked for the rollback", true
	}
	why, back = r.broken, r.brokenBack
	for b := range r.plan.Body.Batches {
		over := r.spent(b)
		if over == "" {
			continue
		}
		if why == "" {
			why = over
		}
		back = back || r.wantsBack(b)
	}
	return why, back
}

// noRoom says that the open slice cannot go on because of hosts that are out
// of service for good, "" where it can.
func (r *Rollout) noRoom(room int) string {
	if len(r.toSwitch(room)) > 0 || len(r.toSwitch(1)) == 0 {
		return ""
	}
	return fmt.Sprintf("%s out of service and batch %s allows no more at once",
		countAre(r.OutOfService()), r.plan.Body.Batches[r.batch].Name)
}

// Halted says why no new host starts: a spent budget, a hook or a gate that
// failed, hosts that are out of service for good, another run, a person. It
// is "" where the run may go on.
func (r *Rollout) Halted() string {
	if r.aborted {
		return "the run was aborted"
	}
	why, _ := r.halted()
	if why == "" && !r.inFlight(event.Switch, event.Undo) {
		why = r.noRoom(r.room())
	}
	return why
}

// wantsBack tells whether the policy covers what spent a batch's budget:
// anything, by the word "batch", or a failure that a touched host had.
func (r *Rollout) wantsBack(b int) bool {
	if r.covers("batch") {
		return true
	}
	return slices.ContainsFunc(r.order, func(i int) bool {
		h := &r.hosts[i]
		return h.Batch == b && h.Touched && h.fault.Cause != "" && r.coversFault(h.fault)
	})
}

// coversFault tells whether the policy covers a failure. Where nobody knows
// what failed, any policy does; what a person or another run stopped, none.
func (r *Rollout) coversFault(f fault) bool {
	switch f.Cause {
	case event.Interrupted, event.Fenced:
		return false
	case event.Unknown:
		return len(r.plan.Body.Rollback.On) > 0
	}
	switch f.Op {
	case "":
		return len(r.plan.Body.Rollback.On) > 0
	case plan.OpUndrain:
		return r.covers("drain")
	case plan.OpRestore:
		return r.covers("file")
	}
	return r.covers(string(f.Op))
}

// room is how many more hosts may go out of service. What bounds it is the
// current batch's largest slice: a last slice that is smaller is what was
// left, not a narrower allowance.
func (r *Rollout) room() int {
	if r.batch < 0 {
		return 0
	}
	allowed := 0
	for _, s := range r.plan.Body.Batches[r.batch].Slices {
		allowed = max(allowed, len(s))
	}
	return allowed - r.OutOfService()
}
