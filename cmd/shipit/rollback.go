package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"shipit/exec"
	"shipit/exec/plan"
)

type rollbackCmd struct {
	planFlags
	runFlags
	To    string `placeholder:"TAG" help:"To this release instead of each host's last good one."`
	OfRun string `name:"run" placeholder:"RUN" help:"Take back what this run did, and nothing else."`
}

func (c *rollbackCmd) Help() string {
	return "Needs neither git nor a registry: the releases and files to go back to are on the hosts. Code and files both go back, through drain, checks and slice sizes. RUN in the place of FILE takes back what that run did: each host that it touched goes to what it ran before.\n\n" + examples(
		"shipit rollback restbase.hcl -e production",
		"shipit rollback restbase.hcl -e production --to release/2015-06-10/1 --yes",
		"shipit rollback 20150610T140203Z-3kq7",
		"shipit plan restbase.hcl -e production --rollback   # only show it")
}

func (c *rollbackCmd) Run(w *world) error {
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
	if id, ok := c.run(ctx, places); ok {
		return c.takeBack(ctx, w, places, id)
	}
	p, err := c.planFlags.rollback(ctx, w, c.To)
	if err != nil {
		return err
	}
	defer p.pool.close()
	return c.runFlags.confirmed(ctx, w, p, places.stop)
}

// runID is what the id of a run looks like, also of one that is not here.
var runID = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z`)

// run is the run that is meant, where it is one: by --run, or in the place of
// a file that is not there.
func (c *rollbackCmd) run(ctx context.Context, places *places) (id string, ok bool) {
	if c.OfRun != "" {
		return c.OfRun, true
	}
	if len(c.Files) != 1 || strings.ContainsAny(c.Files[0], "/") {
		return "", false
	}
	if _, err := os.Lstat(c.Files[0]); err == nil {
		return "", false
	}
	_, _, err := places.find(ctx, c.Files[0])
	return c.Files[0], err == nil || runID.MatchString(c.Files[0])
}

// takeBack takes back what a run did.
func (c *rollbackCmd) takeBack(ctx context.Context, w *world, places *places, id string) error {
	if c.To != "" || c.Env != "" || len(c.Service) > 0 || len(c.Limit) > 0 || c.BatchSize != "" {
		return exit(exitUsage, errors.New("what a run did is taken back as it was done; --to, --env, --service, --limit and --batch-size do not belong to it"))
	}
	r, alive, err := places.driven(ctx, id)
	if err != nil {
		return err
	}
	if alive {
		return r.alive()
	}
	root, err := r.root()
	if err != nil {
		return err
	}
	pd := &planned{root: root}
	if _, _, err := c.reread(w, pd, r.plan); err != nil { // a broken definition stands in nobody's way back
		fmt.Fprintf(w.stderr, "warning: sensitive values in what hosts print cannot be hidden: %v\n", err)
	}
	all := &allPlanned{pool: c.dial(w), plans: []*planned{pd}, values: c.valueFlags}
	defer all.pool.close()
	qs := exec.QuestionsOf(r.plan, root)
	qs = slices.DeleteFunc(qs, func(q exec.Question) bool {
		return !r.roll.Begun(q.Host) || plan.Choose(c.Without, []string{q.Host})[q.Host]
	})
	q := &inquiry{fleet: all.pool.fleet(qs), questions: qs}
	if err := observe(ctx, w, q); err != nil {
		return err
	}
	pd.fleet = q.fleet
	pd.plan = plan.TakeBack{
		Plan: r.plan, Run: r.id(), Begun: r.roll.Begun, Facts: q.facts, Version: version,
		Options: plan.Options{Without: c.Without},
	}.Make()
	fmt.Fprintf(c.human(w), "Run %s by %s\n", r.id(), r.Header.By)
	return c.runFlags.confirmed(ctx, w, all, places.stop)
}
