package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/lang"
)

// runFlags say how a plan is run.
type runFlags struct {
	Yes     bool   `short:"y" help:"Do not ask."`
	Message string `short:"m" placeholder:"TEXT" help:"Why; shown to whoever finds the lock held."`
	JSON    bool   `name:"json" help:"Print the run's events as JSON lines; the first line is the version."`
	Verbose bool   `short:"v" help:"Print every step."`
}

// human is where people read: standard error while JSON goes to standard
// output.
func (f *runFlags) human(w *world) io.Writer {
	if f.JSON {
		return w.stderr
	}
	return w.stdout
}

// confirmed shows a fresh plan, asks, and runs it over the same connections.
func (f *runFlags) confirmed(ctx context.Context, w *world, p *planned, stop func()) error {
	p.plan.Meta = plan.Meta{Created: w.now().UTC(), By: w.by()}
	view.Plan(f.human(w), p.plan, w.style())
	if len(p.plan.Problems()) > 0 {
		return exit(exitFailed, nil)
	}
	if p.plan.Changes() {
		if err := f.ask(ctx, w, p.plan); err != nil {
			return err
		}
	}
	return f.run(ctx, w, p, stop)
}

// ask asks whether to go on. A protected environment wants its name typed.
func (f *runFlags) ask(ctx context.Context, w *world, p *plan.Plan) error {
	env := p.Body.Env
	if f.Yes && !p.Body.Protected {
		return nil
	}
	if f.Yes {
		return exit(exitFailed, fmt.Errorf("environment %s is protected: apply a plan that was saved and reviewed ('shipit plan --out FILE', then 'shipit apply FILE'), or confirm on a terminal without --yes", env))
	}
	if !w.interactive() || f.JSON {
		return exit(exitFailed, errors.New("there is no terminal to ask on: use --yes, or apply a saved plan"))
	}
	want, question := "yes", "Only yes is accepted."
	if p.Body.Protected {
		want, question = env, fmt.Sprintf("Environment %s is protected: type its name.", env)
	}
	fmt.Fprintf(w.stdout, "\nApply this plan? %s: ", question)
	answer, err := w.readLine(ctx)
	if err != nil {
		return err
	}
	if answer != want {
		return exit(exitDeclined, errors.New("declined; nothing was changed"))
	}
	return nil
}

// run applies the plan and reports.
func (f *runFlags) run(ctx context.Context, w *world, p *planned, stop func()) error {
	if !p.plan.Changes() && len(p.plan.Problems()) == 0 {
		if f.JSON {
			_, err := view.NewStream(w.stdout, version)
			return err
		}
		return nil // the plan said so
	}
	id, err := journal.NewRunID(w.now(), rand.Reader)
	if err != nil {
		return err
	}
	j, err := f.journal(w, p.plan, id)
	if err != nil {
		return err
	}
	defer j.Close()
	views, lines, err := f.views(w)
	if err != nil {
		return err
	}
	fmt.Fprintf(f.human(w), "\nRun %s\n", id)
	stop() // from here on an interrupt is the run's
	runCtx, abort, done := w.abortable(ctx, f.human(w))
	defer done()
	if lines != nil {
		defer w.heartbeat(lines)()
	}
	result, err := exec.Apply(runCtx, exec.Options{
		Plan: p.plan, Fleet: p.fleet, Root: p.root, Source: p.repo,
		Journal: j, Views: views,
		Run: id, By: w.by(), Reason: f.Message, Now: w.now,
		Secrets: contents(p.def, p.plan),
		Ask:     f.asker(w),
		Abort:   abort,
	})
	if err != nil {
		return f.refused(w, p.plan, err)
	}
	view.Report(f.human(w), p.plan, result.Hosts, result.Outcome, w.style())
	fmt.Fprintf(f.human(w), "Journal: %s\n", j.Path())
	return f.ended(w, p, result)
}

// ended tells what can be typed next and gives the exit code.
func (f *runFlags) ended(w *world, p *planned, r exec.Result) error {
	out := f.human(w)
	touched := false
	for _, h := range r.Hosts {
		touched = touched || h.Touched
	}
	code := exitOf(r.Outcome, touched)
	switch code {
	case exitMixed, exitInterrupted:
		fmt.Fprintf(out, "See what runs:  shipit status %s%s\nGo back:        shipit rollback %s%s\n",
			p.plan.Body.Definition, envFlag(p.plan), p.plan.Body.Definition, envFlag(p.plan))
	case exitOK:
		return nil
	}
	return exit(code, nil)
}

func envFlag(p *plan.Plan) string {
	if p.Body.Env == "default" {
		return ""
	}
	return " -e " + p.Body.Env
}

// journal opens the run's record, with the plan beside it.
func (f *runFlags) journal(w *world, p *plan.Plan, id string) (*journal.Journal, error) {
	data, err := plan.Encode(p)
	if err != nil {
		return nil, err
	}
	j, err := journal.Create(w.stateDir(), id, journal.Header{
		Run: id, Service: p.Body.Service, Env: p.Body.Env, Release: p.Body.Release.Tag, Kind: string(p.Body.Kind),
		Plan: p.Digest, By: w.by(), Shipit: version, Time: w.now().UTC(), PID: os.Getpid(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot record the run, so nothing was started: %w", err)
	}
	if err := journal.SavePlan(w.stateDir(), id, data); err != nil {
		_ = j.Close()
		return nil, fmt.Errorf("cannot record the run, so nothing was started: %w", err)
	}
	return j, nil
}

// views are the readers of this process. lines is nil with --json.
func (f *runFlags) views(w *world) (event.Sink, *view.Lines, error) {
	if f.JSON {
		s, err := view.NewStream(w.stdout, version)
		return s, nil, err
	}
	lines := view.NewLines(w.stdout, w.style())
	lines.Verbose = f.Verbose
	return lines, lines, nil
}

// refused turns an error from before the first change into its exit code.
func (f *runFlags) refused(w *world, p *plan.Plan, err error) error {
	var locked *exec.LockedError
	var stale *exec.StaleError
	switch {
	case errors.As(err, &locked):
		return exit(exitLocked, err)
	case errors.As(err, &stale):
		for _, h := range stale.Hosts {
			for _, d := range h.Diffs {
				fmt.Fprintf(w.stderr, "! %s: %s\n", h.Name, d)
			}
		}
		return exit(exitStale, fmt.Errorf("the plan is stale, so nothing was changed; make a new one with: shipit plan %s%s", p.Body.Definition, envFlag(p)))
	}
	return err
}

// langRelease is the plan's release for expressions.
func langRelease(p *plan.Plan) *lang.Release {
	r := p.Body.Release
	return &lang.Release{Tag: r.Tag, Commit: r.Commit, Date: r.Date, N: r.N}
}

// heartbeat rings the lines' heartbeat until the returned func is called.
func (w *world) heartbeat(l *view.Lines) func() {
	stop := make(chan struct{})
	go func() {
		t := time.NewTicker(2 * time.Second)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				l.Heartbeat(w.now())
			}
		}
	}()
	return func() { close(stop) }
}
