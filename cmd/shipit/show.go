package main

import (
	"errors"
	"fmt"
	"os"

	"shipit/exec/plan"
	"shipit/exec/view"
)

type showCmd struct {
	Plan   string `arg:"" help:"A plan saved by 'shipit plan --out'."`
	Format string `enum:"human,json" default:"human" help:"One of ${enum}."`
}

func (c *showCmd) Help() string {
	return "Needs nothing but the file.\n\n" + examples("shipit show today.shipit-plan.json", "shipit show today.shipit-plan.json --format json | jq .body.hosts")
}

func (c *showCmd) Run(w *world) error {
	data, err := os.ReadFile(c.Plan)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no plan %s; 'shipit plan DEFINITION --out FILE' saves one", c.Plan)
	}
	if err != nil {
		return fmt.Errorf("cannot read the plan: %w", err)
	}
	set, err := plan.DecodeSet(data)
	if err != nil {
		return fmt.Errorf("cannot show %s: %w", c.Plan, err)
	}
	if c.Format == "json" {
		_, err := w.stdout.Write(data)
		return err
	}
	fmt.Fprintf(w.stdout, "Plan %s, made %s by %s\n\n", short(set.Digest), set.Plans[0].Meta.Created.UTC().Format("2006-01-02 15:04:05 UTC"), set.Plans[0].Meta.By)
	view.Plans(w.stdout, set, w.style())
	return nil
}
