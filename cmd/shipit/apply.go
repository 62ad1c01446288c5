package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/view"
)

type applyCmd struct {
	planFlags
	runFlags
	Release string `short:"r" placeholder:"TAG" help:"The release; the newest by the scheme, but no prerelease, if left out."`
}

func (c *applyCmd) Help() string {
	return "FILE is a definition, which is planned, shown and applied once confirmed, or a plan saved by 'shipit plan --out', which is applied exactly or refused as stale.\n\n" + examples(
		"shipit apply restbase.hcl -e beta",
		"shipit apply restbase.hcl -e beta --release release/2015-06-10/2 --yes",
		"shipit apply today.shipit-plan.json")
}

func (c *applyCmd) Run(w *world) error {
	if done, err := c.inFront(w); done {
		return err
	}
	if err := c.openInto(w); err != nil {
		return err
	}
	ctx, stop := w.interruptible()
	defer stop()
	for _, file := range c.Files {
		data, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			continue
		}
		if len(c.Files) > 1 {
			return exit(exitUsage, fmt.Errorf("%s is a saved plan, which is applied alone", file))
		}
		return c.saved(ctx, w, file, data, stop)
	}
	p, err := c.planFlags.deploy(ctx, w, c.Release, true)
	if err != nil {
		return err
	}
	defer p.pool.close()
	return c.runFlags.confirmed(ctx, w, p, stop)
}

// saved applies a saved plan: what was reviewed, without another question.
func (c *applyCmd) saved(ctx context.Context, w *world, file string, data []byte, stop func()) error {
	set, err := plan.DecodeSet(data)
	switch {
	case errors.Is(err, plan.ErrTampered):
		return fmt.Errorf("cannot apply %s: %w; plan again", file, err)
	case err != nil:
		return fmt.Errorf("cannot apply %s: %w", file, err)
	}
	if c.Release != "" || len(c.Limit) > 0 || len(c.Without) > 0 || c.BatchSize != "" || c.Parallel != "" || c.PauseAfter != "" || c.IgnorePreflight || c.Env != "" || len(c.Service) > 0 {
		return exit(exitUsage, errors.New("a saved plan is applied exactly as it is; --release, --env, --service, --limit, --without, --batch-size, --parallel, --pause-after and --ignore-preflight belong to 'shipit plan'"))
	}
	all := &allPlanned{values: c.valueFlags}
	for _, p := range set.Plans {
		root, err := rootOfPlan(file, p)
		if err != nil {
			return err
		}
		pd, err := c.restore(ctx, w, root, p, true)
		if err != nil {
			return staleSaid(err, "the plan is stale: %w; nothing was changed. Make a new tag with shipit tag, and plan again")
		}
		all.plans = append(all.plans, pd)
	}
	all.pool = c.dial(w)
	defer all.pool.close()
	for _, pd := range all.plans {
		pd.fleet = all.pool.fleet(exec.QuestionsOf(pd.plan, pd.root))
	}
	view.Plans(c.human(w), set, w.style())
	if !w.windows(c.human(w), set, c.Outside) {
		return errClosed()
	}
	for _, pd := range all.plans {
		pd.outside = c.Outside
	}
	return c.runFlags.runAll(ctx, w, all, stop)
}

// restore finds what belongs to a plan and is not in it: the repository and
// the sensitive values. root is the
// directory of its definition; bring tells that releases are to be brought.
func (f *definitionFlags) restore(ctx context.Context, w *world, root string, p *plan.Plan, bring bool) (*planned, error) {
	pd := &planned{plan: p, root: root}
	s, in, err := f.reread(w, pd, p)
	if err != nil {
		return nil, err
	}
	if p.Sensitive() {
		s.service = p.Body.Service
		s.inventory = lister(s.base(), func() bool { return w.signal.Load() != nil })
		if pd.def, err = in.evaluate(w, s, langRelease(p)); err != nil {
			return nil, fmt.Errorf("cannot read the sensitive values of the plan again: %w", err)
		}
	}
	if p.Body.Kind == plan.Deploy && bring {
		if pd.repo, err = openRepo(ctx, w, pd.root, p.Body.Repo); err != nil {
			return nil, err
		}
		if err := pd.repo.StillNames(ctx, p.Body.Release.Tag, p.Body.Release.Commit); err != nil {
			if _, moved := errors.AsType[*release.MovedTagError](err); moved {
				return nil, exit(exitStale, err)
			}
			return nil, err
		}
		if pd.files, err = filesOfPlan(ctx, pd.root, p); err != nil {
			return nil, err
		}
	}
	return pd, nil
}

// staleSaid says what to do about a plan that is stale; other errors are as
// they are.
func staleSaid(err error, format string) error {
	var e *exitError
	if errors.As(err, &e) && e.code == exitStale {
		return exit(exitStale, fmt.Errorf(format, e.err))
	}
	return err
}

// reread reads the definition of a plan again, without evaluating it, and
// hides its sensitive values: hosts may print them, whatever the plan is about.
func (f *definitionFlags) reread(w *world, pd *planned, p *plan.Plan) (*source, *definitionFlags, error) {
	s, _, err := parse(filepath.Join(pd.root, filepath.Base(p.Body.Definition)), "")
	if err != nil {
		return nil, nil, err
	}
	pd.one, pd.state = len(s.cfg.Services()) > 1, s.cfg.State()
	in := &definitionFlags{valueFlags: valueFlags{Env: p.Body.Env, Var: f.Var, VarFile: f.VarFile}}
	vars, err := in.assignments(w)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the sensitive values of the plan again: %w", err)
	}
	r := &reading{sources: []*source{s}}
	r.hide(w, vars)
	s.vars = r.assigned(s, vars)
	return s, in, nil
}

// rootOfPlan finds the directory of the definition that a plan was made from:
// its relative paths (known_hosts, the repository) start there. The plan
// stores the definition's path below its repository's root; it is looked for
// from the working directory and from the plan file upwards.
func rootOfPlan(file string, p *plan.Plan) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the definition of the plan: %w", err)
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("cannot find the definition of the plan: %w", err)
	}
	for _, start := range []string{wd, filepath.Dir(abs)} {
		for dir := start; ; dir = filepath.Dir(dir) {
			def := filepath.Join(dir, filepath.FromSlash(p.Body.Definition))
			if _, err := os.Stat(def); err == nil {
				return filepath.Dir(def), nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fmt.Errorf("cannot find %s, the definition of the plan, from here: run shipit in the repository that holds it", p.Body.Definition)
}
