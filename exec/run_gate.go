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
// the soak is over, and then a person may have to say yes. An abort closes
// the gate.
func (r *run) wait(ctx context.Context, a rollout.Action) job {
	batch := &r.body.Batches[a.Batch]
	begun := event.Event{Type: event.GateOpened, Batch: batch.Name, At: batch.At, Text: "wait after batch " + batch.Name}
	if batch.Soak > 0 {
		begun.Text += ": its checks must hold for " + batch.Soak.String()
	}
	ctx, cancel := context.WithCancel(ctx)
	r.gate = cancel
	soaking := r.doneIn(a.Batch)
	return job{begun, func(func(event.Event)) event.Event {
		defer cancel()
		e := begun
		fault.At(fault.GateOpen)
		err := r.soak(ctx, batch.Soak.Std(), soaking)
		if err == nil && batch.Confirm {
			return r.confirm(ctx, begun, cmp.Or(batch.ConfirmWithin.Std(), mostAsked))
		}
		switch {
		case ctx.Err() != nil:
			e.Type, e.Text = event.Note, "the wait after batch "+batch.Name+" is over: the run was stopped"
		case err != nil:
			why, detail, step := reason(err)
			e.Type, e.Cause, e.Step, e.Detail = event.GateRefused, event.Unhealthy, step, detail
			e.Text = fmt.Sprintf("batch %s did not hold: %s", batch.Name, why)
			var bad *soakError
			if errors.As(err, &bad) {
				e.Host = bad.host
			}
		default:
			e.Type, e.Text = event.GatePassed, "batch "+batch.Name+" holds"
		}
		return e
	}}
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
	if r.o.Ask == nil && r.o.Control == nil {
		return safe, nil
	}
	asking, cancel := context.WithTimeout(ctx, q.Until.Sub(r.now()))
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
	select {
	case answer := <-said:
		if answer.By == "" {
			answer.By = r.o.By
		}
		return Control{Choice: answer.Choice, By: answer.By}, nil
	case c := <-q.reply:
		return c, nil
	case <-asking.Done():
		return safe, ctx.Err()
	}
}

// launchQuestion asks what becomes of an aborted run that is at rest.
func (r *run) launchQuestion(ctx context.Context) {
	q := newAsked(Prompt{
		Text:    "the run is stopped and nothing is under way; what now?",
		Choices: []string{choiceRollback, choiceLeave, choiceContinue}, Safe: choiceLeave, Until: r.now().Add(mostAsked),
	})
	r.asked, r.question = true, q
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

// A soakError is a check that no longer holds.
type soakError struct {
	host string
	err  error
}

func (e *soakError) Error() string { return e.host + ": " + e.err.Error() }

func (e *soakError) Unwrap() error { return e.err }

// soak asks the hosts' checks again and again for a while; the first no ends
// it.
func (r *run) soak(ctx context.Context, long time.Duration, hosts []*member) error {
	if long <= 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := time.Now().Add(long)
	var wg sync.WaitGroup
	for _, m := range hosts {
		checks, every := checksOf(m.plan)
		if len(checks) == 0 {
			continue
		}
		wg.Go(func() {
			w := &work{run: r, m: m, steps: checks, phase: event.After, say: func(event.Event) {}}
			for left := long; left > 0; left = time.Until(end) {
				if pause(ctx, min(every, left)) != nil {
					return
				}
				if err := w.do(ctx); err != nil && ctx.Err() == nil {
					cancel(&soakError{m.plan.Name, err})
				}
			}
		})
	}
	_ = pause(ctx, time.Until(end)) // its end is looked at below
	wg.Wait()
	var bad *soakError
	if errors.As(context.Cause(ctx), &bad) {
		return bad
	}
	return ctx.Err()
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
