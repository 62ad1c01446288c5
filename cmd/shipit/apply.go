package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shipit/exec/plan"
	"shipit/exec/view"
)

type applyCmd struct {
	planFlags
	runFlags
	Release string `short:"r" placeholder:"TAG" help:"The release; the newest by the scheme if left out."`
}

func (c *applyCmd) Help() string {
	return "FILE is a definition, which is planned, shown and applied once confirmed, or a plan saved by 'shipit plan --out', which is applied exactly or refused as stale.\n\n" + examples(
		"shipit apply restbase.hcl -e beta",
		"shipit apply restbase.hcl -e beta --release release/2015-06-10/2 --yes",
		"shipit apply today.shipit-plan.json")
}

func (c *applyCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	data, err := os.ReadFile(c.File)
	if err == nil && bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return c.saved(ctx, w, data, stop)
	}
	p, err := c.planFlags.deploy(ctx, w, c.Release)
	if err != nil {
		return err
	}
	defer p.close()
	return c.runFlags.confirmed(ctx, w, p, stop)
}

// saved applies a saved plan: what was reviewed, without another question.
func (c *applyCmd) saved(ctx context.Context, w *world, data []byte, stop func()) error {
	p, err := plan.Decode(data)
	switch {
	case errors.Is(err, plan.ErrTampered):
		return fmt.Errorf("cannot apply %s: %w; plan again", c.File, err)
	case err != nil:
		return fmt.Errorf("cannot apply %s: %w", c.File, err)
	}
	if c.Release != "" || len(c.Limit) > 0 || len(c.Without) > 0 || c.BatchSize != "" || c.Env != "" {
		return exit(exitUsage, errors.New("a saved plan is applied exactly as it is; --release, --env, --limit, --without and --batch-size belong to 'shipit plan'"))
	}
	pd := &planned{plan: p}
	if pd.root, err = rootOfPlan(c.File, p); err != nil {
		return err
	}
	if p.Sensitive() {
		f := definitionFlags{File: filepath.Join(pd.root, filepath.Base(p.Body.Definition)), Env: p.Body.Env, Var: c.Var, VarFile: c.VarFile}
		s, err := f.load(w)
		if err != nil {
			return fmt.Errorf("cannot read the sensitive values of the plan again: %w", err)
		}
		if pd.def, err = f.evaluate(w, s, langRelease(p)); err != nil {
			return err
		}
	}
	if p.Body.Kind == plan.Deploy {
		if pd.repo, err = openRepo(ctx, w, pd.root, p.Body.Repo); err != nil {
			return err
		}
	}
	pd.fleet, pd.close = c.dial(w)
	defer pd.close()
	view.Plan(c.human(w), p, w.style())
	return c.runFlags.run(ctx, w, pd, stop)
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
