package main

import (
	"encoding/json"

	"shipit/exec"
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
	s, err := c.load(w)
	if err != nil {
		return err
	}
	fleet, closeFleet := c.dial(w)
	defer closeFleet()
	facts, err := observe(ctx, w, fleet, exec.Questions(s.def, s.base(), plan.Deploy))
	if err != nil {
		return err
	}
	st := view.StatusOf(s.def, facts)
	if c.JSON {
		enc := json.NewEncoder(w.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(st)
	}
	view.PrintStatus(w.stdout, st, w.now(), w.style())
	return nil
}
