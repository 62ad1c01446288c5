package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/rollout"
	"shipit/exec/view"
)

type resumeCmd struct {
	sshFlags
	runFlags
	ID      string   `arg:"" name:"run" help:"The run, or the beginning of its id; 'shipit runs' lists them."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Set a variable again: the plan does not hold sensitive values."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"Set variables again from a file of NAME = VALUE lines."`
	Outside string   `name:"outside-window" placeholder:"REASON" help:"Go on whatever the deploy windows say; the reason is recorded."`
}

func (c *resumeCmd) Help() string {
	return "Continues where the run was interrupted: its process died, or somebody stopped it and left. The hosts are locked and looked at first; what was in flight is found done, or done again. A run whose process is alive is left alone.\n\n" + examples(
		"shipit resume 20150610T140203Z-3kq7",
		"shipit runs            # which runs there are",
		"shipit rollback RUN    # take back what it did instead")
}

func (c *resumeCmd) Run(w *world) error {
	if done, err := c.inFront(w); done {
		return err
	}
	if err := c.openInto(w); err != nil {
		return err
	}
	ctx, places, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer places.close()
	r, alive, err := places.driven(ctx, c.ID)
	if err != nil {
		return err
	}
	if !r.roll.Resumable() {
		return c.over(w, r)
	}
	if alive {
		return r.alive()
	}
	if r, err = places.bring(ctx, r); err != nil {
		return err
	}
	if c.Detach {
		again := *c
		again.ID, again.Detach, again.JSON = r.id(), false, false
		return w.depart(orders{Run: r.id(), After: r.Last, Resume: &again}, journal.Dir(filepath.Dir(r.path)), places.stop)
	}
	root, err := r.root()
	if err != nil {
		return err
	}
	f := definitionFlags{valueFlags: valueFlags{Var: c.Var, VarFile: c.VarFile}}
	p, err := f.restore(ctx, w, root, r.plan, !r.staged())
	if err != nil {
		return staleSaid(err, "the run cannot go on: %w, and not every host has the release yet; nothing was changed. Take back what it did with: shipit rollback "+r.id())
	}
	p.outside = c.Outside
	pool := c.dial(w)
	defer pool.close()
	p.fleet = pool.fleet(exec.QuestionsOf(p.plan, p.root))
	err = c.drive(w, p, r.id(), places.stop,
		func(string) (*journal.Journal, *journal.Record, error) {
			j, err := r.open()
			return j, r.Record, err
		},
		func(ctx context.Context, o exec.Options) (exec.Result, error) {
			o.Last = r.Last
			return exec.Resume(ctx, o, r.Events)
		})
	var known *exitError
	if errors.As(err, &known) && known.code == exitStale {
		known.err = fmt.Errorf("the run cannot go on, because hosts changed since; nothing was changed. Plan again with: shipit plan %s", p.typed())
	}
	return err
}

// over says how a run ended that nothing is left to do of.
func (c *resumeCmd) over(w *world, r *recorded) error {
	hosts, outcome := r.roll.Hosts(), r.outcome()
	streams, err := c.events(w)
	if err != nil {
		return err
	}
	if err := streams.Append(r.Events[len(r.Events)-1]); err != nil {
		return err
	}
	if !c.JSON {
		view.Report(w.stdout, r.plan, hosts, outcome, w.style())
	}
	fmt.Fprintf(c.human(w), "Run %s is over; nothing is left to do.\n", r.id())
	code := w.exitOf(outcome, touched(hosts))
	if outcome == event.Abort {
		code = exitDeclined
	}
	if code == exitOK {
		return nil
	}
	return exit(code, nil)
}

func touched(hosts []rollout.Host) bool {
	for _, h := range hosts {
		if h.Touched {
			return true
		}
	}
	return false
}
