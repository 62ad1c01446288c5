package main

import (
	"encoding/json"
	"fmt"

	"shipit/exec/plan"
	"shipit/exec/view"
)

type statusCmd struct {
	definitionFlags
	sshFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c *statusCmd) Help() string {
	return "Asks the hosts; changes nothing.\n\n" + examples("shipit status restbase.hcl -e production", "shipit status restbase.hcl --json")
}

func (c *statusCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	services, err := c.loadAll(w)
	if err != nil {
		return err
	}
	pool := c.dial(w)
	defer pool.close()
	var inquiries []*inquiry
	for _, s := range services {
		inquiries = append(inquiries, pool.inquire(s, plan.Deploy))
	}
	if err := observe(ctx, w, inquiries...); err != nil {
		return err
	}
	var all []view.Status
	for i, s := range services {
		all = append(all, view.StatusOf(s.def, inquiries[i].facts))
	}
	if c.JSON {
		enc := json.NewEncoder(w.stdout)
		enc.SetIndent("", "  ")
		if len(all) == 1 {
			return enc.Encode(all[0])
		}
		return enc.Encode(map[string]any{"format": "1.0", "services": all})
	}
	for i, st := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		view.PrintStatus(w.stdout, st, w.now(), w.style())
	}
	return nil
}
