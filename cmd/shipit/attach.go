package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/rollout"
	"shipit/exec/view"
	"shipit/lang/diag"
)

type attachCmd struct {
	steerFlags
	JSON    bool `name:"json" help:"Print the run's events as JSON lines, from the first; the first line is the version."`
	Verbose bool `short:"v" help:"Print every step."`
	Tmux    bool `help:"Open a session of tmux, or inside of one a window, with panes for the run, its log and the status of its hosts."`
	plainFlag
}

func (c *attachCmd) Help() string {
	return "Shows a run as its own terminal does, from its journal: what has happened, and then what happens, until it ends. The keys are wishes to the run, in your name. Ctrl-C or d leave the run alone and end only this command. The exit code is the run's.\n\n" + examples(
		"shipit attach", "shipit attach 20150610T140203Z-3kq7", "shipit attach --tmux", "shipit attach --state redis://redis.example.org:6379   # of another machine")
}

func (c *attachCmd) Run(w *world) error {
	ctx, places, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer places.close()
	if c.ID == "" {
		if c.ID, err = c.only(ctx, w, places); err != nil {
			return err
		}
	}
	run, store, err := places.find(ctx, c.ID)
	if err != nil {
		return err
	}
	if places.alive(run) {
		store = places.dir
	}
	r, err := w.load(ctx, run, store)
	if err != nil {
		return err
	}
	if c.Tmux {
		return c.inTmux(ctx, w, r)
	}
	a := &attachment{w: w, r: r, store: store}
	a.flags = runFlags{JSON: c.JSON, Verbose: c.Verbose, plainFlag: c.plainFlag}
	return a.watch(ctx)
}

// only is the run that is under way, or the one of several that a person
// chooses.
func (c *attachCmd) only(ctx context.Context, w *world, p *places) (string, error) {
	active, err := p.active(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case len(active) == 0:
		return "", usageError{errNoneActive, "'shipit runs' lists those that are over; 'shipit attach RUN' shows how one ended"}
	case len(active) == 1:
		return active[0].Run, nil
	case !w.interactive() || c.JSON:
		return "", severalActive(active)
	}
	for i, s := range active {
		fmt.Fprintf(w.stdout, "%3d  %s  %s of %s by %s\n", i+1, s.Run, s.Header.Kind, diag.CleanLine(s.Header.Service), diag.CleanLine(s.Header.By))
	}
	fmt.Fprintf(w.stdout, "Which of them (1 to %d)? ", len(active))
	text, err := w.readLine(ctx)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > len(active) {
		return "", exit(exitDeclined, fmt.Errorf("%q is none of them", text))
	}
	return active[n-1].Run, nil
}

// An attachment is a reader of a run that another process drives.
type attachment struct {
	w     *world
	r     *recorded
	store journal.Store
	seen  *journal.Follower
	flags runFlags

	silent time.Time          // since when nobody seems to drive the run
	broken bool               // the store could not be read the last time
	asking context.CancelFunc // of the question that is open
}

// aliveEvery is how often it is asked whether somebody drives the run, and
// goneAfter how long nobody must be seen to where the answer comes from a
// Redis, which may itself have been away.
const (
	aliveEvery = time.Second
	goneAfter  = 10 * time.Second
)

// watch shows the run until it ends, and gives its exit code.
func (a *attachment) watch(ctx context.Context) error {
	past, w := a.r.Events, a.w
	a.seen = journal.Follow(a.store, a.r.id(), a.r.Last)
	if finished(past) {
		return a.end(past)
	}
	if alive, err := a.store.Alive(ctx, a.r.id()); err != nil {
		return err
	} else if !alive {
		more, err := a.seen.More(ctx) // it may have ended since it was read
		if err != nil {
			return err
		}
		return a.end(append(past, more...))
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	out := a.flags.human(w)
	fmt.Fprintf(out, "Run %s: %s of %s by %s. Ctrl-C leaves it alone and ends only this command.\n",
		a.r.id(), a.r.plan.Body.Kind, diag.CleanLine(a.r.plan.Body.Where()), diag.CleanLine(a.r.Driver()))
	seen, err := a.flags.watch(w, a.r.plan, a.r.id(), &steering{w: w, store: a.store, run: a.r.id(), leave: leave})
	if err != nil {
		return err
	}
	over := seen.begin(w, &a.flags, past)
	if seen.lines == nil {
		a.tell(seen.views, past)
	} else {
		a.tell(seen.lines, past)
	}
	asker := a.flags.asker(w, seen)
	a.question(ctx, asker, past)
	for checked := w.now(); ; wait(ctx, followEvery) {
		gone := false
		if now := w.now(); now.Sub(checked) >= aliveEvery {
			checked, gone = now, a.gone(ctx, now) // before its last words are read
		}
		more, err := a.seen.More(ctx)
		if ctx.Err() != nil {
			over()
			return a.detached()
		}
		if stop := a.trouble(err); stop != nil {
			over()
			return stop
		}
		a.tell(seen.views, more)
		a.question(ctx, asker, more)
		past = append(past, more...)
		if finished(past) || gone && err == nil && len(more) == 0 {
			over()
			return a.end(past)
		}
	}
}

func (a *attachment) tell(to event.Sink, events []event.Event) {
	for _, e := range events {
		_ = to.Append(e)
	}
}

// gone tells whether the process of the run is known to have ended.
func (a *attachment) gone(ctx context.Context, now time.Time) bool {
	alive, err := a.store.Alive(ctx, a.r.id())
	if err != nil || alive {
		a.silent = time.Time{}
		return false
	}
	if a.silent.IsZero() {
		a.silent = now
	}
	_, here := a.store.(journal.Dir) // where the kernel knows
	return here || now.Sub(a.silent) >= goneAfter
}

// trouble says once that the run cannot be read, and gives back what cannot
// get better by itself.
func (a *attachment) trouble(err error) error {
	var damage *journal.DamageError
	if errors.As(err, &damage) {
		return err
	}
	if err != nil && !a.broken {
		fmt.Fprintf(a.w.stderr, "warning: %s; it is tried again, and the run goes on\n", diag.CleanLine(err.Error()))
	}
	if err == nil && a.broken {
		fmt.Fprintln(a.w.stderr, "The run can be read again; nothing is left out.")
	}
	a.broken = err != nil
	return nil
}

// question asks what the run asks, where a person is there, until somebody
// else has answered.
func (a *attachment) question(ctx context.Context, asker func(context.Context, exec.Prompt) (exec.Answer, error), events []event.Event) {
	var open *event.Event
	for i, e := range events {
		switch e.Type {
		case event.Asked:
			open = &events[i]
		case event.Answered, event.GatePassed, event.GateRefused, event.Aborted, event.RunFinished, event.RunResumed:
			open = nil
			if a.asking != nil {
				a.asking()
				a.asking = nil
			}
		}
	}
	if open == nil || !a.w.interactive() || a.flags.JSON {
		return
	}
	if a.asking != nil {
		a.asking()
	}
	ctx, a.asking = context.WithDeadline(ctx, open.Until)
	q := exec.Prompt{Text: open.Text, Batch: open.Batch, Choices: open.Choices, Safe: open.Safe, Until: open.Until}
	go func() {
		answer, err := asker(ctx, q)
		if err != nil {
			return
		}
		i := journal.Intent{Do: string(exec.Reply), By: a.w.by(), Time: a.w.now().UTC(), Choice: answer.Choice, Batch: q.Batch}
		if _, err := a.store.Intend(ctx, a.r.id(), i); err != nil {
			fmt.Fprintf(a.w.stderr, "shipit: %v\n", err)
		}
	}()
}

// detached says that only this command has ended.
func (a *attachment) detached() error {
	fmt.Fprint(a.flags.human(a.w), leftAlone(a.r.id()))
	return exit(a.w.interruptCode(), nil)
}

// end reports on a run that has ended, or whose process has.
func (a *attachment) end(events []event.Event) error {
	a.r.Events, a.r.roll = events, rollout.New(a.r.plan)
	for _, e := range events {
		a.r.roll.Apply(e)
	}
	if !finished(events) {
		return a.died()
	}
	last := events[len(events)-1]
	if a.flags.JSON && !a.w.json.started { // it was over before anybody looked
		s, err := a.w.eventStream()
		if err != nil {
			return err
		}
		a.tell(s, events)
	}
	hosts := a.r.roll.Hosts()
	view.Report(a.flags.human(a.w), a.r.plan, hosts, last.Outcome, a.w.style())
	root, _ := a.r.root() // of a run of another machine there may be none here
	return a.flags.ended(a.w, &planned{plan: a.r.plan, root: root, run: a.r.id()}, exec.Result{
		Outcome: last.Outcome, Started: true, Hosts: hosts, Resumable: a.r.roll.Resumable(),
	})
}

// died says that the process of the run ended before the run did.
func (a *attachment) died() error {
	id := a.r.id()
	if len(a.r.Events) == 0 {
		return fmt.Errorf("nothing is recorded of run %s: its process ended before anything was changed", id)
	}
	account := view.NewAccount(a.r.Header, a.r.plan, a.r.Events, false)
	account.Typed = a.r.typed()
	account.Run(a.flags.human(a.w), a.w.now(), a.w.style())
	code := exitFailed
	if touched(a.r.roll.Hosts()) {
		code = exitMixed
	}
	return exit(code, usageError{
		fmt.Errorf("the process of run %s, by %s, ended before the run did", id, diag.CleanLine(a.r.Driver())),
		fmt.Sprintf("go on with: shipit resume %[1]s; or take back what it did with: shipit rollback %[1]s", id),
	})
}
