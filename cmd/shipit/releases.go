package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/view"
)

type releasesCmd struct {
	fleetFlags
	Offline bool `aliases:"no-hosts" help:"Do not ask the hosts where each release runs."`
	All     bool `short:"a" help:"All of them; otherwise the newest 20."`
	JSON    bool `name:"json" help:"Print one JSON document."`
}

func (c *releasesCmd) Help() string {
	return "FOUND says on how many hosts a release passed its checks when it last ran (good) or failed (bad), and how the newest run of it ended that is recorded here, where that was badly. Without --env, the hosts of all environments are asked.\n\n" + examples(
		"shipit releases restbase.hcl -e production", "shipit releases restbase.hcl --offline --all")
}

func (c *releasesCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	envs, err := c.loadEnvironments(w)
	if err != nil {
		return err
	}
	s := envs[0]
	repo, list, err := s.listed(ctx, w, c.typed())
	if err != nil {
		return err
	}
	var asked []view.Asked
	if !c.Offline {
		if asked, err = c.ask(ctx, w, envs); err != nil {
			return err
		}
	}
	total := len(list)
	if !c.All && total > 20 {
		list = list[:20]
	}
	rows, err := c.rows(ctx, w, envs, asked, repo, list)
	if err != nil {
		return err
	}
	if c.JSON {
		out := map[string]any{"format": "1.0", "service": s.def.Service.Name, "environment": s.def.Env.Name, "releases": rows, "unreachable": unreachable(asked)}
		if len(envs) > 1 {
			out["environment"] = ""
		}
		return writeJSON(w.stdout, out)
	}
	view.Releases(w.stdout, rows, asked, w.now(), w.style())
	if total > len(list) {
		fmt.Fprintf(w.stdout, "%d older releases: --all lists them.\n", total-len(list))
	}
	return nil
}

// listed is the service's repository and its releases, of which there is one
// at least. The service was named by what was typed.
func (s *source) listed(ctx context.Context, w *world, typed string) (*release.Repo, []release.Release, error) {
	repo, scheme, err := s.releases(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	list, err := repo.Releases(ctx, scheme)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s has no tag of the scheme %s yet; 'shipit tag %s' creates the first", repo, scheme, typed)
	}
	return repo, list, err
}

// ask asks the hosts of the environments, all at once.
func (c *releasesCmd) ask(ctx context.Context, w *world, envs []*source) ([]view.Asked, error) {
	pool := c.dial(w)
	defer pool.close()
	var inquiries []*inquiry
	for _, s := range envs {
		inquiries = append(inquiries, pool.inquire(s, plan.Deploy))
	}
	if err := observe(ctx, w, inquiries...); err != nil {
		return nil, err
	}
	var asked []view.Asked
	for i, s := range envs {
		asked = append(asked, view.Asked{Env: s.def.Env.Name, Facts: inquiries[i].facts})
	}
	return asked, nil
}

// rows joins the tags with where each one is, who signed it, and how its
// newest run ended.
func (c *releasesCmd) rows(ctx context.Context, w *world, envs []*source, asked []view.Asked, repo *release.Repo, list []release.Release) ([]view.Release, error) {
	ended := endings(w)
	var rows []view.Release
	for _, r := range list {
		row := view.Release{Tag: r.Tag.Name, Commit: r.Commit, Author: r.Author, Subject: r.Subject, When: r.When.UTC().Truncate(time.Second), Prerelease: r.Tag.Prerelease(), Live: []string{}}
		for i, s := range envs {
			in := ended[[3]string{s.def.Service.Name, s.def.Env.Name, r.Tag.Name}]
			in.Env = s.def.Env.Name
			var facts plan.Facts
			if asked != nil {
				facts = asked[i].Facts
			}
			row.Add(r.ID, in, facts)
		}
		by, err := envs[0].trusted(ctx, repo, r)
		untrusted, no := errors.AsType[*release.UntrustedError](err)
		switch {
		case no:
			row.Verified = &view.Verified{Why: untrusted.Why}
		case err != nil:
			return nil, err
		case by != "":
			row.Verified = &view.Verified{OK: true, By: by}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// endings are how the newest run of each release ended, by service,
// environment and tag, where it ended badly. What cannot be read is left out:
// 'shipit runs' says so.
func endings(w *world) map[[3]string]view.Presence {
	out := map[[3]string]view.Presence{}
	list, err := journal.List(w.stateDir())
	if err != nil {
		return out
	}
	seen := map[[3]string]bool{}
	for _, run := range list { // newest first
		key := [3]string{run.Header.Service, run.Header.Env, run.Header.Release}
		switch outcome := run.State(); {
		case seen[key] || outcome == string(event.Nothing) || outcome == string(event.Refused) || outcome == journal.NotBegun:
		case outcome == string(event.RolledBack) || outcome == string(event.Mixed):
			seen[key], out[key] = true, view.Presence{Ended: outcome, Run: run.Run}
		default:
			seen[key] = true
		}
	}
	return out
}

// unreachable are the hosts that said nothing, by environment.
func unreachable(asked []view.Asked) map[string][]string {
	out := map[string][]string{}
	for _, a := range asked {
		for _, h := range a.Facts.Hosts {
			if h.Unreachable != "" {
				out[a.Env] = append(out[a.Env], h.Name)
			}
		}
	}
	return out
}
