package rollout

import (
	"slices"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// A Rollout is the state of one run: its plan and the fold of its events. It
// is not safe for concurrent use; one goroutine owns it.
type Rollout struct {
	plan   *plan.Plan
	hosts  []hostState // in the plan's order
	byName map[string]int
	order  []int               // the hosts that act, by batch and slice
	slices [][][]int           // order, by batch and slice
	flying map[event.Phase]int // how many hosts are in a phase
	tally  tally

	started, finished bool

	batch, slice int  // the slice that the run has come to; -1 before the first
	at           slot // the slice that was opened last: that one, or one before it for a host that is tried again
	open         bool // it was started and is not done
	gates        []gate
	hooks        map[hookKey]hookState

	paused   string // who wants no new host to start for now, "" where nobody does
	aborted  bool   // no new host starts, until somebody answers "continue" or "rollback"
	hard     bool   // nothing starts at all, not even the undo of a failed host
	asked    bool   // after the abort a question is open
	wanted   string // who answered "rollback"
	back     bool   // going back
	lockLost bool   // another run is at work on a host of this one

	haltTold bool // it was said that no new host starts

	fell []int // the hosts that had a fault, in the order in which they had it

	broken     string // a hook or gate that failed: why no new host starts
	brokenBack bool   // and that the policy wants the rollback for it
}

// A hostState is what the fold keeps of a host beyond what readers see.
type hostState struct {
	Host
	plan *plan.Host
	acts bool // the plan changes it in one of its batches

	running event.Phase // the phase in flight, "" at rest
	moment  string      // of a running After
	since   time.Time   // when it began; zero where no event said so

	fault  fault       // the first failure on the way forward; budgets count it
	cost   fault       // the one before it was tried again, which they count instead
	tried  *Host       // as it was before it was to be tried again
	prior  Status      // before the phase that was begun last
	why    string      // Reason, before its undo began
	out    bool        // Drained, before its undo began
	begun  bool        // its switch was begun
	cut    event.Phase // in flight when the process of the run ended, and not begun again since
	sealed bool        // the run ended: Status and Reason are last words
	before Host        // as it was then

	undoTried     bool // one attempt, never recursive
	fenced        bool // another run's now: nothing more is changed there
	checkedBatch  bool
	checkedFinish bool
	pruned        bool
}

// A fault is what went wrong on a host, kept apart from Host so that the way
// its undo ends does not change what the budgets count.
type fault struct {
	Cause event.Cause // "" is none
	Phase event.Phase
	Step  string
	Op    plan.Op // of Step; "" where nobody knows
	Line  string  // the last that was said of it
}

// A gate is where a run waits between two batches.
type gate int

const (
	gateClosed gate = iota
	gateOpen
	gatePassed
)

// A hookKey names one execution of a run's hook. Batch is -1 for hooks that
// run once.
type hookKey struct {
	id    string
	batch int
}

type hookState int

const (
	hookRunning hookState = iota + 1
	hookOver
)

// New is the state of a run of p before its first event.
func New(p *plan.Plan) *Rollout {
	r := &Rollout{
		plan:   p,
		byName: map[string]int{},
		flying: map[event.Phase]int{},
		batch:  -1,
		slice:  -1,
		gates:  make([]gate, len(p.Body.Batches)),
		hooks:  map[hookKey]hookState{},
	}
	for i := range p.Body.Hosts {
		ph := &p.Body.Hosts[i]
		h := hostState{Host: Host{Name: ph.Name, Status: Waiting, Batch: -1, Slice: -1}, plan: ph}
		switch ph.Action {
		case plan.Create, plan.Update:
		case plan.Keep:
			h.Status = Kept
		default: // the plan's reader decided to go on without it
			h.Status, h.Reason = Skipped, ph.Problem
		}
		r.hosts = append(r.hosts, h)
		r.byName[ph.Name] = i
	}
	r.slices = make([][][]int, len(p.Body.Batches))
	for b, batch := range p.Body.Batches {
		r.slices[b] = make([][]int, len(batch.Slices))
		for s, names := range batch.Slices {
			for _, name := range names {
				i, ok := r.byName[name]
				if !ok || r.hosts[i].Batch >= 0 {
					continue
				}
				h := &r.hosts[i]
				h.Batch, h.Slice = b, s
				if h.Status == Waiting {
					h.acts = true
					r.order = append(r.order, i)
					r.slices[b][s] = append(r.slices[b][s], i)
				}
			}
		}
	}
	r.count()
	return r
}

// Hosts are the hosts' states in the plan's order, as copies.
func (r *Rollout) Hosts() []Host {
	hosts := make([]Host, len(r.hosts))
	for i, h := range r.hosts {
		hosts[i] = h.Host
		hosts[i].Detail, hosts[i].Fenced = slices.Clone(h.Detail), h.fenced
	}
	return hosts
}

// Position is the slice that the run has come to, as indices into the plan's
// batches; -1, -1 before the first.
func (r *Rollout) Position() (batch, slice int) { return r.batch, r.slice }

// Finished tells whether RunFinished was applied.
func (r *Rollout) Finished() bool { return r.finished }

// Aborted tells that a person stopped the run and nobody answered "continue"
// or "rollback" since: no new host starts.
func (r *Rollout) Aborted() bool { return r.aborted }

// Paused is who wants no new host to start for now, "" where nobody does.
func (r *Rollout) Paused() string { return r.paused }

// Passed tells whether the gate after a batch was passed.
func (r *Rollout) Passed(batch int) bool { return r.gates[batch] == gatePassed }

// GoingBack tells that hosts which were done are being rolled back, or were.
func (r *Rollout) GoingBack() bool { return r.back }

// OutOfService counts the hosts that do not serve, as far as anybody knows:
// those between the begin of a switch or undo and its good end, those that
// got stuck on the way, and those nobody can say anything about.
func (r *Rollout) OutOfService() int { return r.tally.out }

// Steps are the steps of a RunPhase action.
func (r *Rollout) Steps(a Action) []plan.Step {
	i, ok := r.byName[a.Host]
	if !ok || a.Kind != RunPhase {
		return nil
	}
	return r.hosts[i].steps(a.Phase, a.Moment)
}

// steps are the host's steps of a phase; of After, those of moment.
func (h *hostState) steps(phase event.Phase, moment string) []plan.Step {
	switch phase {
	case event.Stage:
		return h.plan.Stage
	case event.Switch:
		return h.plan.Switch
	case event.Undo:
		return h.plan.Undo
	case event.Prune:
		return h.plan.Prune
	case event.After:
		var due []plan.Step
		for _, s := range h.plan.After {
			if (s.Moment == atFinish) == (moment == atFinish) {
				due = append(due, s)
			}
		}
		return due
	}
	return nil
}

// The moments of hooks and checks that a run knows.
const (
	atStart   = "start"
	atBatch   = "batch"
	atFinish  = "finish"
	atFailure = "failure"
)
