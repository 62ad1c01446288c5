// Package scenario plays the scenarios of a definition: the real planner and
// the real engine on a simulated fleet, in virtual time.
package scenario

import (
	"context"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/lang"
	"shipit/lang/diag"
)

// Options are what scenarios need besides the definition.
type Options struct {
	Version string
	// Exit is the exit code of an apply that ended so.
	Exit func(exec.Result, error) int
}

// A Result is what came of a scenario.
type Result struct {
	Scenario lang.Scenario
	// Diags are mistakes of the scenario or of its definition; with errors
	// among them it was not played to its end.
	Diags    diag.List
	Failures []Failure
	Took     time.Duration // of the fleet's time
	Hosts    int
	Timeline []string // what happened, a line each
}

// OK tells that the scenario went as expected.
func (r *Result) OK() bool { return len(r.Failures) == 0 && !r.Diags.HasErrors() }

// A Failure is something that came out otherwise than expected.
type Failure struct {
	What string // the attribute of expect
	Want string
	Got  string
	At   diag.Range
}

// Play plays one scenario of a definition.
func Play(cfg *lang.Config, s lang.Scenario, o Options) *Result {
	p := &play{
		cfg: cfg, s: s, o: o, res: &Result{Scenario: s},
		defs: map[string]*lang.Definition{}, touched: map[string]bool{},
	}
	virtually(func() {
		defer func() { p.res.Diags = p.res.Diags.Sorted() }()
		p.begun = time.Now()
		if !p.prepare() {
			return
		}
		if !p.first() {
			return
		}
		p.then()
		p.res.Took = time.Since(p.begun)
		p.judge()
		p.unmet()
		p.res.Timeline = p.story.text(p)
	})
	return p.res
}

// A play is a scenario that is being played.
type play struct {
	cfg   *lang.Config
	s     lang.Scenario
	o     Options
	res   *Result
	begun time.Time

	vars  []lang.Assignment
	open  *lang.Definition // for no release
	def   *lang.Definition // for the wanted release
	defs  map[string]*lang.Definition
	names []string // of the hosts
	rel   plan.Release
	runs  map[string]string // tag by host, before
	fleet *sim.Fleet

	plan        *plan.Plan
	killed      bool
	interrupted bool // the kill or abort came
	outcome     event.Outcome
	exit        int
	reasons     []string // what was said against the last run
	slices      [][]string
	touched     map[string]bool
	past        []event.Event // what the journal of a run that will be resumed has
	story       story
}

func (p *play) note(text string) {
	p.story.tell(p, nil, event.Event{Time: time.Now(), Type: event.Note, Text: text})
}

// first plans and applies; false where the scenario is wrong.
func (p *play) first() bool {
	d := p.newDeployer()
	defer d.close()
	p.plan = p.makePlan(d, plan.Deploy)
	if !p.arm() {
		return false
	}
	p.ended(d)(exec.Apply(context.Background(), d.options("run-1", p.s.Kill)))
	return true
}

// then is what follows where the deployer was killed.
func (p *play) then() {
	if !p.killed || p.s.Kill.Then == "nothing" {
		return
	}
	time.Sleep(time.Minute) // somebody has to notice
	d := p.newDeployer()
	defer d.close()
	ctx := context.Background()
	switch p.s.Kill.Then {
	case "resume":
		p.note("the run is resumed")
		p.ended(d)(exec.Resume(ctx, d.options("run-1", nil), p.past))
	case "rollback":
		p.note("a rollback is planned and applied")
		p.plan = p.makePlan(d, plan.Rollback)
		p.ended(d)(exec.Apply(ctx, d.options("run-2", nil)))
	default:
		p.note("the release is planned and applied again")
		p.plan = p.makePlan(d, plan.Deploy)
		p.ended(d)(exec.Apply(ctx, d.options("run-2", nil)))
	}
}

// resumes tells whether the run will be resumed once its deployer is killed.
func (p *play) resumes() bool { return p.s.Kill != nil && p.s.Kill.Then == "resume" }

// ended takes in how a run ended.
func (p *play) ended(d *deployer) func(exec.Result, error) {
	return func(result exec.Result, err error) {
		p.outcome, p.exit = result.Outcome, p.o.Exit(result, err)
		for _, h := range result.Hosts {
			p.touched[h.Name] = p.touched[h.Name] || h.Touched
			if h.Reason != "" {
				p.reasons = append(p.reasons, h.Name+": "+h.Reason)
			}
		}
		p.killed = d.dead.Load()
		switch {
		case p.killed:
			p.outcome = ""
		case err != nil:
			p.reasons = append(p.reasons, err.Error())
			p.note(err.Error())
		case !result.Started:
			p.note(string(result.Outcome))
		}
	}
}

// answer answers the questions of a run.
func (p *play) answer(_ context.Context, q exec.Prompt) (exec.Answer, error) {
	choice := p.s.Confirm
	for _, c := range q.Choices {
		if c == "rollback" && p.s.Abort != nil { // what becomes of an aborted run
			choice = p.s.Abort.Then
		}
	}
	return exec.Answer{Choice: choice, By: "somebody"}, nil
}
