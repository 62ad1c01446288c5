package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/view"
)

type runsCmd struct {
	All     bool     `short:"a" help:"All of them; otherwise the newest 20."`
	JSON    bool     `name:"json" help:"Print one JSON document."`
	Service []string `sep:"none" placeholder:"NAME" help:"Only of this service; a pattern with * will do here and below."`
	Env     []string `short:"e" sep:"none" placeholder:"NAME" help:"Only of this environment."`
	User    []string `sep:"none" placeholder:"NAME" help:"Only those that this user began, as USER or USER@MACHINE."`
	Outcome []string `sep:"none" placeholder:"WORD" help:"Only those that ended so: done, rolled-back, mixed, aborted, refused, going-on, interrupted, not-begun."`
	Release []string `short:"r" sep:"none" placeholder:"TAG" help:"Only of this release."`
	Since   string   `placeholder:"WHEN" help:"Only those that began since then: a date, a time (RFC 3339), or how long ago, like 36h or 7d."`

	since time.Time
}

func (c *runsCmd) Help() string {
	return "Reads the journals on this machine, and with a Redis (--state, SHIPIT_STATE) those of the machines that share it; asks no host.\n\n" + examples(
		"shipit runs", "shipit runs --service restbase --outcome mixed", "shipit runs --since 7d", "shipit runs --all --json",
		"shipit runs --state redis://redis.example.org:6379", "shipit resume RUN      # go on with one that was interrupted")
}

func (c *runsCmd) Run(w *world) error {
	if err := c.check(w.now()); err != nil {
		return exit(exitUsage, err)
	}
	ctx, places, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer places.close()
	list, err := places.list(ctx)
	if err != nil {
		return err
	}
	rows, older := []view.Run{}, 0
	for _, s := range list {
		if !c.wants(s) {
			continue
		}
		if !c.All && len(rows) == 20 {
			older++
			continue
		}
		rows = append(rows, places.rowOf(ctx, s))
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"format": "1.0", "runs": rows})
	}
	if len(list) == 0 {
		fmt.Fprintf(w.stdout, "No run is recorded in %s yet; --state names another place to look.\n", places)
		return nil
	}
	if len(rows) == 0 {
		fmt.Fprintf(w.stdout, "None of %s is like that.\n", count(len(list), "run"))
		return nil
	}
	view.Runs(w.stdout, rows, w.now(), w.style())
	if older > 0 {
		fmt.Fprintf(w.stdout, "%d older runs: --all lists them.\n", older)
	}
	return nil
}

// outcomes are the words that a list of runs uses.
var outcomes = []string{
	string(event.Done), string(event.Nothing), string(event.RolledBack), string(event.Mixed), string(event.Abort), string(event.Refused),
	journal.GoingOn, journal.Interrupted, journal.NotBegun,
}

// check refuses words and patterns that can fit nothing.
func (c *runsCmd) check(now time.Time) error {
	var err error
	if c.since, err = instant(c.Since, now); err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	for _, o := range c.Outcome {
		if !slices.ContainsFunc(outcomes, func(known string) bool { return fits(hyphened(o), hyphened(known)) }) {
			return fmt.Errorf("no run ends with --outcome %s; there are %s", o, hyphened(strings.Join(outcomes, ", ")))
		}
	}
	for _, p := range slices.Concat(c.Service, c.Env, c.User, c.Outcome, c.Release) {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%q is no pattern: %w", p, err)
		}
	}
	return nil
}

// instant is a point in time as people type one; "" is the zero time.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time; it is written like 2015-06-10, 2015-06-10T14:02:03Z, 36h or 7d", text)
}

func hyphened(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, ", ", ","), " ", "-")
}

// fits tells whether text is what a pattern says. In a release, * goes over /.
func fits(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}

// wants tells whether a run is one of those that are asked for.
func (c *runsCmd) wants(s journal.Summary) bool {
	if s.Header.Time.Before(c.since) {
		return false
	}
	user, _, _ := strings.Cut(s.Header.By, "@")
	for _, filter := range []struct{ patterns, is []string }{
		{c.Service, []string{s.Header.Service}},
		{c.Env, []string{s.Header.Env}},
		{c.User, []string{user, s.Header.By}},
		{c.Outcome, []string{hyphened(s.State()), s.State()}},
		{c.Release, []string{s.Header.Release}},
	} {
		if len(filter.patterns) > 0 && !slices.ContainsFunc(filter.patterns, func(p string) bool {
			return slices.ContainsFunc(filter.is, func(text string) bool { return fits(p, text) })
		}) {
			return false
		}
	}
	return true
}

// A leftOf says whether anything is left to do of a run that was stopped in the
// middle, as long as it has so many events.
type leftOf struct {
	events    int
	resumable bool
}

// rowOf is a run as the list shows it. Only of one that was stopped in the
// middle all events are read, and once, to see whether anything is left to do.
func (p *places) rowOf(ctx context.Context, s journal.Summary) view.Run {
	row := view.Run{
		Run: s.Run, Service: s.Header.Service, Env: s.Header.Env, Kind: s.Header.Kind, Release: s.Header.Release,
		Began: s.Header.Time.UTC().Truncate(time.Second), By: s.Header.By, Outcome: s.State(), Problem: s.Problem,
	}
	switch row.Outcome {
	case journal.Interrupted:
		row.Resumable = true
	case string(event.Abort), string(event.Mixed):
		known, ok := p.left[s.Run]
		if !ok || known.events != s.Events {
			r, err := p.recorded(ctx, s.Run)
			if err != nil {
				return row
			}
			known = leftOf{s.Events, r.roll.Resumable()}
			if p.left == nil {
				p.left = map[string]leftOf{}
			}
			p.left[s.Run] = known
		}
		row.Resumable = known.resumable
	}
	return row
}
