package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"shipit/exec/journal"
	"shipit/exec/plan"
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
	s, err := c.find(w)
	if err != nil {
		return err
	}
	rec, err := journal.Load(s.Path)
	if err != nil {
		return err
	}
	data, err := journal.Plan(s.Path)
	if err != nil {
		return err
	}
	p, err := plan.Decode(data)
	if err != nil {
		return fmt.Errorf("cannot read the plan of run %s: %w", s.Run, err)
	}
	a := view.NewAccount(rec.Header, p, rec.Events, s.Active)
	if c.Host == "" {
		a.Run(w.stdout, w.now(), w.style())
		return nil
	}
	if !a.Host(w.stdout, c.Host, w.now(), w.style()) {
		var names []string
		for _, h := range p.Body.Hosts {
			names = append(names, h.Name)
		}
		help := "it was about " + lang.Fold(names)
		if near := diag.Nearest(c.Host, names); near != "" {
			help = "did you mean " + near + "?"
		}
		return exit(exitUsage, usageError{fmt.Errorf("run %s knows no host %s", s.Run, c.Host), help})
	}
	return nil
}

// find is the run that is meant.
func (c *explainCmd) find(w *world) (journal.Summary, error) {
	list, err := journal.List(w.stateDir())
	if err != nil {
		return journal.Summary{}, err
	}
	if c.Topic != "last" {
		path, err := journal.Find(w.stateDir(), c.Topic)
		i := slices.IndexFunc(list, func(s journal.Summary) bool { return s.Path == path })
		if err != nil || i < 0 {
			return journal.Summary{}, errors.Join(err)
		}
		return list[i], nil
	}
	var services []string
	for _, s := range list {
		if s.Problem == "" && (c.Service == "" || s.Header.Service == c.Service) {
			return s, nil
		}
		if s.Header.Service != "" && !slices.Contains(services, s.Header.Service) {
			services = append(services, s.Header.Service)
		}
	}
	if c.Service == "" || len(services) == 0 {
		return journal.Summary{}, fmt.Errorf("no run is recorded on this machine, in %s", w.stateDir())
	}
	return journal.Summary{}, fmt.Errorf("no run of %s is recorded on this machine; there are runs of %s", c.Service, strings.Join(services, ", "))
}
