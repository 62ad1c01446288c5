package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"shipit/exec"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/view"
)

type statusCmd struct {
	fleetFlags
	Offline  bool `help:"Ask the hosts only, and not the repository which releases are newer."`
	Detailed bool `name:"detailed-exitcode" help:"Exit with 2 if a host is not as its last run left it, or the hosts are mixed."`
	JSON     bool `name:"json" help:"Print one JSON document."`
}

func (c *statusCmd) Help() string {
	return "Asks the hosts, over one connection each; changes nothing. Says what runs, since when and by whom, and what is not as the last run left it: docs/status.md explains each finding.\n\n" + examples(
		"shipit status restbase.hcl -e production",
		"shipit status restbase.hcl --detailed-exitcode >/dev/null || echo look at it",
		"shipit status restbase.hcl --json")
}

func (c *statusCmd) Run(w *world) error {
	ctx, to, err := c.survey(w)
	if err != nil {
		return err
	}
	defer to.close()
	var inquiries []*inquiry
	for _, s := range to.services {
		inquiries = append(inquiries, to.ask(exec.DriftQuestions(s.def, s.base())))
	}
	tags := make([][]string, len(to.services))
	problems := make([]error, len(to.services))
	var listing sync.WaitGroup
	if !c.Offline {
		for i, s := range to.services {
			listing.Go(func() { tags[i], problems[i] = s.tags(ctx, w) })
		}
	}
	err = observe(ctx, w, inquiries...)
	listing.Wait()
	if err != nil {
		return err
	}
	var all []view.Status
	answers, drift := 0, false
	for i, s := range to.services {
		if problems[i] != nil {
			fmt.Fprintf(w.stderr, "warning: cannot say which releases are newer: %v\n", problems[i])
		}
		starts := map[string][]string{}
		for _, t := range s.def.Targets {
			starts[t.Host.Name] = exec.Starts(t)
		}
		st := view.StatusOf(s.def, inquiries[i].facts, tags[i], func(host string) []string { return starts[host] })
		drift = drift || st.Drift || st.Mixed
		for _, h := range inquiries[i].facts.Hosts {
			if h.Unreachable == "" {
				answers++
			}
		}
		all = append(all, st)
	}
	if err := c.print(w, to.services, all); err != nil {
		return err
	}
	switch {
	case c.Detailed && drift:
		return exit(exitChanges, nil)
	case answers == 0:
		return &exitError{code: exitFailed, err: errors.New("no host answered"), told: true}
	}
	return nil
}

func (c *statusCmd) print(w *world, services []*source, all []view.Status) error {
	if c.JSON {
		if len(all) == 1 {
			return writeJSON(w.stdout, all[0])
		}
		return writeJSON(w.stdout, map[string]any{"format": "1.0", "services": all})
	}
	for i, st := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		view.PrintStatus(w.stdout, st, c.next(w, services[i]), w.now(), w.style())
	}
	return nil
}

// next says what to type about a finding, in lines.
func (c *statusCmd) next(w *world, s *source) func(plan.Finding) []string {
	typed := pretty(s.full())
	if c.Env != "" {
		typed += " -e " + c.Env
	}
	if len(s.cfg.Services()) > 1 {
		typed += " --service " + s.service
	}
	known := map[string][]string{} // many hosts may tell of one run
	about := func(run string) []string {
		if known[run] == nil {
			known[run] = c.leftOver(w, run, typed)
		}
		return known[run]
	}
	return func(f plan.Finding) []string {
		switch f.Kind {
		case plan.Odd, plan.Strange, plan.Incomplete:
			return []string{"What an apply would do about it:  shipit plan " + typed}
		case plan.Bad:
			return []string{"To the last good release:  shipit rollback " + typed}
		case plan.Unfinished, plan.Drained:
			return about(f.Run)
		case plan.FileMoved:
			return []string{"What would be put back:  shipit plan " + typed}
		case plan.OldProcess:
			return []string{"Restart it on the host: an apply does not, where release and files are right."}
		case plan.Down:
			return []string{"Why, on the host:  systemctl status " + strings.Fields(f.Text)[0]}
		case plan.Locked:
			if _, err := journal.Find(w.stateDir(), f.Run); err == nil {
				return []string{"What it does:  shipit explain " + f.Run}
			}
		}
		return nil
	}
}

// leftOver says what to type about a run that did not finish on a host.
func (c *statusCmd) leftOver(w *world, run, typed string) []string {
	r, err := w.recorded(context.Background(), run)
	switch {
	case err != nil || r.id() != run: // a host may name anything
		return []string{"That run is not recorded on this machine.", "Without its record:  shipit plan " + typed}
	case r.roll.Resumable():
		return []string{"Continue:  shipit resume " + run, "Go back:   shipit rollback " + run}
	}
	return []string{"What happened:  shipit explain " + run, "Go back:        shipit rollback " + run}
}

// tags are the names of the service's releases, newest first: nobody is behind
// a prerelease.
func (s *source) tags(ctx context.Context, w *world) ([]string, error) {
	repo, scheme, err := s.releases(ctx, w)
	if err != nil {
		return nil, err
	}
	list, err := repo.Releases(ctx, scheme)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range release.Settled(list) {
		names = append(names, r.Tag.Name)
	}
	return names, nil
}
