package main

import (
	"encoding/json"
	"fmt"
	"time"

	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/view"
)

type releasesCmd struct {
	definitionFlags
	sshFlags
	Offline bool `help:"Do not ask the hosts where each release runs."`
	All     bool `short:"a" help:"All of them; otherwise the newest 20."`
	JSON    bool `name:"json" help:"Print one JSON document."`
}

func (c *releasesCmd) Help() string {
	return examples("shipit releases restbase.hcl -e production", "shipit releases restbase.hcl --offline --all")
}

func (c *releasesCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	s, err := c.load(w)
	if err != nil {
		return err
	}
	repo, scheme, err := s.releases(ctx, w)
	if err != nil {
		return err
	}
	list, err := repo.Releases(ctx, scheme)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s has no tag of the scheme %s yet; 'shipit tag %s' creates the first", repo, scheme, c.typed())
	}
	var facts plan.Facts
	if !c.Offline {
		pool := c.dial(w)
		defer pool.close()
		q := pool.inquire(s, plan.Deploy)
		if err := observe(ctx, w, q); err != nil {
			return err
		}
		facts = q.facts
	}
	total := len(list)
	if !c.All && total > 20 {
		list = list[:20]
	}
	rows := releaseRows(list, facts)
	if c.JSON {
		enc := json.NewEncoder(w.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"format": "1.0", "service": s.def.Service.Name, "environment": s.def.Env.Name, "releases": rows})
	}
	view.Releases(w.stdout, rows, facts, w.now(), w.style())
	if total > len(list) {
		fmt.Fprintf(w.stdout, "%d older releases: --all lists them.\n", total-len(list))
	}
	return nil
}

// releaseRows joins the tags with where each one runs.
func releaseRows(list []release.Release, facts plan.Facts) []view.Release {
	var rows []view.Release
	for _, r := range list {
		row := view.Release{Tag: r.Tag.Name, Commit: r.Commit, Author: r.Author, Subject: r.Subject, When: r.When.UTC().Truncate(time.Second)}
		for _, h := range facts.Hosts {
			if h.Live == r.ID {
				row.Live = append(row.Live, h.Name)
			}
			if h.Has(r.ID) {
				row.Staged++
			}
			switch h.Mark(r.ID) {
			case "good":
				row.Good++
			case "bad":
				row.Bad++
			}
		}
		rows = append(rows, row)
	}
	return rows
}
