package rollout

import (
	"fmt"
	"slices"
	"strings"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// losses are hosts that went wrong, by what they cost. A check that said no,
// another step that said no, and a host that nobody can reach or say anything
// about are counted apart.
type losses struct{ failed, unhealthy, lost int }

func (l *losses) count(f fault) {
	switch f.Cause {
	case "":
	case event.Lost, event.Unknown:
		l.lost++
	case event.Unhealthy:
		l.unhealthy++
	default:
		l.failed++
	}
}

// over says which limits the losses exceed. A limit that is nil is none.
func (l losses) over(max plan.Budget) string {
	var over []string
	if max.MaxFailed != nil && l.failed > *max.MaxFailed {
		over = append(over, fmt.Sprintf("%s failed and max_failed is %d", count(l.failed), *max.MaxFailed))
	}
	if max.MaxUnhealthy != nil && l.unhealthy > *max.MaxUnhealthy {
		over = append(over, fmt.Sprintf("%s unhealthy and max_unhealthy is %d", countAre(l.unhealthy), *max.MaxUnhealthy))
	}
	if max.MaxUnreachable != nil && l.lost > *max.MaxUnreachable {
		over = append(over, fmt.Sprintf("%s unreachable and max_unreachable is %d", countAre(l.lost), *max.MaxUnreachable))
	}
	return strings.Join(over, ", ")
}

// spent says which budget of a batch was exceeded, "" if none was.
func (r *Rollout) spent(b int) string {
	var l losses
	for _, i := range r.fell {
		if r.hosts[i].Batch == b {
			l.count(r.hosts[i].costs())
		}
	}
	batch := &r.plan.Body.Batches[b]
	over := l.over(plan.Budget{MaxFailed: &batch.MaxFailed, MaxUnhealthy: &batch.MaxUnhealthy, MaxUnreachable: &batch.MaxUnreachable})
	if over == "" {
		return ""
	}
	return "batch " + batch.Name + ": " + over
}

// runSpent says which budget of the whole run was exceeded, "" if none was.
func (r *Rollout) runSpent() string {
	var l losses
	for _, i := range r.fell {
		l.count(r.hosts[i].costs())
	}
	over := l.over(r.plan.Body.Budget)
	if over == "" {
		return ""
	}
	return "budget of the run: " + over
}

// Alike is how many failures at the beginning of a run, the same step with
// the same last line, are no coincidence.
const Alike = 3

// alike says that the first failures of the run are the same: then the
// release is at fault and not a host, and no budget is spent on learning it
// again. It is "" where they are not.
func (r *Rollout) alike() string {
	if len(r.fell) < Alike {
		return ""
	}
	first := r.hosts[r.fell[0]].costs()
	for _, i := range r.fell[:Alike] {
		f := r.hosts[i].costs()
		if f.Step == "" || f.Line == "" || f.Step != first.Step || f.Line != first.Line {
			return ""
		}
	}
	return fmt.Sprintf("the first %d failures are the same, at %s: %s", Alike, first.Step, first.Line)
}

// fall notes a host's first fault on the way forward, which budgets count.
func (r *Rollout) fall(h *hostState, f fault) {
	if i := r.byName[h.Name]; !slices.Contains(r.fell, i) { // what a resumed run did again
		r.fell = append(r.fell, i)
	}
	h.fault = f
}

// lastLine is the last thing that an event says of a failure, without the
// name of its host.
func lastLine(e event.Event) string {
	if n := len(e.Detail); n > 0 {
		return e.Detail[n-1]
	}
	return strings.TrimPrefix(e.Text, e.Host+": ")
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
	stop := func(over string, batch int) {
		if over == "" {
			return
		}
		if why == "" {
			why = over
		}
		back = back || r.wantsBack(batch)
	}
	for b := range r.plan.Body.Batches {
		stop(r.spent(b), b)
	}
	stop(r.runSpent(), anyBatch)
	stop(r.alike(), anyBatch)
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

// anyBatch stands for all batches of the plan.
const anyBatch = -1

// wantsBack tells whether the policy covers what spent the budget of a batch,
// or of the run: anything, by the word "batch", or a failure that a touched
// host had.
func (r *Rollout) wantsBack(b int) bool {
	if r.covers("batch") {
		return true
	}
	return slices.ContainsFunc(r.order, func(i int) bool {
		h := &r.hosts[i]
		return (b == anyBatch || h.Batch == b) && h.Touched && h.fault.Cause != "" && r.coversFault(h.fault)
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
	case plan.OpArm, plan.OpConfirm: // that the host can be reached anew is a check as well
		return r.covers("check")
	case plan.OpUndrain:
		return r.covers("drain")
	case plan.OpRestore:
		return r.covers("file")
	}
	return r.covers(string(f.Op))
}

// room is how many more hosts may go out of service while the current batch
// is changed.
func (r *Rollout) room() int {
	if r.batch < 0 {
		return 0
	}
	return r.plan.Body.Batches[r.batch].Allowed(r.slice) - r.OutOfService()
}
