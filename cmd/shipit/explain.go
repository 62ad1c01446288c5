package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"shipit/exec/view"
	"shipit/lang"
	"shipit/lang/diag"
)

type explainCmd struct {
	Topic   string `arg:"" help:"A code like E0107, an argument like service.batch.size, a block, a kind or a function; or a run: its id, the beginning of one, or last."`
	Host    string `arg:"" optional:"" help:"Of a run: what became of this host."`
	Service string `placeholder:"NAME" help:"With last: the last run of this service."`
}

func (c *explainCmd) Help() string {
	return "About a run it answers from the journal on this machine, and asks no host: what happened, what it waits for, why a host was not started, what taking it back would do.\n\n" + examples(
		"shipit explain E0107", "shipit explain service.batch.size", "shipit explain check.http", "shipit explain expand",
		"shipit explain last", "shipit explain 20150610T140203Z-3kq7 restbase1001.eqiad.wmnet")
}

func (c *explainCmd) Run(w *world) error {
	if c.isRun() {
		return c.run(w)
	}
	x, err := lang.Explain(c.Topic)
	if err != nil {
		return exit(exitUsage, err)
	}
	_, err = io.WriteString(w.stdout, x.Text)
	return err
}

// isRun tells a run from a topic of the language: no name there begins with a
// digit, and none is called last.
func (c *explainCmd) isRun() bool {
	return c.Host != "" || c.Service != "" || c.Topic == "last" || c.Topic != "" && c.Topic[0] >= '0' && c.Topic[0] <= '9'
}

func (c *explainCmd) run(w *world) error {
	ctx, places, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer places.close()
	id, err := c.find(ctx, places)
	if err != nil {
		return err
	}
	r, alive, err := places.driven(ctx, id)
	if err != nil {
		return err
	}
	a := view.NewAccount(r.Header, r.plan, r.Events, alive)
	a.Typed = r.typed()
	if c.Host == "" {
		a.Run(w.stdout, w.now(), w.style())
		return nil
	}
	if !a.Host(w.stdout, c.Host, w.now(), w.style()) {
		var names []string
		for _, h := range r.plan.Body.Hosts {
			names = append(names, h.Name)
		}
		help := "it was about " + lang.Fold(names)
		if near := diag.Nearest(c.Host, names); near != "" {
			help = "did you mean " + near + "?"
		}
		return exit(exitUsage, usageError{fmt.Errorf("run %s knows no host %s", r.id(), c.Host), help})
	}
	return nil
}

// find is the id of the run that is meant, or the beginning of it.
func (c *explainCmd) find(ctx context.Context, p *places) (string, error) {
	if c.Topic != "last" {
		return c.Topic, nil
	}
	return p.last(ctx, c.Service)
}

// last is the newest run of a service, or of any.
func (p *places) last(ctx context.Context, service string) (string, error) {
	list, err := p.list(ctx)
	if err != nil {
		return "", err
	}
	var services []string
	for _, s := range list {
		if s.Problem == "" && (service == "" || s.Header.Service == service) {
			return s.Run, nil
		}
		if s.Header.Service != "" && !slices.Contains(services, s.Header.Service) {
			services = append(services, s.Header.Service)
		}
	}
	if len(services) == 0 {
		return "", fmt.Errorf("no run is recorded on this machine, in %s", p.dir)
	}
	return "", fmt.Errorf("no run of %s is recorded on this machine; there are runs of %s", service, strings.Join(services, ", "))
}
