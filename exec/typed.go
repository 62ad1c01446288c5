package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"shipit/exec/lock"
	"shipit/exec/remote"
)

// A Typed is a command that a person typed for many hosts. It is no run: it
// takes no lock, has no journal, and nothing undoes it.
type Typed struct {
	Argv   []string      // as it is; no shell reads it
	As     string        // the user that it runs as; "" is the login
	Within time.Duration // on each host
	Width  int           // hosts at once; 0 is as many as one deployer asks
	// On is called for each line as it comes, raw, standard output and
	// standard error together: for the lines of one host in their order and
	// from one goroutine at a time, for several hosts at once. i is the
	// host's place in the list.
	On func(i int, line string)
}

// A Listener is a host that a typed command is for.
type Listener struct {
	Fleet  *Fleet
	Host   string
	Target remote.Target
	Paths  []string // of the services there, whose locks are looked at
}

// A Heard is what became of a typed command on one host.
type Heard struct {
	Host string
	End  Ending
	Code int    // of an Exited
	Why  string // of any other
	Help string // of an Unreached: what to check
	Took time.Duration
	Lock *lock.Holder // who holds one of the host's locks at that moment, alive

	again bool // of an Unreached: time may mend it
}

// An Ending is how a typed command ended on a host.
type Ending string

// The endings. Only after Exited, Late and Stopped is it certain that the
// command ran and has ended; after Unreached and NotStarted, that it did not
// run.
const (
	Exited     Ending = "exited"      // by itself, with Code
	Late       Ending = "late"        // it was ended at its deadline
	Stopped    Ending = "stopped"     // it was ended because we were interrupted
	Unreached  Ending = "unreachable" // the host could not be asked
	NotStarted Ending = "not started" // nothing ran
	Unknown    Ending = "unknown"     // nobody can say whether it still runs
)

// OK tells whether the command ended by itself with 0.
func (a Heard) OK() bool { return a.End == Exited && a.Code == 0 }

// typedMargin is what an exec may take beyond its command: finding a session,
// ending what is left.
const typedMargin = 15 * time.Second

// Everywhere runs a typed command on all hosts at once, in one exec each, and
// gives what was heard in the order of hosts; each, if set, is called as they
// come, by one goroutine at a time. When ctx ends, what runs is ended, and no
// other host starts. No host's output is kept here.
func Everywhere(ctx context.Context, hosts []Listener, t Typed, each func(Heard)) []Heard {
	out := make([]Heard, len(hosts))
	width := t.Width
	if width <= 0 || width > observeWidth {
		width = observeWidth
	}
	var mu sync.Mutex
	allOf(len(hosts), width, func(i int) {
		a := t.on(ctx, i, hosts[i])
		out[i] = a
		if each != nil {
			mu.Lock()
			defer mu.Unlock()
			each(a)
		}
	})
	return out
}

// on runs the command on one host.
func (t Typed) on(ctx context.Context, i int, l Listener) (a Heard) {
	a.Host = l.Host
	began := time.Now()
	defer func() { a.Took = time.Since(began) }()
	if ctx.Err() != nil {
		a.End, a.Why = NotStarted, "interrupted before it was asked"
		return a
	}
	conn, err := l.Fleet.Conn(ctx, l.Target)
	if err != nil {
		a.fail(ctx, ctx, err)
		return a
	}
	limit := t.Within + typedMargin
	late := fmt.Errorf("no end within %s", limit)
	bounded, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	var said []remote.Record
	// What the shell says of the deadline stands in Why.
	overdue, held := fmt.Sprintf("no end within %d s", t.seconds()), false
	line := func(text string) {
		if t.On != nil {
			t.On(i, text)
		}
	}
	began = time.Now()
	err = conn.Run(bounded, remote.Command{
		Name: "exec", Steps: t.steps(l), RunAs: t.As,
		On: func(r remote.Record) {
			switch {
			case r.Kind == remote.Fact:
				said = append(said, r)
			case r.Kind == remote.Output && r.Step == typedStep:
				if held {
					line(overdue) // it was the command's own
				}
				if held = r.Text == overdue; !held {
					line(r.Text)
				}
			}
		},
	})
	if h, ok := lock.Holds(said); ok && h.Alive {
		a.Lock = &h
	}
	var no *remote.StepError
	switch {
	case err == nil:
		a.End = Exited
	case !errors.As(err, &no):
		a.fail(ctx, bounded, err)
	case (no.Code == 124 || no.Code == 137) && time.Since(began) >= t.Within:
		a.End, a.Why = Late, fmt.Sprintf("no end within %s", t.Within)
	default:
		a.End, a.Code = Exited, no.Code
	}
	if held && a.End != Late {
		line(overdue)
	}
	return a
}

// fail sorts the error of a command that did not end by itself. ctx is the
// caller's, bounded has the command's deadline.
func (a *Heard) fail(ctx, bounded context.Context, err error) {
	var dial *remote.DialError
	a.Why = err.Error()
	switch {
	case errors.As(err, &dial):
		a.End, a.Why, a.Help, a.again = Unreached, dial.Err.Error(), dial.Help, again(err)
	case errors.Is(err, remote.ErrUnknown):
		a.End = Unknown
	case ctx.Err() != nil && bounded == ctx:
		a.End, a.Why = NotStarted, "interrupted before it was asked"
	case ctx.Err() != nil:
		a.End, a.Why = Stopped, "interrupted; its processes are gone"
	case bounded.Err() != nil:
		a.End, a.Why = Late, context.Cause(bounded).Error()
	default:
		a.End = NotStarted
	}
}

// seconds is the deadline on the host.
func (t Typed) seconds() int { return int((t.Within + time.Second - 1) / time.Second) }

// typedStep is the step whose output is the command's.
const typedStep = "exec"

// steps look at the locks and run the command, in one exec. Whoever cannot
// see the locks may run the command all the same.
func (t Typed) steps(l Listener) []remote.Step {
	var look strings.Builder
	for _, p := range l.Paths {
		fmt.Fprintf(&look, "( %s\n) || :\n", lock.Look(lock.Dir(p)))
	}
	who := "login"
	if t.As != "" {
		who = "user"
	}
	return []remote.Step{
		{ID: "look", Op: "look", Shell: look.String() + ":\n"},
		{ID: typedStep, Op: "exec", Shell: fmt.Sprintf("run %s %d %s\n", who, t.seconds(), remote.Join(t.Argv))},
	}
}
