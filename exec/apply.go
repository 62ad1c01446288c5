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
	"shipit/exec/transport"
)

// Options are what Apply needs besides the plan.
type Options struct {
	Plan  *plan.Plan
	Fleet *Fleet // stays open: its owner may have other plans for it
	Root  string // of the definition's repository: where files that the plan names are found

	// Journal must have taken an event before it is believed, and before
	// anything is done that it announces. Views are told afterwards; their
	// errors stop nothing.
	Journal event.Sink
	Views   event.Sink // may be nil

	Run    string // id of the run
	Last   int64  // the number of the last event in the journal of a run that is resumed
	By     string // user@machine
	Reason string
	Now    func() time.Time // nil is time.Now
	Wait   *time.Duration   // for locks that others hold; nil is what the plan says

	// Secrets gives the contents that the plan holds only as a hash. It may
	// be nil where the plan has none.
	Secrets func(*plan.File) (string, error)
	// Redact takes sensitive values out of what hosts and commands printed,
	// before it gets into any event. May be nil.
	Redact func(string) string
	// Source is the repository that releases are brought from; nil for a
	// rollback, which needs none.
	Source transport.Source
	// Deployer takes the place of this machine in a simulation; nil is this
	// machine itself.
	Deployer Deployer

	// Ask puts a question to a person and waits; it returns when ctx ends.
	// Where nobody can be asked it is nil, and the safe answer is taken.
	Ask func(ctx context.Context, q Prompt) (Answer, error)
	// Away is closed once nobody sits before the run itself, so that a question of
	// what becomes of it waits for others, and not for long. May be nil.
	Away <-chan struct{}
	// Abort is how a person says "finish what is in flight, start nothing
	// more"; the value is who said it. May be nil.
	Abort <-chan string
	// Trace is the run's span as a traceparent, which commands of the definition
	// get in TRACEPARENT; "" where nobody traces.
	Trace string
	// Outside is why the run is let go on outside of its deploy windows.
	Outside string
	// Control is what people want of the run from elsewhere. May be nil.
	Control <-chan Control
}

// A Deployer is what a run does on the machine that it runs on, rather than
// on a host.
type Deployer interface {
	// Do does a step of the plan; a check is asked until it has its answer.
	// Host and phase are "" for a hook of the run.
	Do(ctx context.Context, host string, phase event.Phase, s *plan.Step) error
	// Transport makes the transport of a stage step.
	Transport(kind string, spec map[string]any) (transport.Transport, error)
}

// A Prompt is a question to a person.
type Prompt struct {
	Text    string
	Batch   string // that is to be confirmed; "" is another question
	Choices []string
	Safe    string    // the choice that is taken where nobody answers
	Until   time.Time // when it is
}

// An Answer is one of a Prompt's choices, and whose it was.
type Answer struct {
	Choice string
	By     string
}

// A Result is how a run ended.
type Result struct {
	Outcome event.Outcome
	Started bool           // RunStarted is in the journal
	Hosts   []rollout.Host // in the plan's order; empty unless Started
	// Resumable tells that Resume would find something to do.
	Resumable bool
}

// A RefusedError is a plan that cannot be applied as it is.
type RefusedError struct{ Problems []string }

func (e *RefusedError) Error() string {
	return "the plan cannot be applied: " + strings.Join(e.Problems, "; ")
}

// A StaleError is hosts that are not as the plan found them. Nothing was
// changed anywhere.
type StaleError struct{ Hosts []StaleHost } // in the plan's order

// A StaleHost is one of them, with the differences in sentences.
type StaleHost struct {
	Name  string
	Diffs []string
}

func (e *StaleError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the plan is stale: %d of its hosts changed since", len(e.Hosts))
	for _, h := range e.Hosts {
		fmt.Fprintf(&b, "; %s: %s", h.Name, strings.Join(h.Diffs, ", "))
	}
	return b.String()
}

// A LockedError is hosts whose lock another run holds. Nothing was changed
// anywhere.
type LockedError struct{ Hosts []LockedHost } // in the plan's order

// A LockedHost is one of them.
type LockedHost struct {
	Name string
	Err  error // a *lock.HeldError
}

func (e *LockedError) Error() string {
	if len(e.Hosts) == 1 {
		return fmt.Sprintf("%s: %v", e.Hosts[0].Name, e.Hosts[0].Err)
	}
	return fmt.Sprintf("%d hosts are locked; %s: %v", len(e.Hosts), e.Hosts[0].Name, e.Hosts[0].Err)
}

// Apply does what the plan says and nothing else.
//
// A Result that is not Started means that nothing was changed; its error is a
// *RefusedError, a *LockedError, a *StaleError, a *PreflightError, hosts that cannot be reached,
// a journal that takes nothing, or the end of ctx, and nil where somebody
// aborted. The error of a started run is a journal that broke; how the run
// went is not an error but its Outcome.
//
// When ctx ends, Apply stops the remote work that is under way, gives the
// locks back and returns what is known then.
func Apply(ctx context.Context, o Options) (Result, error) {
	refused := Result{Outcome: event.Refused}
	if problems := o.Plan.Problems(); len(problems) > 0 {
		return refused, &RefusedError{Problems: problems}
	}
	if !o.Plan.Changes() {
		return Result{Outcome: event.Nothing}, nil
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := newRun(o)
	if why := r.outside(); why != "" {
		return refused, &RefusedError{Problems: []string{"it is " + why + "; --outside-window REASON applies it now"}}
	}
	return r.from(ctx, r.prepareFirst, func() []event.Event { return append([]event.Event{r.started()}, r.ignored()...) })
}

// from prepares and then runs, beginning with the events that begin makes.
func (r *run) from(ctx context.Context, prepare func(context.Context) error, begin func() []event.Event) (Result, error) {
	defer r.close(ctx)
	who, err := r.unlessAborted(ctx, prepare)
	none := Result{Outcome: event.Refused}
	switch {
	case who != "":
		none.Outcome = event.Abort
		return none, nil
	case ctx.Err() != nil:
		none.Outcome = event.Abort
		return none, fmt.Errorf("interrupted before anything was changed: %w", ctx.Err())
	case err != nil:
		return none, err
	}
	fault.At(fault.Locked)
	first := begin()
	for _, m := range r.members {
		m.records = nil // what mattered of them was compared with the plan
	}
	return r.loop(ctx, first...)
}

// unlessAborted runs do until it is done or somebody aborts, and says who.
func (r *run) unlessAborted(ctx context.Context, do func(context.Context) error) (who string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		control := r.o.Control
		for who == "" && ctx.Err() == nil {
			select {
			case who = <-r.o.Abort:
			case c, ok := <-control:
				switch {
				case !ok:
					control = nil
				case c.Do == Stop:
					who = c.By
				default:
					r.early = append(r.early, c)
				}
			case <-ctx.Done():
			}
		}
		cancel()
	}()
	err = do(ctx)
	cancel()
	<-watched
	return who, err
}
