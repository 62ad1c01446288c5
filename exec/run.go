package exec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/fault"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// A run is one execution of a plan. Its state is the rollout, which only the
// goroutine of loop touches; workers send it news.
type run struct {
	o       Options
	body    *plan.Body
	members []*member // in the plan's order: those that are locked
	byName  map[string]*member

	roll     *rollout.Rollout
	ahead    *rollout.Rollout // of a run that was begun before: where it stands once it is resumed
	early    []Control        // that came before the run had begun
	patience time.Duration    // with locks in the run's own name
	seq      int64
	journal  error // why the journal takes no more events, nil if it does

	transports transports
	relays     relays

	inbox    chan news
	printed  *printed
	inFlight int
	gate     context.CancelCauseFunc // of the gate that was opened last
	touched  touched
	red      []RedHost // that were not well before the first change
	asked    bool      // what becomes of the run after the abort
	decided  *Control  // that, by who aborted it; nil where it is to be asked

	question     *asked           // that is open
	answer       string           // what became of the one before
	pauseEnds    <-chan time.Time // of a paused run
	windowWaived bool             // a person lets the run go on outside of its deploy windows
}

// news is what a worker has to say. Over is its last word.
type news struct {
	ev   event.Event
	over bool
	asks *asked // of a question
}

func (r *run) now() time.Time { return r.o.Now() }

// loop starts what the rollout allows until nothing is left to do.
func (r *run) loop(ctx context.Context, begin ...event.Event) (Result, error) {
	for _, h := range r.roll.Hosts() {
		if h.Touched { // before the run was resumed
			r.touched.add(h.Name)
		}
	}
	if err := r.announce(begin...); err != nil {
		return Result{Outcome: event.Refused}, err
	}
	stop, abort, control := ctx.Done(), r.o.Abort, r.o.Control
	var write <-chan time.Time // what was printed
	for _, c := range r.early {
		r.steer(c)
	}
	for moved := true; ; {
		if moved {
			r.start(ctx)
		}
		moved = true
		if r.inFlight == 0 && (ctx.Err() != nil || !r.held()) {
			if ctx.Err() != nil || r.o.Ask == nil && r.decided == nil || r.asked || r.journal != nil || !r.roll.Aborted() {
				return r.finish()
			}
			r.launchQuestion(ctx)
		}
		select {
		case n := <-r.inbox:
			moved = r.hear(ctx, n)
		case who := <-abort:
			if !r.roll.Aborted() { // a second wish adds nothing: what stops harder is ctx
				r.abort(Control{By: who}, "no new host starts; the steps in flight end first")
			}
		case c, ok := <-control:
			if !ok {
				control = nil
				continue
			}
			r.steer(c)
		case <-r.printed.some:
			moved = false
			if write == nil {
				write = time.After(printedEvery)
			}
		case <-write:
			moved, write = false, nil
			r.record()
		case <-r.pauseEnds:
			r.pauseEnds = nil
			if r.roll.Paused() != "" && !r.roll.Aborted() {
				r.abort(Control{By: nobody}, "nobody continued the paused run")
			}
		case <-stop:
			stop = nil
			if !r.roll.Aborted() {
				r.abort(Control{By: r.o.By}, "no new host starts")
			}
			r.abort(Control{By: r.o.By}, "the remote work is stopped now")
		}
	}
}

// started is the first event of a run.
func (r *run) started() event.Event {
	return event.Event{
		Type: event.RunStarted, By: r.o.By, Plan: r.o.Plan.Digest,
		Text: fmt.Sprintf("%s of %s started by %s", r.body.Kind, r.body.Where(), r.o.By) + r.whatever(),
	}
}

// A job is something that a worker does once begun is in the journal. The
// event that do returns is its last word.
type job struct {
	begun event.Event
	do    func(say func(event.Event)) event.Event
}

// start does all that may start now. If nothing is in flight afterwards, the
// run is over.
func (r *run) start(ctx context.Context) {
	for again := true; again; {
		again = false
		var jobs []job
		for _, a := range r.roll.Next() {
			if a.Kind == rollout.Record && a.Type == event.BatchStarted && r.holdSlice() {
				continue
			}
			if a.Kind == rollout.Record {
				again = r.announce(r.markOf(a)) == nil
			} else if j, ok := r.jobFor(ctx, a); ok {
				jobs = append(jobs, j)
			}
		}
		r.launch(jobs)
	}
}

// jobFor is what an action asks for, if it may begin.
func (r *run) jobFor(ctx context.Context, a rollout.Action) (job, bool) {
	switch {
	case ctx.Err() != nil || r.journal != nil:
		return job{}, false // nothing begins that could not be ended or written down
	case a.Kind == rollout.RunPhase:
		return r.phase(ctx, a), true
	case a.Kind == rollout.RunHook:
		return r.hook(ctx, a), true
	case a.Kind == rollout.OpenGate:
		return r.wait(ctx, a), true
	}
	return job{}, false // Finish: nothing is left to do
}

// launch writes down what begins, and begins it.
func (r *run) launch(jobs []job) {
	begun := make([]event.Event, len(jobs))
	for i, j := range jobs {
		begun[i] = j.begun
	}
	if r.announce(begun...) != nil {
		return
	}
	for _, j := range jobs {
		r.inFlight++
		go func() {
			last := j.do(func(e event.Event) { r.inbox <- news{ev: e} })
			r.inbox <- news{ev: last, over: true}
		}()
	}
}

// hear takes in the news of workers, all that are there at once, and tells
// whether anything may start for it: for steps of phases in flight, nothing.
func (r *run) hear(ctx context.Context, n news) (moved bool) {
	var all []event.Event
	var answer *event.Event
	for more := true; more; {
		all = append(all, n.ev)
		moved = moved || n.over || n.ev.Type != event.StepStarted && n.ev.Type != event.StepDone
		switch n.ev.Type {
		case event.Asked:
			r.question = n.asks
		case event.GatePassed, event.GateRefused, event.Answered:
			answer = &n.ev
		}
		if n.over {
			r.inFlight--
		}
		select {
		case n = <-r.inbox:
		default:
			more = false
		}
	}
	r.record(all...)
	if answer != nil {
		r.answered(*answer)
	}
	r.closeGate()
	for _, e := range all {
		if r.stays(e) {
			r.launch([]job{r.disarm(ctx, r.byName[e.Host])})
		}
	}
	return moved
}

// abort notes that no new host starts. An open gate closes.
func (r *run) abort(c Control, text string) {
	r.asked = false
	r.record(event.Event{Type: event.Aborted, By: c.By, Intent: c.Intent, Text: fmt.Sprintf("aborted by %s: %s", c.By, text)})
	if r.gate != nil {
		r.gate(nil)
	}
}

// finish writes the outcome.
func (r *run) finish() (Result, error) {
	fault.At(fault.FinishBefore)
	r.record(r.wasPrinted(r.now(), true)...)
	outcome := r.roll.Outcome()
	for _, text := range r.armed() {
		r.record(event.Event{Type: event.Note, Text: text})
	}
	r.record(event.Event{Type: event.RunFinished, Outcome: outcome, Text: "the run is over: " + string(outcome)})
	return Result{Outcome: outcome, Started: true, Hosts: r.roll.Hosts(), Resumable: r.roll.Resumable()}, r.journal
}

// newRun makes the members of a run: every host that the plan changes, or
// that it says needs no change and must therefore still need none.
func newRun(o Options) *run {
	r := &run{
		o: o, body: &o.Plan.Body, byName: map[string]*member{},
		roll: rollout.New(o.Plan), inbox: make(chan news, 256), printed: newPrinted(),
	}
	for i, q := range QuestionsOf(o.Plan, o.Root) {
		h := &r.body.Hosts[i]
		if h.Action != plan.Create && h.Action != plan.Update && h.Action != plan.Keep {
			continue // the plan's reader decided to go on without it
		}
		m := newMember(o, h, q)
		r.members = append(r.members, m)
		r.byName[h.Name] = m
	}
	if name := r.body.Lock.Host; name != "" && r.byName[name] == nil {
		r.members = append(r.members, r.keeper(name))
	}
	return r
}

// keeper is a member that only keeps the lock of all: a host that the plan
// leaves out.
func (r *run) keeper(name string) *member {
	h := r.o.Plan.Host(name)
	if h == nil {
		h = &plan.Host{Name: name, Address: name} // --limit left it out; ~/.ssh/config knows the rest
	}
	m := newMember(r.o, h, Question{Host: name, Target: TargetOf(*h, r.o.Root, r.body.Definition), Path: r.body.Path})
	m.lockOnly = true
	return m
}

// close gives the locks back.
func (r *run) close(ctx context.Context) {
	if r.gate != nil {
		r.gate(nil)
	}
	fault.At(fault.FinishAfter)
	r.stopRelays()
	r.unlock(ctx)
	fault.At(fault.Unlocked)
}

// markOf is the event that the rollout asks for.
func (r *run) markOf(a rollout.Action) event.Event {
	e := event.Event{Type: a.Type, Text: a.Text}
	e.Batch, e.Slice = r.place(a)
	if e.Text != "" {
		return e
	}
	slices := r.body.Batches[a.Batch].Slices
	e.Text = "batch " + e.Batch
	if len(slices) > 1 {
		e.Text += fmt.Sprintf(", slice %d of %d", e.Slice, len(slices))
	}
	if a.Type == event.BatchDone {
		e.Text += " is done"
	} else {
		e.Text += ": " + strings.Join(slices[a.Slice], ", ")
	}
	return e
}
