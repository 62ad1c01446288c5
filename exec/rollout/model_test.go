package rollout_test

import (
	"cmp"
	"fmt"
	"slices"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// A model watches the events of a run and knows, apart from the rollout, what
// must hold for them: the invariants of the design, by their numbers.
type model struct {
	plan               *plan.Plan
	hosts              map[string]*watched
	names              []string
	batch              int // of the last BatchStarted
	slice              int
	farBatch, farSlice int // the furthest

	paused, back                             bool
	started, aborted, hard, wanted, lockLost bool
	broken                                   bool // a hook or gate stopped the run
	waits                                    bool // a gate is open
	passed                                   map[string]bool

	firsts []string // step and last line of each host's failure, in order
}

// watched is what the model knows of a host. runs is the release it serves.
type watched struct {
	plan          *plan.Host
	batch, slice  int
	acts          bool
	inFlight      event.Phase
	staged        bool
	touched       bool
	out, outUndo  bool
	runs, checked bool   // the new release; with all that is due checked
	back          bool   // the old release again
	cause         string // "failed", "unhealthy" or "unreachable": what it costs of the budget
	failed        bool   // since its failure only an undo may start
	at            string // the step that it began last
	policy        bool   // the policy names its failure
	covered       bool   // and there is something to go back to
	undone        int
	fenced        bool
	left          bool // a person wants it left out
	tried         bool // again, after it failed
	wasBack       bool // before that
}

func newModel(p *plan.Plan) *model {
	m := &model{plan: p, hosts: map[string]*watched{}, passed: map[string]bool{}, batch: -1, farBatch: -1}
	for i := range p.Body.Hosts {
		h := &p.Body.Hosts[i]
		m.names = append(m.names, h.Name)
		m.hosts[h.Name] = &watched{plan: h, acts: h.Action == plan.Create || h.Action == plan.Update}
	}
	for b, batch := range p.Body.Batches {
		for s, names := range batch.Slices {
			for _, name := range names {
				m.hosts[name].batch, m.hosts[name].slice = b, s
			}
		}
	}
	return m
}

// outOfService counts the hosts that do not serve.
func (m *model) outOfService() int {
	n := 0
	for _, h := range m.hosts {
		if h.out {
			n++
		}
	}
	return n
}

func (m *model) spent(b int) bool {
	n := map[string]int{}
	for _, h := range m.hosts {
		if h.batch == b {
			n[h.cause]++
		}
	}
	batch := m.plan.Body.Batches[b]
	return n["failed"] > batch.MaxFailed || n["unhealthy"] > batch.MaxUnhealthy || n["unreachable"] > batch.MaxUnreachable
}

// stops says why the run as a whole starts no new host, "" if it may.
func (m *model) stops() string {
	n := map[string]int{}
	for _, h := range m.hosts {
		n[h.cause]++
	}
	for cause, most := range map[string]*int{
		"failed": m.plan.Body.Budget.MaxFailed, "unhealthy": m.plan.Body.Budget.MaxUnhealthy, "unreachable": m.plan.Body.Budget.MaxUnreachable,
	} {
		if most != nil && n[cause] > *most {
			return "the budget of the run is spent: " + cause
		}
	}
	if f := m.firsts; len(f) >= 3 && f[0] != "" && f[0] == f[1] && f[0] == f[2] {
		return "the first three failures are the same: " + f[0]
	}
	return ""
}

// mayStop tells whether there is a reason to start no new host.
func (m *model) mayStop() bool {
	return m.stopped() || m.batch >= 0 && m.outOfService() >= m.allowed()
}

// wantsBack tells whether the policy may want more hosts back than failed.
func (m *model) wantsBack() bool {
	on := m.plan.Body.Rollback.On
	if slices.Contains(on, "batch") || m.broken && (slices.Contains(on, "check") || slices.Contains(on, "hook")) {
		return true
	}
	for _, h := range m.hosts {
		if h.policy {
			return true
		}
	}
	return false
}

// inScope tells whether a rollback takes along a host that runs the release.
func (m *model) inScope(h *watched) bool {
	switch scope := m.plan.Body.Rollback.Scope; {
	case m.wanted:
		return true
	case !m.back || scope == "host":
		return false
	case scope == "batch":
		return h.batch == m.farBatch || m.spent(h.batch)
	}
	return true
}

// owesChecks tells whether a host has not been checked though its slice is at
// rest.
func (m *model) owesChecks() bool {
	for _, h := range m.hosts {
		if h.acts && !h.failed && !h.runs && !h.back && h.batch == m.batch && h.slice == m.slice {
			return false
		}
	}
	for _, h := range m.hosts {
		if h.runs && !h.failed && !h.checked && !h.fenced {
			return true
		}
	}
	return false
}

// see checks an event against what was seen before and takes it in.
func (m *model) see(e event.Event) error {
	h := m.hosts[e.Host]
	switch e.Type {
	case event.RunStarted:
		m.started = true
	case event.Aborted:
		m.hard = m.hard || m.aborted
		m.aborted, m.waits = true, false
	case event.Answered:
		if e.Choice == "continue" {
			m.paused = false
		}
		if e.Choice != "leave" {
			m.aborted, m.hard = false, false
		}
		m.wanted = m.wanted || e.Choice == "rollback"
	case event.LockLost:
		m.lockLost, h.fenced = true, true
	case event.HookFailed:
		for _, hook := range m.plan.Body.Hooks {
			ends := hook.Moment == "failure" || hook.Moment == "finish" && !slices.Contains(m.plan.Body.Rollback.On, "hook")
			m.broken = m.broken || hook.ID == e.Step && !hook.Go && !ends
		}
	case event.Halted:
		if !m.mayStop() {
			return fmt.Errorf("no new host starts though nothing stands against it: %s", e.Text)
		}
	case event.RollingBack:
		m.back = true
		if !m.mayStop() || !m.wanted && !m.wantsBack() {
			return fmt.Errorf("a rollback begins that nobody asked for: %s", e.Text)
		}
	case event.Paused:
		m.paused = true
	case event.Continued:
		m.paused = false
	case event.GateOpened:
		if m.paused {
			return fmt.Errorf("3: the gate of %s opens while the run is paused", e.Batch)
		}
		m.waits = true
	case event.GatePassed:
		m.waits, m.passed[e.Batch] = false, true
	case event.GateRefused:
		m.waits = false
		if e.By != "" {
			m.aborted = true
		} else {
			m.broken = true
		}
	case event.BatchStarted:
		return m.sliceStarts(e)
	case event.StepStarted:
		h.at = e.Step
		if e.Phase == event.Switch && e.Step != "before" && e.Step != "check" {
			h.touched = true
		}
	case event.HostStarted:
		return m.begins(h, e)
	case event.HostSkipped:
		return m.skips(h, e.Host)
	case event.HostRetried:
		return m.retries(h, e.Host)
	case event.HostDone:
		m.ends(h, e)
	case event.HostFailed:
		m.fails(h, e)
	}
	return nil
}

func (m *model) sliceStarts(e event.Event) error {
	if m.aborted || m.broken || m.wanted {
		return fmt.Errorf("3: slice %d of %s starts though the run was stopped", e.Slice, e.Batch)
	}
	if m.paused {
		return fmt.Errorf("3: slice %d of %s starts while the run is paused", e.Slice, e.Batch)
	}
	if m.waits {
		return fmt.Errorf("2: slice %d of %s starts while a gate is open", e.Slice, e.Batch)
	}
	if m.batch >= 0 {
		last := m.plan.Body.Batches[m.farBatch]
		if indexOf(m.plan, e.Batch) > m.farBatch && (last.Soak > 0 || last.Confirm) && !m.passed[last.Name] {
			return fmt.Errorf("2: %s starts before the gate of %s passed", e.Batch, last.Name)
		}
	}
	for _, name := range m.names {
		h := m.hosts[name]
		if h.inFlight != "" {
			return fmt.Errorf("2: slice %d of %s starts while %s is in %s", e.Slice, e.Batch, name, h.inFlight)
		}
		if h.runs && !h.failed && !h.checked {
			return fmt.Errorf("2: slice %d of %s starts before %s is checked", e.Slice, e.Batch, name)
		}
	}
	m.reaches(indexOf(m.plan, e.Batch), e.Slice-1)
	return nil
}

func (m *model) begins(h *watched, e event.Event) error {
	if !h.acts {
		return fmt.Errorf("%s acts though the plan has nothing to do there", e.Host)
	}
	if h.inFlight != "" {
		return fmt.Errorf("%s begins %s while in %s", e.Host, e.Phase, h.inFlight)
	}
	if h.fenced {
		return fmt.Errorf("12: %s begins %s though it is another run's", e.Host, e.Phase)
	}
	if h.left {
		return fmt.Errorf("%s begins %s though it is left out", e.Host, e.Phase)
	}
	if h.failed && e.Phase != event.Undo {
		return fmt.Errorf("11: %s begins %s after it failed", e.Host, e.Phase)
	}
	if m.aborted && (e.Phase != event.Undo || !h.failed || m.hard) {
		return fmt.Errorf("3: %s begins %s after an abort", e.Host, e.Phase)
	}
	if m.paused && (e.Phase == event.Stage || e.Phase == event.Switch) {
		return fmt.Errorf("3: %s begins %s while the run is paused", e.Host, e.Phase)
	}
	switch e.Phase {
	case event.Switch:
		if m.lockLost || m.broken || m.wanted {
			return fmt.Errorf("3: %s begins its switch though the run was stopped", e.Host)
		}
		for b := range m.plan.Body.Batches {
			if m.spent(b) {
				return fmt.Errorf("3: %s begins its switch though the budget of batch %d is spent", e.Host, b)
			}
		}
		if why := m.stops(); why != "" {
			return fmt.Errorf("3: %s begins its switch though %s", e.Host, why)
		}
		if h.batch != m.batch || h.slice != m.slice {
			return fmt.Errorf("2: %s begins its switch out of turn", e.Host)
		}
		if len(h.plan.Stage) > 0 && !h.staged {
			return fmt.Errorf("10: %s begins its switch without the release", e.Host)
		}
		h.out = true
	case event.Undo:
		if !h.touched {
			return fmt.Errorf("H10: %s is rolled back though it was not touched", e.Host)
		}
		if h.undone++; h.undone > 1 {
			return fmt.Errorf("%s is rolled back twice", e.Host)
		}
		if !h.failed && !h.runs {
			return fmt.Errorf("%s is rolled back from nothing", e.Host)
		}
		if h.failed && !h.covered && !m.wanted {
			return fmt.Errorf("%s is rolled back though the policy does not cover its failure", e.Host)
		}
		if !h.failed && !m.inScope(h) {
			return fmt.Errorf("%s is rolled back though it is out of scope", e.Host)
		}
		h.outUndo, h.out = h.out, true
	case event.Prune:
		if m.broken || m.stops() != "" || !h.runs {
			return fmt.Errorf("%s begins %s though the run did not come through", e.Host, e.Phase)
		}
	case event.After:
		if !h.runs {
			return fmt.Errorf("%s begins %s though it does not run the release", e.Host, e.Phase)
		}
	}
	h.inFlight, h.at = e.Phase, ""
	if allowed := m.allowed(); m.outOfService() > allowed && h.out {
		return fmt.Errorf("1: with %s %d hosts are out of service, the slice allows %d", e.Host, m.outOfService(), allowed)
	}
	return nil
}

func (m *model) allowed() int {
	if m.batch < 0 {
		return 0
	}
	n, batch := 0, m.plan.Body.Batches[m.farBatch]
	for _, s := range batch.Slices[:m.farSlice+1] {
		n = max(n, len(s))
	}
	if batch.Parallel > 0 && batch.Parallel < n {
		n = batch.Parallel
	}
	return n
}

func (m *model) ends(h *watched, e event.Event) {
	switch h.inFlight {
	case event.Stage:
		h.staged = true
	case event.Switch:
		h.touched, h.runs, h.out = true, true, false
		h.checked = !slices.ContainsFunc(h.plan.After, func(s plan.Step) bool { return s.Moment == "batch" })
	case event.After:
		h.checked = true
	case event.Undo:
		h.runs, h.out, h.back = false, false, true
	}
	h.inFlight = ""
}

func (m *model) fails(h *watched, e event.Event) {
	phase := h.inFlight
	if phase == "" {
		phase = e.Phase // of a soak
	}
	h.inFlight = ""
	if e.Cause == event.Interrupted {
		m.aborted, m.hard = true, true
		if phase == event.Stage || phase == event.After {
			return
		}
	}
	if e.Cause == event.Fenced {
		m.lockLost, h.fenced = true, true
	}
	ran := e.Cause != event.Lost && e.Cause != event.Stale && e.Cause != event.Fenced
	switch phase {
	case event.Prune:
		return
	case event.Undo:
		h.runs = false
		if !ran && e.Cause != event.Lost {
			h.out = h.outUndo
		}
		return
	case event.Switch:
		if ran && e.Step != "before" {
			h.touched = true
		}
		h.out = h.touched
	case event.After:
		h.checked = true
	}
	h.failed, h.runs = true, false
	h.policy = m.covers(h, e)
	h.covered = h.policy && len(h.plan.Undo) > 0
	if h.tried { // what its first failure cost, it costs still
		return
	}
	switch h.cause = "failed"; e.Cause {
	case event.Lost, event.Unknown:
		h.cause = "unreachable"
	case event.Unhealthy:
		h.cause = "unhealthy"
	}
	same := ""
	if at := cmp.Or(e.Step, h.at); at != "" && len(e.Detail) > 0 {
		same = at + ": " + e.Detail[len(e.Detail)-1]
	}
	m.firsts = append(m.firsts, same)
}

// covers tells whether the policy names what a failed host failed at.
func (m *model) covers(h *watched, e event.Event) bool {
	on := m.plan.Body.Rollback.On
	word := map[string]string{
		"before": "check", "check": "check", "after-batch": "check", "after-finish": "check",
		"undrain": "drain",
	}[e.Step]
	if word == "" {
		word = e.Step
	}
	switch {
	case e.Cause == event.Interrupted || e.Cause == event.Fenced || !h.touched:
		return false
	case e.Cause == event.Unknown || word == "":
		return len(on) > 0
	}
	return slices.Contains(on, word)
}
