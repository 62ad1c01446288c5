package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/fault"
	"shipit/exec/journal"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/view"
	"shipit/lang"
	"shipit/lang/diag"
)

// runFlags say how a plan is run.
type runFlags struct {
	Yes     bool           `short:"y" help:"Do not ask."`
	Confirm []string       `placeholder:"BATCH" help:"Say yes beforehand to going on after this batch."`
	Reason  string         `short:"m" aliases:"message" placeholder:"TEXT" help:"Why; shown to whoever finds the lock held."`
	Wait    *time.Duration `placeholder:"DURATION" help:"How long to wait in line for a lock that others hold, like 10m; over the definition's lock block."`
	JSON    bool           `name:"json" help:"Print the run's events as JSON lines; the first line is the version."`
	Verbose bool           `short:"v" help:"Print every step."`
	Detach  bool           `help:"Return once the run has begun, which goes on by itself; 'shipit attach' shows it."`

	JSONInto string `name:"json-into" placeholder:"FILE" help:"Write the same into a file, while people read on; it holds whole lines at any time."`
	Web      bool   `help:"Show the run in a browser, too, at an address of this machine that is printed; see 'shipit serve'."`
	plainFlag
}

// human is where people read: standard error while JSON goes to standard
// output.
func (f *runFlags) human(w *world) io.Writer {
	if f.JSON {
		return w.stderr
	}
	return w.stdout
}

// confirmed shows fresh plans, asks, and runs them over the same connections.
func (f *runFlags) confirmed(ctx context.Context, w *world, all *allPlanned, stop func()) error {
	for _, p := range all.plans {
		p.plan.Meta = plan.Meta{Created: w.now().UTC(), By: w.by()}
	}
	set := all.set()
	view.Plans(f.human(w), set, w.style())
	open := w.windows(f.human(w), set, "")
	if problems := set.Problems(); len(problems) > 0 {
		return &exitError{code: exitFailed, err: errors.New("the plan cannot be applied"), told: true, details: problems}
	}
	if !open {
		return errClosed()
	}
	if set.Changes() {
		if err := f.ask(ctx, w, set); err != nil {
			return err
		}
	}
	return f.runAll(ctx, w, all, stop)
}

// ask asks whether to go on. A protected environment wants its name typed.
func (f *runFlags) ask(ctx context.Context, w *world, set *plan.Set) error {
	env, these := set.Plans[0].Body.Env, "this plan"
	protected := slices.ContainsFunc(set.Plans, func(p *plan.Plan) bool { return p.Body.Protected })
	if len(set.Plans) > 1 {
		these = "these plans"
	}
	if f.Yes && !protected {
		return nil
	}
	if f.Yes {
		return exit(exitFailed, fmt.Errorf("environment %s is protected: apply a plan that was saved and reviewed ('shipit plan --out FILE', then 'shipit apply FILE'), or confirm on a terminal without --yes", env))
	}
	if !w.interactive() || f.JSON {
		return exit(exitFailed, errors.New("there is no terminal to ask on: use --yes, or apply a saved plan"))
	}
	want, question := "yes", "Only yes is accepted"
	if protected {
		want, question = env, fmt.Sprintf("Environment %s is protected; type its name", env)
	}
	fmt.Fprintf(w.stdout, "\nApply %s? %s: ", these, question)
	answer, err := w.readLine(ctx)
	switch {
	case errors.Is(err, errNoAnswer):
		fmt.Fprintln(w.stdout)
		return exit(exitDeclined, errors.New("there was no answer; nothing was changed"))
	case err != nil:
		fmt.Fprintln(w.stdout)
		return err
	case answer != want:
		return exit(exitDeclined, fmt.Errorf("declined: the answer was not %s; nothing was changed", want))
	}
	return nil
}

// run applies the plan and reports.
func (f *runFlags) run(ctx context.Context, w *world, p *planned, stop func()) error {
	if !p.plan.Changes() && len(p.plan.Problems()) == 0 {
		p.result = string(event.Nothing)
		return f.nothing(w, p.plan)
	}
	id, err := p.run, error(nil) // chosen by the command that this process was detached from
	if id == "" {
		id, err = journal.NewRunID(w.now(), rand.Reader)
	}
	if err != nil {
		return err
	}
	return f.drive(w, p, id, stop, func(dir string) (*journal.Journal, *journal.Record, error) { return f.journal(w, dir, p, id) }, exec.Apply)
}

// drive does a run, or goes on with one, and reports.
func (f *runFlags) drive(w *world, p *planned, id string, stop func(), open func(dir string) (*journal.Journal, *journal.Record, error),
	do func(context.Context, exec.Options) (exec.Result, error),
) error {
	runCtx, abort, done := w.abortable(f.human(w), id)
	defer done()
	stop() // from here on an interrupt is the run's
	if w.signal.Load() != nil {
		return context.Canceled // it came a moment earlier
	}
	places, err := w.places(p.state)
	if err != nil {
		return fmt.Errorf("%w; nothing was started", err)
	}
	defer places.close()
	j, rec, err := open(string(places.dir))
	if err != nil {
		return err
	}
	past := rec.Events
	defer j.Close()
	places.dir = journal.Dir(filepath.Dir(j.Path())) // of a run that goes on, where it was begun
	defer places.mirror(j)()
	control, unsteered := places.steered(id, rec.Last == 0)
	defer unsteered()
	keys, parting := &steering{w: w, store: places.dir, run: id}, w.parting(f)
	if w.front != nil && parting != nil {
		keys.leave = parting.want
	}
	seen, err := f.watch(w, p.plan, id, keys)
	if err != nil {
		return err
	}
	streams, err := f.events(w)
	if err != nil {
		return err
	}
	traced := w.tracing(rec)
	views, told, err := w.telling(p, id, traced.context, past, places.dir, append(streams, traced.views, seen.views))
	if err != nil {
		return err
	}
	defer w.later(told)
	defer w.later(traced.send)
	p.run = id
	fmt.Fprintf(f.human(w), "\nRun %s\n", id)
	if f.Web {
		closed, err := f.page(w, p.state, places.dir, id)
		if err != nil {
			return fmt.Errorf("%w; nothing was started", err)
		}
		defer closed()
	}
	for _, problem := range p.learn(runCtx) {
		fmt.Fprintf(f.human(w), "note: %s\n", problem)
	}
	defer seen.begin(w, f, past)()
	defer parting.await(seen, places.dir, id)()
	result, err := do(runCtx, exec.Options{
		Plan: p.plan, Fleet: p.fleet, Root: p.root, Source: p.source(),
		Journal: j, Views: views,
		Run: id, By: w.by(), Reason: f.Reason, Now: w.now, Wait: f.Wait, Trace: traced.context,
		Secrets: contents(p.def, p.plan),
		Redact:  w.secrets.replace,
		Ask:     f.asker(w, seen),
		Away:    w.away.since,
		Abort:   abort,
		Control: control, Outside: p.outside,
	})
	seen.leave()
	if err != nil {
		return f.refused(w, p, err)
	}
	p.result = string(result.Outcome)
	view.Report(f.human(w), p.plan, result.Hosts, result.Outcome, w.style())
	if !result.Started { // the report said it
		return &exitError{code: exitDeclined, err: errors.New("aborted; nothing was changed"), told: true}
	}
	fmt.Fprintf(f.human(w), "Journal: %s\n", j.Path())
	return f.ended(w, p, result)
}

// nothing ends a run that has nothing to do. People have read it in the plan.
func (f *runFlags) nothing(w *world, p *plan.Plan) error {
	streams, err := f.events(w)
	if err != nil {
		return err
	}
	return streams.Append(event.Event{
		Seq: 1, Time: w.now().UTC(), Type: event.RunFinished, Outcome: event.Nothing, Plan: p.Digest,
		Text: view.Verdict(p, nil, event.Nothing),
	})
}

// ended tells what can be typed next and gives the exit code.
func (f *runFlags) ended(w *world, p *planned, r exec.Result) error {
	out := f.human(w)
	touched := touched(r.Hosts)
	code := w.exitOf(r.Outcome, touched)
	if code == exitOK {
		return nil
	}
	if slices.ContainsFunc(r.Hosts, func(h rollout.Host) bool { return h.Reason != "" }) {
		fmt.Fprintf(out, "What happened:  shipit explain %s\n", p.run)
	}
	if code == exitMixed || touched && r.Outcome == event.Abort {
		fmt.Fprintf(out, "See what runs:  shipit status %s\n", p.typed())
	}
	if r.Resumable {
		fmt.Fprintf(out, "Continue:       shipit resume %s\n", p.run)
	}
	away := func(h rollout.Host) bool { // from what it ran before, and it could go back
		return (h.Touched || h.Status == rollout.Unknown) && h.Status != rollout.Undone && len(p.plan.Host(h.Name).Undo) > 0
	}
	if slices.ContainsFunc(r.Hosts, away) {
		fmt.Fprintf(out, "Go back:        shipit rollback %s\n", p.run)
	}
	byHand(out, p, r.Hosts)
	return exit(code, nil)
}

// byHand tells what to type on the hosts that the run could not take back.
func byHand(out io.Writer, p *planned, hosts []rollout.Host) {
	for _, h := range hosts {
		if lines := exec.ByHand(p.plan, h, p.run); len(lines) > 0 {
			fmt.Fprintf(out, "By hand, on %s, what goes back:\n", h.Name)
			for _, line := range lines {
				fmt.Fprintf(out, "  %s\n", diag.Clean(line))
			}
		}
	}
}

// typed is the definition and the environment as they are typed.
func (p *planned) typed() string {
	text := pretty(filepath.Join(p.root, path.Base(p.plan.Body.Definition))) + envFlag(p.plan)
	if p.one {
		text += " --service " + p.plan.Body.Service
	}
	return text
}

func envFlag(p *plan.Plan) string {
	if p.Body.Env == lang.DefaultEnv {
		return ""
	}
	return " -e " + p.Body.Env
}

// journal opens the run's record, with the plan beside it.
func (f *runFlags) journal(w *world, dir string, pd *planned, id string) (*journal.Journal, *journal.Record, error) {
	p := pd.plan
	data, err := plan.Encode(p)
	if err != nil {
		return nil, nil, err
	}
	rec := &journal.Record{Header: journal.Header{
		Run: id, Service: p.Body.Service, Env: p.Body.Env, Release: p.Body.Release.Tag, Kind: string(p.Body.Kind),
		Plan: p.Digest, By: w.by(), Shipit: version, Time: w.now().UTC(), PID: os.Getpid(),
		Root: pd.root, Trace: w.startedBy(),
	}}
	j, err := journal.Create(dir, id, rec.Header)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot record the run, so nothing was started: %w", err)
	}
	fault.At(fault.JournalMade)
	if err := journal.SavePlan(dir, id, data); err != nil {
		_ = j.Close()
		return nil, nil, fmt.Errorf("cannot record the run, so nothing was started: %w", err)
	}
	fault.At(fault.PlanSaved)
	return j, rec, nil
}

// wait is what to type to get a lock that others hold, where waiting is of
// use: for a run, longer than this command did; for a hold, to its end.
func (f *runFlags) wait(e *exec.LockedError, said time.Duration) string {
	if f.Wait != nil {
		said = *f.Wait
	}
	enough := max(10*time.Minute, 2*said)
	for _, h := range e.Hosts {
		var held *lock.HeldError
		if errors.As(h.Err, &held) && held.Holder.Hold {
			enough = max(enough, held.Holder.Left+time.Minute)
		}
	}
	again := fmt.Sprintf("--wait %dm", int(enough.Minutes()))
	if said > 0 {
		return "wait longer for it with " + again
	}
	return "wait in line for it with " + again
}

// refused turns an error from before the first change into its exit code.
func (f *runFlags) refused(w *world, p *planned, err error) error {
	var locked *exec.LockedError
	var stale *exec.StaleError
	var refused *exec.RefusedError
	var red *exec.PreflightError
	switch {
	case errors.As(err, &locked):
		return exit(exitLocked, usageError{
			fmt.Errorf("%w; nothing was changed", err),
			f.wait(locked, p.plan.Body.Lock.Wait.Std()) + ", or see who holds what with: shipit lock list " + p.typed(),
		})
	case errors.As(err, &red):
		details := red.Reasons()
		for _, d := range details {
			fmt.Fprintf(w.stderr, "! %s\n", diag.CleanLine(d))
		}
		return &exitError{code: exitFailed, details: details, err: usageError{
			fmt.Errorf("%s, so nothing was changed", red.Count()), red.Help(),
		}}
	case errors.As(err, &refused): // the plan that was printed says why
		return &exitError{code: exitFailed, err: errors.New("the plan cannot be applied"), told: true, details: refused.Problems}
	case errors.As(err, &stale):
		var details []string
		for _, h := range stale.Hosts {
			for _, d := range h.Diffs {
				details = append(details, h.Name+": "+diag.CleanLine(d))
				fmt.Fprintf(w.stderr, "! %s\n", details[len(details)-1])
			}
		}
		return &exitError{
			code: exitStale, details: details,
			err: fmt.Errorf("the plan is stale, so nothing was changed; make a new one with: shipit plan %s", p.typed()),
		}
	}
	return err
}

// langRelease is the plan's release for expressions.
func langRelease(p *plan.Plan) *lang.Release {
	r := p.Body.Release
	return &lang.Release{Tag: r.Tag, Commit: r.Commit, Date: r.Date, N: r.N}
}
