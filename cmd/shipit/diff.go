package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/lang/diag"
)

type diffCmd struct {
	File     string   `arg:"" help:"A definition like restbase.hcl."`
	Releases []string `arg:"" optional:"" name:"release" help:"From and to: tags, beginnings of them, A..B, current (what hosts run) or good (their last good one). Default: good and the newest."`
	valueFlags
	sshFlags
	All  bool `short:"a" help:"All commits and files; otherwise the first 20 of each."`
	JSON bool `name:"json" help:"Print one JSON document, with all of them."`
}

func (c *diffCmd) Help() string {
	return "Shows the commits and the files between two releases. Hosts are asked only about current and good.\n\n" + examples(
		"shipit diff restbase.hcl release/2015-06-10/1 release/2015-06-12/1",
		"shipit diff restbase.hcl -e production current release/2015-06-12/1",
		"shipit diff restbase.hcl -e production      # the last good one and the newest")
}

func (c *diffCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	from, to, err := between(c.Releases)
	if err != nil {
		return err
	}
	s, err := (&definitionFlags{Files: []string{c.File}, valueFlags: c.valueFlags}).load(w)
	if err != nil {
		return err
	}
	repo, list, err := s.listed(ctx, w, pretty(s.full()))
	if err != nil {
		return err
	}
	var ends [2]end
	for i, name := range []string{from, to} {
		switch {
		case name == "current" || name == "good":
			ends[i], err = c.onHosts(ctx, w, s, name)
		default:
			ends[i], err = named(list, name)
		}
		if err != nil {
			return err
		}
	}
	return c.show(ctx, w, repo, ends[0], ends[1])
}

// between are the two releases that the words name; to is "" for the newest.
func between(words []string) (from, to string, err error) {
	switch len(words) {
	case 0:
	case 1:
		a, b, span := strings.Cut(words[0], "..")
		if span {
			from, to = a, b
		} else {
			to = words[0]
		}
	case 2:
		from, to = words[0], words[1]
	default:
		return "", "", exit(exitUsage, errors.New("a difference is between two releases"))
	}
	return cmp.Or(from, "good"), to, nil
}

// An end is one of the two releases.
type end struct {
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
}

// named is the release of a tag, or the only one that begins so; "" is the one
// that apply would take.
func named(list []release.Release, name string) (end, error) {
	if name == "" {
		name = release.Settled(list)[0].Tag.Name
	}
	var fit []string
	var found end
	for _, r := range list {
		if r.Tag.Name == name {
			return end{r.Tag.Name, r.Commit}, nil
		}
		if strings.HasPrefix(r.Tag.Name, name) {
			fit, found = append(fit, r.Tag.Name), end{r.Tag.Name, r.Commit}
		}
	}
	switch {
	case len(fit) == 1:
		return found, nil
	case len(fit) > 1:
		return end{}, fmt.Errorf("%d releases begin with %s: %s; write more of the one", len(fit), name, some(fit, 5))
	}
	return end{}, fmt.Errorf("there is no release %q; shipit releases lists them", name)
}

func some(names []string, n int) string {
	if len(names) > n {
		return strings.Join(names[:n], ", ") + fmt.Sprintf(", … and %d more", len(names)-n)
	}
	return strings.Join(names, ", ")
}

// onHosts is the release that all hosts which answer run, or had good last.
func (c *diffCmd) onHosts(ctx context.Context, w *world, s *source, which string) (end, error) {
	pool := c.dial(w)
	defer pool.close()
	q := pool.inquire(s, plan.Deploy)
	if err := observe(ctx, w, q); err != nil {
		return end{}, err
	}
	var found []end
	var tags, away []string
	for _, h := range q.facts.Hosts {
		id := h.Live
		if which == "good" {
			rec, _ := h.LastGood("")
			id = rec.Release
		}
		r := h.Named(id)
		switch {
		case h.Unreachable != "":
			away = append(away, h.Name)
		case r.Commit != "" && !slices.Contains(tags, r.Tag):
			tags, found = append(tags, r.Tag), append(found, end{r.Tag, r.Commit})
		}
	}
	if len(away) > 0 {
		fmt.Fprintf(w.stderr, "warning: not asked, because unreachable: %s\n", some(away, 5))
	}
	switch len(found) {
	case 0:
		return end{}, fmt.Errorf("no host that answers has a %s release; name both releases", which)
	case 1:
		return found[0], nil
	}
	return end{}, fmt.Errorf("the hosts have %d %s releases: %s; name one", len(found), which, diag.CleanLine(some(tags, 5)))
}

func (c *diffCmd) show(ctx context.Context, w *world, repo *release.Repo, from, to end) error {
	log, err := repo.Log(ctx, from.Commit, to.Commit, 0)
	if err != nil {
		return err
	}
	related, err := repo.Related(ctx, from.Commit, to.Commit)
	if err != nil {
		return err
	}
	files, err := repo.Changes(ctx, from.Commit, to.Commit)
	if err != nil {
		return err
	}
	type commit struct {
		ID      string `json:"id"`
		Subject string `json:"subject"`
		Author  string `json:"author"`
	}
	commits := []commit{}
	for _, x := range log.Commits {
		commits = append(commits, commit(x))
	}
	if c.JSON {
		if files == nil {
			files = []release.Change{}
		}
		return writeJSON(w.stdout, map[string]any{"format": "1.0", "from": from, "to": to, "back": log.Back, "lost": log.Lost, "unrelated": !related, "commits": commits, "files": files})
	}
	out := func(format string, args ...any) { fmt.Fprintf(w.stdout, format+"\n", args...) }
	a, b := diag.CleanLine(from.Tag), diag.CleanLine(to.Tag) // hosts may have named them
	out("%s (%.7s) -> %s (%.7s)", a, from.Commit, b, to.Commit)
	switch {
	case from.Commit == to.Commit:
		out("Both are the same commit.")
		return nil
	case !related:
		out("They have no common history.")
	case log.Back:
		out("%s is the older: these commits get lost.", b)
	case log.Lost > 0:
		out("Going to %s loses %s that only %s has.", b, count(log.Lost, "commit"), a)
	}
	added, removed := 0, 0
	for _, f := range files {
		added, removed = added+f.Added, removed+f.Removed
	}
	out("%s, %s, %d lines added, %d removed", count(len(commits), "commit"), count(len(files), "file"), added, removed)
	c.lines(w, len(commits), func(i int) string {
		return fmt.Sprintf("%.7s  %s  (%s)", commits[i].ID, commits[i].Subject, commits[i].Author)
	})
	c.lines(w, len(files), func(i int) string { return fileLine(files[i]) })
	return nil
}

// lines prints a part of the difference, bounded.
func (c *diffCmd) lines(w *world, n int, line func(int) string) {
	if n > 0 {
		fmt.Fprintln(w.stdout)
	}
	for i := range n {
		if i == 20 && !c.All {
			fmt.Fprintf(w.stdout, "  … and %d more: --all\n", n-i)
			return
		}
		fmt.Fprintf(w.stdout, "  %s\n", diag.CleanLine(line(i)))
	}
}

func fileLine(f release.Change) string {
	text := fmt.Sprintf("%-9s", f.Kind)
	if f.From != "" {
		text += f.From + " -> "
	}
	text += f.Path
	switch {
	case f.Submodule:
		return text + fmt.Sprintf("  submodule %.7s -> %.7s", f.OldID, f.NewID)
	case f.Binary:
		text += "  binary"
	default:
		text += fmt.Sprintf("  +%d -%d", f.Added, f.Removed)
	}
	if f.OldMode != "" && f.Kind != "added" && f.Kind != "deleted" {
		text += "  mode " + f.OldMode + " -> " + f.NewMode
	}
	return text
}
