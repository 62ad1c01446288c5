package exec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shipit/exec/event"
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

	roll    *rollout.Rollout
	seq     int64
	journal error // why the journal takes no more events, nil if it does

	transports transports

	inbox    chan news
	inFlight int
	staging  int
	gate     context.CancelFunc // of the gate that is open
	asked    bool               // what becomes of the run after the abort
}

// news is what a worker has to say. Over is its last word.
type news struct {
	ev   event.Event
	over bool
}

// mostStaging bounds how many hosts fetch a release at once: beyond that the
// deployer's link and the repository's server are the limit.
const mostStaging = 32

func (r *run) now() time.Time { return r.o.Now() }

// loop starts what the rollout allows until nothing is left to do.
func (r *run) loop(ctx context.Context) (Result, error) {
	err := r.announce(event.Event{
		Type: event.RunStarted, By: r.o.By, Plan: r.o.Plan.Digest,
		Text: fmt.Sprintf("%s of %s to %s started by %s", r.body.Kind, r.body.Service, r.body.Env, r.o.By),
	})
	if err != nil {
		return Result{Outcome: event.Refused}, err
	}
	stop, abort := ctx.Done(), r.o.Abort
	for {
		r.start(ctx)
		if r.inFlight == 0 {
			if ctx.Err() != nil || r.o.Ask == nil || r.asked || r.journal != nil || !r.roll.Aborted() {
				return r.finish()
			}
			r.startQuestion(ctx)
		}
		select {
		case n := <-r.inbox:
			r.hear(n)
		case who := <-abort:
			if !r.roll.Aborted() { // a second wish adds nothing: what stops harder is ctx
				r.abort(who, "no new host starts; the steps in flight end first")
			}
		case <-stop:
			stop = nil
			if !r.roll.Aborted() {
				r.abort(r.o.By, "no new host starts")
			}
			r.abort(r.o.By, "the remote work is stopped now")
		}
	}
}

// start does all that may start now. If nothing is in flight afterwards, the
// run is over.
func (r *run) start(ctx context.Context) {
	for again := true; again; {
		again = false
		for _, a := range r.roll.Next() {
			switch {
			case a.Kind == rollout.Finish:
				return
			case a.Kind == rollout.Record:
				if r.announce(r.markOf(a)) == nil {
					again = true
				}
			case ctx.Err() != nil || r.journal != nil:
				// Nothing begins that could not be ended or written down.
			case a.Kind == rollout.RunPhase:
				r.startPhase(ctx, a)
			case a.Kind == rollout.RunHook:
				r.startHook(ctx, a)
			case a.Kind == rollout.OpenGate:
				r.startGate(ctx, a)
			}
			if again {
				break // what else may start depends on it
			}
		}
	}
}

// worker runs do in a goroutine once begun is in the journal. The event that
// do returns is its last word.
func (r *run) worker(begun event.Event, do func(say func(event.Event)) event.Event) (started bool) {
	if r.announce(begun) != nil {
		return false
	}
	r.inFlight++
	go func() {
		last := do(func(e event.Event) { r.inbox <- news{ev: e} })
		r.inbox <- news{ev: last, over: true}
	}()
	return true
}

// hear takes in a worker's news.
func (r *run) hear(n news) {
	r.record(n.ev)
	if !n.over {
		return
	}
	r.inFlight--
	if n.ev.Phase == event.Stage {
		r.staging--
	}
}

// abort notes that no new host starts. An open gate closes.
func (r *run) abort(who, text string) {
	r.asked = false
	r.record(event.Event{Type: event.Aborted, By: who, Text: fmt.Sprintf("aborted by %s: %s", who, text)})
	if r.gate != nil {
		r.gate()
	}
}

// announce writes an event before what it announces begins. After an error
// it must not begin.
func (r *run) announce(e event.Event) error {
	e = r.stamp(e)
	if r.journal == nil {
		if err := r.o.Journal.Append(e); err != nil {
			r.journal = fmt.Errorf("cannot write the journal: %w", err)
		}
	}
	if r.journal != nil {
		return r.journal
	}
	r.believe(e)
	return nil
}

// record writes an event of what has happened already, and believes it even
// if the journal does not take it: then the run only ends, and its last words
// are true.
func (r *run) record(e event.Event) {
	if r.announce(e) != nil {
		r.believe(r.stamp(e))
	}
}

func (r *run) stamp(e event.Event) event.Event {
	e.Seq, e.Time, e.Run = r.seq+1, r.now(), r.o.Run
	return e
}

func (r *run) believe(e event.Event) {
	r.seq = e.Seq
	r.roll.Apply(e)
	r.tell(e)
}

// tell shows an event to the views; what they make of it stops nothing.
func (r *run) tell(e event.Event) {
	if r.o.Views == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time, e.Run = r.now(), r.o.Run
	}
	_ = r.o.Views.Append(e)
}

// finish writes the outcome.
func (r *run) finish() (Result, error) {
	outcome := r.roll.Outcome()
	r.record(event.Event{Type: event.RunFinished, Outcome: outcome, Text: "the run is over: " + string(outcome)})
	return Result{Outcome: outcome, Started: true, Hosts: r.roll.Hosts()}, r.journal
}

// newRun makes the members of a run: every host that the plan changes, or
// that it says needs no change and must therefore still need none.
func newRun(o Options) *run {
	r := &run{
		o: o, body: &o.Plan.Body, byName: map[string]*member{},
		roll: rollout.New(o.Plan), inbox: make(chan news, 256),
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
	return r
}

// close gives the locks back and closes the connections.
func (r *run) close(ctx context.Context) {
	r.unlock(ctx)
	r.o.Fleet.Close()
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
