package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/fault"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// soakEvery is how often the checks of a soaking batch are asked where none
// of them says.
const soakEvery = 10 * time.Second

// wait is the job of waiting after a batch: its checks are asked again until
// the soak is over, and then a person may have to say yes. A host that fails
// is a fault as it would be at any other time; what is forgiven decides
// whether the others go on. An abort closes the gate, and so does a fault that
// is not forgiven.
func (r *run) wait(ctx context.Context, a rollout.Action) job {
	batch := &r.body.Batches[a.Batch]
	begun := event.Event{Type: event.GateOpened, Batch: batch.Name, At: batch.At, Text: "wait after batch " + batch.Name}
	if batch.Soak > 0 {
		begun.Text += ": its checks must hold for " + batch.Soak.String()
	}
	gate, cancel := context.WithCancelCause(ctx)
	r.gate = cancel
	soaking := r.doneIn(a.Batch)
	return job{begun, func(say func(event.Event)) event.Event {
		defer cancel(nil)
		fault.At(fault.GateOpen)
		r.soak(ctx, gate, batch, soaking, say)
		e := begun
		e.Type, e.Text = event.GatePassed, "batch "+batch.Name+" holds"
		if gate.Err() == nil && batch.Confirm {
			e = r.confirm(gate, begun, cmp.Or(batch.ConfirmWithin.Std(), mostAsked))
		}
		var over *haltedError
		switch {
		case errors.As(context.Cause(gate), &over):
			e.Type, e.Text, e.By = event.GateRefused, fmt.Sprintf("batch %s did not hold: %s", batch.Name, over.why), ""
		case gate.Err() != nil:
			e.Type, e.Text = event.Note, "the wait after batch "+batch.Name+" is over: the run was stopped"
		}
		return e
	}}
}

// A haltedError is why a gate closes before its time: no new host may start
// anyway.
type haltedError struct{ why string }

func (e *haltedError) Error() string { return e.why }

// closeGate closes the gate that is open where no new host may start any more.
func (r *run) closeGate() {
	if r.gate == nil || r.roll.Aborted() {
		return
	}
	if why := r.roll.Halted(); why != "" {
		r.gate(&haltedError{why})
	}
}

// confirm asks a person whether to go on after a batch.
func (r *run) confirm(ctx context.Context, gate event.Event, within time.Duration) event.Event {
	e := gate
	q := newAsked(Prompt{
		Text:  fmt.Sprintf("batch %s is done; go on with the next?", gate.Batch),
		Batch: gate.Batch, Choices: []string{choiceContinue, choiceStop}, Safe: choiceStop, Until: r.now().Add(within),
	})
	r.inbox <- news{ev: r.questionOf(q), asks: q}
	answer, err := r.ask(ctx, q)
	e.By, e.Intent = answer.By, answer.Intent
	switch {
	case err != nil:
		e.Type, e.Text = event.Note, "the question after batch "+gate.Batch+" was not answered"
	case answer.Choice == choiceContinue:
		e.Type, e.Text = event.GatePassed, answer.By+" confirmed batch "+gate.Batch
	default:
		e.Type, e.Text = event.GateRefused, answer.By+" stopped the run after batch "+gate.Batch
	}
	return e
}

// The choices of the questions of a run.
const (
	choiceContinue = "continue"
	choiceStop     = "stop"
	choiceRollback = "rollback"
	choiceLeave    = "leave"
)

// nobody answers where no person can be asked.
const nobody = "nobody"

// mostAsked is how long a question waits for its answer where the plan does
// not say: the run holds the locks of its hosts.
const mostAsked = time.Hour

// mostAlone is how long an aborted run that nobody sits before waits for
// somebody to say what becomes of it. Once it has ended, whoever comes later has
// all of the choices still: to resume it, to roll it back, to leave it.
const mostAlone = 5 * time.Minute

// questionOf is the event of a question.
func (r *run) questionOf(q *asked) event.Event {
	return event.Event{
		Type: event.Asked, Batch: q.Batch, Choices: q.Choices, Safe: q.Safe, Until: q.Until,
		Text: fmt.Sprintf("%s (%s; without an answer until %s: %s)", q.Text, strings.Join(q.Choices, ", "), clock(q.Until), q.Safe),
	}
}

// ask puts a question; the first answer wins. Where nobody can answer, or
// nobody does, it is the safe one.
func (r *run) ask(ctx context.Context, q *asked) (Control, error) {
	safe := Control{Choice: q.Safe, By: nobody}
	select {
	case c := <-q.reply: // it is decided already
		return c, nil
	default:
	}
	if r.o.Ask == nil && r.o.Control == nil {
		return safe, nil
	}
	asking, cancel := context.WithCancel(ctx)
	end, left := time.NewTimer(q.Until.Sub(r.now())), q.left
	defer end.Stop()
	said := make(chan Answer, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if r.o.Ask != nil {
		wg.Go(func() {
			answer, err := r.o.Ask(asking, q.Prompt)
			switch {
			case asking.Err() != nil:
			case err == nil && slices.Contains(q.Choices, answer.Choice):
				said <- answer
			case r.o.Control == nil: // nobody else can answer
				said <- Answer{q.Safe, nobody}
			}
		})
	}
	for {
		select {
		case answer := <-said:
			if answer.By == "" {
				answer.By = r.o.By
			}
			return Control{Choice: answer.Choice, By: answer.By}, nil
		case c := <-q.reply:
			return c, nil
		case <-end.C:
			return safe, nil
		case <-ctx.Done():
			return safe, ctx.Err()
		case <-left:
			left = nil
			if sooner := r.now().Add(mostAlone); sooner.Before(q.Until) {
				end.Reset(mostAlone)
				alone := asked{Prompt: q.Prompt}
				alone.Text, alone.Until = "nobody sits before the stopped run any more; what now?", sooner
				r.inbox <- news{ev: r.questionOf(&alone), asks: q}
			}
		}
	}
}

// launchQuestion asks what becomes of an aborted run that is at rest.
func (r *run) launchQuestion(ctx context.Context) {
	within, left := mostAsked, r.o.Away
	select {
	case <-left:
		within, left = mostAlone, nil
	default:
	}
	q := newAsked(Prompt{
		Text:    "the run is stopped and nothing is under way; what now?",
		Choices: []string{choiceRollback, choiceLeave, choiceContinue}, Safe: choiceLeave, Until: r.now().Add(within),
	})
	q.left = left
	r.asked, r.question = true, q
	if r.decided != nil {
		q.sent, r.decided = r.decided, nil
		q.reply <- *q.sent
	}
	r.launch([]job{{r.questionOf(q), func(func(event.Event)) event.Event {
		answer, err := r.ask(ctx, q)
		if err != nil {
			return event.Event{Type: event.Answered, Choice: q.Safe, By: nobody, Text: "nobody answered; the hosts stay as they are"}
		}
		return event.Event{Type: event.Answered, Choice: answer.Choice, By: answer.By, Intent: answer.Intent, Text: answer.By + " answered: " + answer.Choice}
	}}})
}

// doneIn are the hosts of a batch that run the new release.
func (r *run) doneIn(batch int) []*member {
	var out []*member
	for _, h := range r.roll.Hosts() {
		if h.Batch == batch && h.Status == rollout.Done {
			out = append(out, r.byName[h.Name])
		}
	}
	return out
}

// soak asks the hosts' checks again and again for a while. Each time is a whole
// poll, with the deadline and the successes of the check: one failed attempt
// among good ones is not a no. A host that fails is asked no more. When the
// gate closes, no poll begins; what is in flight ends, and counts.
func (r *run) soak(ctx, gate context.Context, batch *plan.Batch, hosts []*member, say func(event.Event)) {
	long := batch.Soak.Std()
	if long <= 0 {
		return
	}
	end := time.Now().Add(long)
	tails, enough := context.WithCancel(gate)
	defer enough()
	r.tailAll(tails, batch, hosts)
	var wg sync.WaitGroup
	for _, m := range hosts {
		checks, every := checksOf(m.plan)
		if len(checks) == 0 {
			continue
		}
		w := &work{run: r, m: m, steps: checks, phase: event.After, say: func(e event.Event) {
			if e.Type != event.StepStarted && e.Type != event.StepDone { // which say nothing new
				say(e)
			}
		}}
		wg.Go(func() {
			for left := long; left > 0; left = time.Until(end) {
				if pause(gate, min(every, left)) != nil {
					return
				}
				if err := w.do(ctx); err != nil {
					e := w.verdict(ctx, err)
					e.Batch, e.Text = batch.Name, e.Text+", in the soak of batch "+batch.Name
					say(e)
					return
				}
			}
		})
	}
	_ = pause(gate, time.Until(end)) // whoever waits looks at the gate
	wg.Wait()
}

// checksOf are the checks that must hold on a host while its batch soaks, and
// how often they are asked.
func checksOf(h *plan.Host) (checks []plan.Step, every time.Duration) {
	seen := map[string]bool{}
	for _, steps := range [][]plan.Step{h.Switch, h.After} {
		for _, s := range steps {
			if s.Op != plan.OpCheck || s.Moment == "finish" || seen[s.ID] {
				continue
			}
			seen[s.ID] = true
			checks = append(checks, s)
			if s.Poll != nil && s.Poll.Every > 0 && (every == 0 || s.Poll.Every.Std() < every) {
				every = s.Poll.Every.Std()
			}
		}
	}
	if every == 0 {
		every = soakEvery
	}
	return checks, max(every, time.Second)
}
