package main

import (
	"fmt"

	"shipit/exec/plan"
	"shipit/exec/view"
)

type planCmd struct {
	planFlags
	Release  string `short:"r" placeholder:"TAG" help:"The release; the newest by the scheme, but no prerelease, if left out."`
	Rollback bool   `help:"Plan the way back instead."`
	To       string `placeholder:"TAG" help:"With --rollback: to this release instead of the last good one."`
	Out      string `short:"o" placeholder:"FILE" help:"Save the plan, for 'shipit apply FILE'."`
	Detailed bool   `name:"detailed-exitcode" help:"Exit with 2 if there are changes."`
	JSON     bool   `name:"json" help:"Print the plan as JSON; with --show-scripts, the scripts."`
	Scripts  bool   `name:"show-scripts" help:"Print the scripts that the hosts would run, instead of the plan."`
}

func (c *planCmd) Help() string {
	return "Changes nothing anywhere.\n\n" + examples(
		"shipit plan restbase.hcl -e production",
		"shipit plan restbase.hcl -e production --release release/2015-06-10/2 --out today.shipit-plan.json",
		"shipit plan restbase.hcl -e production --rollback",
		"shipit plan restbase.hcl -e production --show-scripts | less",
		"shipit plan services/ -e production            # all services below a directory, in the order of their after")
}

func (c *planCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	var p *allPlanned
	var err error
	if c.Rollback {
		p, err = c.planFlags.rollback(ctx, w, c.To)
	} else if c.To != "" {
		return exit(exitUsage, fmt.Errorf("--to goes with --rollback; which release to deploy is --release"))
	} else {
		p, err = c.planFlags.deploy(ctx, w, c.Release, false)
	}
	if err != nil {
		return err
	}
	defer p.pool.close()
	for _, p := range p.plans {
		p.plan.Meta = plan.Meta{Created: w.now().UTC(), By: w.by()}
	}
	if c.Scripts {
		if err := c.showScripts(ctx, w, p); err != nil {
			return err
		}
	}
	return c.show(w, p.set())
}

func (c *planCmd) show(w *world, set *plan.Set) error {
	data, err := plan.EncodeSet(set)
	if err != nil {
		return err
	}
	if c.Out != "" { // first: whoever pipes the plan into a pager may leave early
		if err := writeFile(c.Out, data, 0o600); err != nil {
			return err
		}
	}
	switch {
	case c.Scripts: // they are there instead
	case c.JSON:
		if _, err := w.stdout.Write(data); err != nil {
			return err
		}
	default:
		view.Plans(w.stdout, set, w.style())
		w.windows(w.stdout, set, "")
	}
	if c.Out != "" {
		out := w.stdout
		if c.JSON || c.Scripts {
			out = w.stderr
		}
		saved(out, set, c.Out)
	}
	switch {
	case len(set.Problems()) > 0:
		return exit(exitFailed, nil)
	case c.Detailed && set.Changes():
		return exit(exitChanges, nil)
	}
	return nil
}
