// Package live is what a terminal shows of a run while it happens, or again
// when a journal is replayed: a sentence that says what is waited for, the
// batches and their gates, a cell for every host, failures with their last
// lines. It is a pure function of events, a size and an instant, so that tests
// hold whole screens to what they should be. It draws text and reads keys; it
// knows no terminal and brings nothing about by itself.
package live

import (
	"cmp"
	"slices"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// How much is kept of what was said: of each host, of all, and of what should
// outlive the screen.
const (
	mostOfHost  = 100
	mostOfHosts = 20_000 // together, where that is less
	mostOfAll   = 200
	mostKept    = 40
)

// A State is a run as far as its events tell: the rollout's fold, and the
// words that people want to read beside it. It is bounded, however much
// happens. It is not safe for concurrent use.
type State struct {
	run   string
	plan  *plan.Plan
	roll  *rollout.Rollout
	hosts map[string]*host
	order []int // of the plan's hosts as the grid shows them: by batch and slice

	began    time.Time // of the first event
	started  bool      // RunStarted: before it, locks are taken and hosts looked at
	resumed  bool
	failures []string               // hosts in the order in which they failed
	waits    map[string]event.Event // open gates by batch, running hooks by id
	asked    *event.Event           // the question that is open
	paused   event.Event
	stopped  event.Event    // the last abort
	back     event.Event    // why hosts go back
	logged   map[string]int // see alarming
	last     event.Event
	ended    *event.Event
	said     []event.Event
	kept     []event.Event // see Kept
}

// A host is what was said of one host.
type host struct {
	plan  *plan.Host
	began event.Event // of the phase in flight; Type is "" at rest
	step  event.Event // the step that it is at
	no    bool        // the last that happened is that a step failed
	said  []event.Event
}

// New is the state of a run of p before its first event.
func New(p *plan.Plan, run string) *State {
	s := &State{run: run, plan: p, roll: rollout.New(p), hosts: map[string]*host{}, waits: map[string]event.Event{}, logged: map[string]int{}}
	for i := range p.Body.Hosts {
		h := &p.Body.Hosts[i]
		s.hosts[h.Name] = &host{plan: h}
		s.order = append(s.order, i)
	}
	place := s.roll.Hosts()
	slices.SortStableFunc(s.order, func(a, b int) int {
		x, y := place[a], place[b]
		return cmp.Or(cmp.Compare(uint(x.Batch), uint(y.Batch)), cmp.Compare(x.Slice, y.Slice)) // those of no batch last
	})
	return s
}

// Finished tells whether the run has its outcome.
func (s *State) Finished() bool { return s.ended != nil }

// Kept are the events that decided where the run went: what a person should
// still find above the prompt once the screen is gone.
func (s *State) Kept() []event.Event { return slices.Clone(newest(s.kept, mostKept)) }

// Past takes in what happened before there was a reader, who is not told of it
// again.
func (s *State) Past(events []event.Event) {
	for _, e := range events {
		s.Apply(e)
	}
	s.kept = nil
}

// Apply takes in what happened.
func (s *State) Apply(e event.Event) {
	s.roll.Apply(e)
	if s.began.IsZero() {
		s.began = e.Time
	}
	if e.Seq > 0 || s.last.Seq == 0 {
		s.last = e
	}
	h := s.hosts[e.Host]
	told := false // a step that failed was said to have
	if h != nil {
		told = e.Type == event.HostFailed && h.no
		h.take(e, min(mostOfHost, max(20, mostOfHosts/len(s.hosts))))
	}
	s.take(e)
	if (s.alarming(e) || worthALine(e)) && !told {
		s.said = keep(s.said, e, mostOfAll)
	}
	if decides(e) && !told {
		s.kept = keep(s.kept, e, mostKept)
	}
	if e.Type == event.HostRetried {
		s.failures = slices.DeleteFunc(s.failures, func(name string) bool { return name == e.Host })
	}
	if e.Type == event.HostFailed && h != nil && !slices.Contains(s.failures, e.Host) {
		s.failures = append(s.failures, e.Host)
	}
}

// take keeps what a sentence about the run as a whole needs.
func (s *State) take(e event.Event) {
	switch e.Type {
	case event.RunStarted:
		s.started = true
	case event.RunResumed:
		s.started, s.resumed, s.ended, s.asked = true, true, nil, nil
		clear(s.waits)
		for _, h := range s.hosts {
			h.began, h.step = event.Event{}, event.Event{}
		}
	case event.RunFinished:
		s.ended, s.asked = &e, nil
	case event.Asked:
		s.asked = &e
	case event.Answered:
		s.asked = nil
	case event.Paused:
		s.paused = e
	case event.Aborted:
		s.stopped, s.asked = e, nil
	case event.Halted, event.RollingBack:
		s.back = e
	case event.GateOpened:
		s.waits[e.Batch] = e
	case event.GatePassed, event.GateRefused:
		s.asked = nil
	case event.HookStarted:
		s.waits[e.Step] = e
	}
}

// take keeps what concerns one host.
func (h *host) take(e event.Event, most int) {
	if e.Type != event.Output {
		h.no = e.Type == event.StepFailed
	}
	switch e.Type {
	case event.HostStarted:
		h.began, h.step = e, event.Event{}
	case event.StepStarted:
		h.step = e
	case event.HostDone, event.HostFailed:
		h.began, h.step = event.Event{}, event.Event{}
	}
	h.said = keep(h.said, e, most)
}

// keep appends e and forgets the oldest where there are too many.
func keep(all []event.Event, e event.Event, most int) []event.Event {
	if len(all) >= 2*most {
		all = all[:copy(all, all[len(all)-most:])]
	}
	return append(all, e)
}

// newest are the last of what was kept, at most n.
func newest(all []event.Event, n int) []event.Event { return all[max(0, len(all)-n):] }

// worthALine tells which events the list at the bottom shows: changes of
// state, not steps.
func worthALine(e event.Event) bool {
	switch e.Type {
	case event.StepStarted, event.StepDone, event.HostStarted, event.HookStarted, event.RunFinished, event.Output:
		return false
	}
	return e.Text != ""
}

// mostLogged is how many lines that look like errors are shown of a host's own
// log while its batch soaks.
const mostLogged = 5

// alarming tells of a line of a service's own log whether it is one of the
// first that look like errors, since the gate was opened.
func (s *State) alarming(e event.Event) bool {
	if e.Type == event.GateOpened {
		clear(s.logged)
	}
	if e.Type != event.Output || e.Step != event.LogStep || event.LevelOf(e) != event.Error {
		return false
	}
	s.logged[e.Host]++
	return s.logged[e.Host] <= mostLogged
}

// decides tells which events say why a run went as it did.
func decides(e event.Event) bool {
	switch e.Type {
	case event.StepFailed, event.HookFailed, event.GateRefused, event.Answered, event.Aborted, event.Halted,
		event.RollingBack, event.LockLost, event.HostSkipped, event.HostRetried, event.RunResumed, event.Paused, event.Continued, event.HostFailed:
		return true
	}
	return false
}

// step is the plan's step that a host is at; ok is false at rest and where the
// plan does not know it.
func (h *host) at() (step plan.Step, ok bool) {
	if h.began.Type == "" || h.step.Step == "" {
		return plan.Step{}, false
	}
	steps := map[event.Phase][]plan.Step{
		event.Stage: h.plan.Stage, event.Switch: h.plan.Switch, event.After: h.plan.After, event.Undo: h.plan.Undo, event.Prune: h.plan.Prune,
	}[h.began.Phase]
	i := slices.IndexFunc(steps, func(p plan.Step) bool { return p.ID == h.step.Step })
	if i < 0 {
		return plan.Step{}, false
	}
	return steps[i], true
}
