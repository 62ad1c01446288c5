package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/lang"
	"shipit/lang/diag"
)

type doctorCmd struct {
	fleetFlags
	Limit   []string `placeholder:"HOST" help:"Only these hosts: names, globs, ranges like rb10[01-04]."`
	Without []string `placeholder:"HOST" help:"Leave these hosts out."`
	JSON    bool     `name:"json" help:"Print one JSON document."`
}

func (c *doctorCmd) Help() string {
	return "Looks at this machine and, over one connection each, at all hosts at once: keys, sudo, programs, disk, clock, what earlier runs left. Changes nothing. Exits with 1 if something would stop a deployment; docs/doctor.md explains each finding.\n\n" + examples(
		"shipit doctor restbase.hcl -e production",
		"shipit doctor restbase.hcl -e production --limit 'rb20*'",
		"shipit doctor services/ --json | jq -r '.services[].hosts[] | select(.ailments[].level == \"stop\").name'")
}

// A patient is one service with what is known of it.
type patient struct {
	*source
	*inquiry
	here  hereSide
	found []exec.Examined
}

func (c *doctorCmd) Run(w *world) error {
	ctx, to, err := c.survey(w)
	if err != nil {
		return err
	}
	defer to.close()
	p := planFlags{Limit: c.Limit, Without: c.Without}
	var patients []*patient
	var names []string
	for _, s := range to.services {
		x := &patient{source: s, inquiry: to.ask(exec.HealthQuestions(s.def, s.base()))}
		x.questions = p.asked(x.questions)
		for _, q := range x.questions {
			names = append(names, q.Host)
		}
		patients = append(patients, x)
	}
	if len(names) == 0 {
		return exit(exitUsage, fmt.Errorf("--limit and --without leave no host"))
	}
	waits := w.waitFor("examined", names)
	var here, hosts sync.WaitGroup
	for _, x := range patients {
		here.Go(func() { x.here = c.lookHere(ctx, w, x.source, to.pool) })
		hosts.Go(func() {
			x.found = exec.Examine(ctx, x.fleet, x.questions, func(e exec.Examined) {
				waits.came(e.Facts.Name)
				for _, a := range plan.Ailments(&e.Facts, &e.Health, x.deployment(c, e.Facts.Name)) {
					if a.Level == plan.Stops {
						waits.say(e.Facts.Name + ": " + diag.CleanLine(a.Text))
					}
				}
			})
		})
	}
	here.Wait()
	all := make([]view.Checkup, len(patients))
	for i, x := range patients {
		all[i] = view.Checkup{Format: "1.0", Service: x.service, Env: x.def.Env.Name, Here: x.here.HereCheckup}
	}
	if !c.JSON && len(all) == 1 && ctx.Err() == nil { // before the last host has answered
		view.PrintHere(w.stdout, all[0], w.style())
	}
	hosts.Wait()
	waits.over()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	stops := false
	for i, x := range patients {
		all[i].Hosts = x.hosts(ctx, c)
		all[i].Stops = view.Worst(all[i].Here.Ailments) == plan.Stops || slices.ContainsFunc(all[i].Hosts, func(h view.HostCheckup) bool {
			return view.Worst(h.Ailments) == plan.Stops
		})
		stops = stops || all[i].Stops
	}
	if err := c.print(w, all); err != nil {
		return err
	}
	if stops {
		return exit(exitFailed, nil)
	}
	return nil
}

func (c *doctorCmd) print(w *world, all []view.Checkup) error {
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"format": "1.0", "services": all})
	}
	for i, one := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		if len(all) > 1 {
			view.PrintHere(w.stdout, one, w.style())
		}
		view.PrintHosts(w.stdout, one, w.style())
	}
	return nil
}

// hosts judges the hosts, with what the newest release takes on their disks.
func (x *patient) hosts(ctx context.Context, c *doctorCmd) []view.HostCheckup {
	in := plan.Inputs{Release: x.here.newest}
	for _, e := range x.found {
		in.Facts.Hosts = append(in.Facts.Hosts, e.Facts)
	}
	if x.here.source != nil {
		_ = needs(ctx, x.here.source, x.def.Service.Transport.Spec, &in) // said by lookHere
	}
	out := []view.HostCheckup{}
	for _, e := range x.found {
		d := x.deployment(c, e.Facts.Name)
		if need, ok := in.NeedFrom[e.Facts.Live]; ok {
			d.Need = need
		} else {
			d.Need = in.Need
		}
		if e.Facts.Has(x.here.newest.ID) {
			d.Need = plan.Need{}
		}
		health := &e.Health
		if e.Facts.Unreachable != "" {
			health = nil
		}
		out = append(out, view.NewHostCheckup(e.Facts.Name, plan.Ailments(&e.Facts, &e.Health, d), health))
	}
	return out
}

// deployment is what would be brought to a host, but for its size.
func (x *patient) deployment(c *doctorCmd, host string) plan.Deployment {
	i := slices.IndexFunc(x.def.Targets, func(t lang.Target) bool { return t.Host.Name == host })
	typed := pretty(x.full())
	if c.Env != "" {
		typed += " -e " + c.Env
	}
	if len(x.cfg.Services()) > 1 {
		typed += " --service " + x.service
	}
	return plan.Deployment{Service: &x.def.Service, Target: x.def.Targets[i], Sudoers: []string{"shipit sudoers " + typed}}
}
