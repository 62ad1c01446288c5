package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/sim"
	"shipit/exec/transport"
	"shipit/lang"
)

// A deployer is the process of one run: it dials, and does what a run does on
// its own machine. Once it is dead it does nothing.
type deployer struct {
	play  *play
	fleet *sim.Fleet
	conns *exec.Fleet
	dead  atomic.Bool
}

func (p *play) newDeployer() *deployer {
	d := &deployer{play: p, fleet: p.fleet}
	d.conns = exec.NewFleet(d)
	return d
}

func (d *deployer) close() { d.conns.Close() }

// options are those of a run of the play's plan.
func (d *deployer) options(run string, kill *lang.Interruption) exec.Options {
	p := d.play
	p.reasons, p.slices = nil, nil
	j := &journal{play: p, deployer: d, plan: p.plan, kill: kill}
	o := exec.Options{
		Plan: p.plan, Fleet: d.conns, Journal: j, Deployer: d,
		Run: run, By: "test@simulation", Reason: p.s.Name,
		Secrets: p.secret, Ask: p.answer,
	}
	if p.s.Abort != nil {
		j.abort = make(chan string, 1)
		o.Abort = j.abort
	}
	return o
}

var errKilled = errors.New("the deployer was killed")

// Dial connects to a simulated host.
func (d *deployer) Dial(ctx context.Context, t remote.Target) (remote.Conn, error) {
	if d.dead.Load() {
		return nil, errKilled
	}
	conn, err := d.fleet.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return actor{conn}, nil
}

// An actor is a connection to a host that acts steps out. That their shell can
// be made is for the tests of the engine to see.
type actor struct{ remote.Conn }

func (actor) Acts() bool { return true }

// Do acts out a step that runs on the deployer.
func (d *deployer) Do(ctx context.Context, host string, phase event.Phase, s *plan.Step) error {
	if d.dead.Load() {
		return errKilled
	}
	return d.fleet.Do(ctx, host, string(phase), remote.Step{ID: s.ID, Op: string(s.Op)})
}

// Transport makes a transport that needs no repository.
func (d *deployer) Transport(string, map[string]any) (transport.Transport, error) {
	return bytes{}, nil
}

// bytes brings a release whatever its transport is.
type bytes struct{}

func (bytes) Step(_ context.Context, d transport.Delivery) (remote.Step, io.Reader, int64, error) {
	return remote.Step{ID: "stage", Op: "stage", Args: map[string]string{
		"path": d.Path, "release": d.Release.ID, "tag": d.Release.Tag, "commit": d.Release.Commit,
	}}, nil, 0, nil
}

// kill ends the deployer: nothing is dialled and written any more, and its
// connections break.
func (d *deployer) kill() {
	d.dead.Store(true)
	for _, name := range d.fleet.Names() {
		d.fleet.Host(name).Drop()
	}
}

// A journal keeps the events of a run and interrupts it where the scenario
// says so.
type journal struct {
	play     *play
	deployer *deployer
	plan     *plan.Plan
	kill     *lang.Interruption
	abort    chan string
	aborted  bool
}

// Append keeps an event.
func (j *journal) Append(e event.Event) error {
	if j.deployer.dead.Load() {
		return errKilled
	}
	p := j.play
	if p.resumes() {
		p.past = append(p.past, e)
	}
	p.story.tell(p, j.plan, e)
	switch e.Type {
	case event.BatchStarted:
		for _, b := range j.plan.Body.Batches {
			if b.Name == e.Batch && e.Slice >= 1 && e.Slice <= len(b.Slices) {
				p.slices = append(p.slices, b.Slices[e.Slice-1])
			}
		}
	case event.HookFailed, event.GateRefused, event.RollingBack, event.HostFailed:
		p.reasons = append(p.reasons, e.Text)
	}
	switch {
	case p.begins(j.kill, e):
		p.interrupted = true
		p.note(fmt.Sprintf("the deployer is killed as %s begins %s", e.Host, e.Step))
		j.deployer.kill()
		return errKilled
	case !j.aborted && p.begins(p.s.Abort, e):
		j.aborted, p.interrupted = true, true
		j.abort <- "somebody"
	}
	return nil
}

// begins tells whether an event is the one at which an interruption comes.
func (p *play) begins(i *lang.Interruption, e event.Event) bool {
	if i == nil || e.Step != i.At.Text || e.Type != event.StepStarted && e.Type != event.HookStarted {
		return false
	}
	return e.Host == "" || slices.Contains(p.match(i.Hosts), e.Host)
}
