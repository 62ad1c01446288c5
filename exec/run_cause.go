package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang/diag"
)

// A localError is a step that ran here and said no.
type localError struct {
	step string
	err  error
	tail []string // last lines of output, raw
}

func (e *localError) Error() string { return e.err.Error() }

func (e *localError) Unwrap() error { return e.err }

// A deadlineError is a wait that was given up.
type deadlineError struct{ what string }

func (e *deadlineError) Error() string { return e.what }

// causeOf sorts what ended a phase. What the host could not say comes first:
// nobody may believe more than it did. step finds a step of the phase.
func causeOf(ctx context.Context, step func(string) *plan.Step, err error) event.Cause {
	var host *remote.StepError
	var here *localError
	var late *deadlineError
	var dial *remote.DialError
	switch {
	case errors.Is(err, remote.ErrUnknown):
		return event.Unknown
	case errors.Is(err, remote.ErrFenced):
		return event.Fenced
	case ctx.Err() != nil && !errors.As(err, &host) && !errors.As(err, &dial):
		return event.Interrupted
	case errors.As(err, &host) && host.Step == verifyStep:
		return event.Stale
	case errors.As(err, &host):
		return causeOfStep(step(host.Step))
	case errors.As(err, &here):
		return causeOfStep(step(here.step))
	case errors.As(err, &late):
		return event.Failed
	}
	return event.Lost
}

func causeOfStep(s *plan.Step) event.Cause {
	if s != nil && (s.Op == plan.OpCheck || s.Op == plan.OpConfirm) {
		return event.Unhealthy
	}
	return event.Failed
}

// mostLines bounds what an event keeps of a step's output.
const mostLines = 20

// reason says in one clean line why a phase ended, with the last lines that
// were printed and the step that said no, "" where it was none.
func reason(err error) (why string, detail []string, step string) {
	var host *remote.StepError
	var here *localError
	switch {
	case errors.As(err, &host):
		detail, step = cleaned(host.Output), host.Step
		why = fmt.Sprintf("exit status %d", host.Code)
		if len(detail) > 0 && detail[len(detail)-1] != "" {
			why = detail[len(detail)-1]
		}
	case errors.As(err, &here):
		detail, step = cleaned(here.tail), here.step
		why = here.Error()
	default:
		why = err.Error()
	}
	if errors.Is(err, context.Canceled) {
		why = "it was stopped"
	}
	return diag.CleanLine(strings.TrimSpace(why)), detail, step
}

// cleaned are the last of lines, with nothing in them that moves a cursor.
func cleaned(lines []string) []string {
	lines = lines[max(0, len(lines)-mostLines):]
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = diag.CleanLine(l)
	}
	return out
}
