package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"shipit/exec/check"
	"shipit/exec/event"
	"shipit/exec/fault"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/rollout"
)

// phase is the job of a phase on a host.
func (r *run) phase(ctx context.Context, a rollout.Action) job {
	w := &work{run: r, m: r.byName[a.Host], phase: a.Phase, steps: r.roll.Steps(a)}
	if a.Phase == event.Stage {
		w.relay = r.relayOf(w.m)
	}
	begun := event.Event{Type: event.HostStarted, Host: a.Host, Phase: a.Phase}
	begun.Batch, begun.Slice = r.place(a)
	for _, s := range w.steps {
		begun.Steps = append(begun.Steps, s.ID)
	}
	begun.Text = fmt.Sprintf(intents[a.Phase], a.Host)
	return job{begun, func(say func(event.Event)) event.Event {
		w.say = say
		err := w.do(ctx)
		if w.relay != nil {
			w.hasStaged(w.relay)
		}
		return w.verdict(ctx, err)
	}}
}

// What events say of a phase that begins, and of one that ended well.
var (
	intents = map[event.Phase]string{
		event.Stage: "stage on %s", event.Switch: "switch %s", event.After: "check %s",
		event.Undo: "roll back %s", event.Prune: "remove old releases on %s",
	}
	ends = map[event.Phase]string{
		event.Stage: "%s has the release", event.Switch: "%s runs the release", event.After: "%s passed its checks",
		event.Undo: "%s is rolled back", event.Prune: "%s is tidied up",
	}
)

// place is the batch and slice of an action as events name them.
func (r *run) place(a rollout.Action) (batch string, slice int) {
	if a.Batch < 0 {
		return "", 0
	}
	return r.body.Batches[a.Batch].Name, a.Slice + 1
}

// work is one phase on one host, for the one goroutine that does it. Of the
// run it uses only what does not change.
type work struct {
	run   *run
	m     *member
	phase event.Phase
	steps []plan.Step
	say   func(event.Event)
	relay *relay // of a host that stages; nil is none

	beside bool // another command of the host runs at the same time, and the lock is not ours yet
}

// do does the phase: one exec for all steps in a row that run on the host,
// and what runs here in between.
func (w *work) do(ctx context.Context) error {
	if err := w.m.hold(ctx, w.run.o.Fleet); err != nil {
		return err
	}
	parts := partsOf(w.steps)
	if w.wentBack(ctx) { // but for what only we can ask
		for _, part := range parts {
			if part[0].From != deployer {
				continue
			}
			if err := w.local(ctx, &part[0]); err != nil {
				return err
			}
		}
		return nil
	}
	if changes := w.phase == event.Switch || w.phase == event.Undo; changes && len(parts) > 0 && parts[len(parts)-1][0].From == deployer {
		parts = append(parts, nil) // what came of it is written down on the host
	}
	first := true
	for i, part := range parts {
		if len(part) > 0 && part[0].From == deployer {
			if err := w.local(ctx, &part[0]); err != nil {
				return err
			}
			continue
		}
		onHost := w.onHost
		if confirms(part) {
			onHost = w.confirm
		}
		if err := onHost(ctx, part, first, i == len(parts)-1); err != nil {
			return err
		}
		first = false
	}
	return nil
}

const deployer = "deployer"

// partsOf splits steps where the place changes: steps in a row on the host
// are one part, a step here is a part of its own, and so is the confirmation,
// which goes another way.
func partsOf(steps []plan.Step) [][]plan.Step {
	var parts [][]plan.Step
	for i, s := range steps {
		if i > 0 && s.From != deployer && steps[i-1].From != deployer && s.Op != plan.OpConfirm {
			last := len(parts) - 1
			parts[last] = append(parts[last], s)
			continue
		}
		parts = append(parts, []plan.Step{s})
	}
	return parts
}

// onHost runs steps in one exec. Where the connection was gone before any of
// them began, or where the phase can be begun again, it is tried once more.
func (w *work) onHost(ctx context.Context, steps []plan.Step, first, last bool) error {
	err := w.exec(ctx, steps, first, last)
	again := nothingRan(err) || (w.phase == event.Stage || w.phase == event.After) && errors.Is(err, remote.ErrUnknown)
	if err == nil || !again || ctx.Err() != nil {
		return err
	}
	if lost := w.m.regain(ctx, w.run.o.Fleet, !errors.Is(err, remote.ErrFenced)); lost != nil {
		if nothingRan(err) {
			return lost
		}
		return err // the first reason says more
	}
	if !nothingRan(err) { // nor does hold say it: which of the two finds out is chance
		w.say(event.Event{Type: event.Note, Host: w.m.plan.Name, Text: fmt.Sprintf("%s: connected again, after: %v", w.m.plan.Name, err)})
	}
	return w.exec(ctx, steps, first, last)
}

// nothingRan tells that err came before any step of a command began.
func nothingRan(err error) bool {
	var step *remote.StepError
	var late *deadlineError
	return err != nil && !errors.As(err, &step) && !errors.As(err, &late) && !errors.Is(err, remote.ErrUnknown) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// heard turns what a host says into events; steps that the plan does not
// know are the engine's own.
func (w *work) heard(rec remote.Record) {
	s := w.step(rec.Step)
	if s == nil {
		return
	}
	w.watch(s, rec)
	e := event.Event{Host: w.m.plan.Name, Phase: w.phase, Step: s.ID, At: s.At}
	switch rec.Kind {
	case remote.Output:
		e.At = ""
		if e.Phase == hookPhase || e.Phase == preflightPhase { // which are no phases of a run
			e.Phase = ""
		}
		w.run.print(e, rec.Text)
		return
	case remote.End:
		w.run.printed.ends(e.Host)
	}
	switch {
	case rec.Kind == remote.Begin:
		fault.At(fault.StepBegan)
		e.Type, e.Text = event.StepStarted, s.Text
	case rec.Kind == remote.End && rec.Code == 0:
		fault.At(fault.StepEnded)
		e.Type, e.Text = event.StepDone, s.Text
	default:
		return // the error of the command says how a step failed
	}
	w.say(e)
}

func (w *work) step(id string) *plan.Step {
	for i := range w.steps {
		if w.steps[i].ID == id {
			return &w.steps[i]
		}
	}
	return nil
}

// verdict is the phase's last word.
func (w *work) verdict(ctx context.Context, err error) event.Event {
	name := w.m.plan.Name
	e := event.Event{Type: event.HostDone, Host: name, Phase: w.phase, Text: fmt.Sprintf(ends[w.phase], name)}
	if err == nil {
		if w.phase == event.Undo {
			w.m.armed = time.Time{} // which the undo ended
		}
		return e
	}
	e.Type, e.Cause = event.HostFailed, causeOf(ctx, w.step, err)
	why, detail, s := w.reason(err)
	if s != nil {
		e.Step, e.At = s.ID, s.At
		if s.Op == plan.OpCheck {
			e.Answer = answerOf(err)
		}
		w.say(event.Event{
			Type: event.StepFailed, Host: name, Phase: w.phase, Step: s.ID, At: s.At,
			Text: s.Text + ": " + why, Detail: detail, Cause: e.Cause, Answer: e.Answer,
		})
	}
	e.Text, e.Detail = fmt.Sprintf("%s: %s", name, why), detail
	if e.Step != "" {
		e.Text = fmt.Sprintf("%s: %s: %s", name, e.Step, why)
	}
	if e.Cause == event.Fenced {
		w.say(event.Event{Type: event.LockLost, Host: name, Text: fmt.Sprintf("%s belongs to another run now; this one changes nothing more there", name)})
	}
	return e
}

// reason is why the phase ended and the step that said no, nil where it was
// none of it. A check that was not answered says so.
func (w *work) reason(err error) (why string, detail []string, s *plan.Step) {
	why, detail, id := reason(err)
	s = w.step(id)
	if s != nil && s.Op == plan.OpCheck && answerOf(err) == event.NotKnown && !strings.HasPrefix(why, saysUnknown) {
		why = saysUnknown + why // its script broke
	}
	return why, detail, s
}

// saysUnknown begins what is said of a check that was not answered.
const saysUnknown = "unknown: "

// answerOf is the answer of the check that err is about.
func answerOf(err error) event.Answer {
	code := 0
	var host *remote.StepError
	if errors.As(err, &host) {
		code = host.Code
	}
	if check.IsUnknown(err, code) {
		return event.NotKnown
	}
	return event.No
}
