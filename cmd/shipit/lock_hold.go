package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec"
	"shipit/exec/journal"
	"shipit/lang"
	"shipit/lang/diag"
)

type lockHoldCmd struct {
	lockFlags
	Reason string         `short:"m" required:"" placeholder:"TEXT" help:"Why; shown to whoever is refused."`
	Until  string         `xor:"end" placeholder:"TIME" help:"When it ends: 18:00, '2015-06-11 08:00' (local time), or with a zone as in 2015-06-11T08:00:00Z."`
	For    *time.Duration `xor:"end" placeholder:"DURATION" help:"How long it lasts, like 2h."`
	Global bool           `help:"Keep every service's runs away from these hosts; so it is anyway where the lock block says scope = \"global\"."`
}

func (c *lockHoldCmd) Help() string {
	return "A hold is a lock with no process behind it: on all hosts or on none. The hosts themselves end it, by their own clocks. It is refused while a run is at work there. Holding again moves the end of your hold.\n\n" + examples(
		`shipit lock hold restbase.hcl -e production --reason "switchover" --until 18:00`,
		`shipit lock hold restbase.hcl -e production --reason "disk swap" --for 2h --limit rb1004`,
		"shipit lock release restbase.hcl -e production")
}

// longestHold bounds a hold: what stands for longer is policy, and belongs
// into the definition.
const longestHold = 31 * 24 * time.Hour

func (c *lockHoldCmd) Run(w *world) error {
	length, err := c.length(w.now())
	if err != nil {
		return exit(exitUsage, err)
	}
	ctx, sets, done, err := c.ask(w)
	if err != nil {
		return err
	}
	defer done()
	id, err := journal.NewRunID(w.now(), rand.Reader)
	if err != nil {
		return err
	}
	var places []exec.Place
	var down []string
	whole := map[string]bool{}
	for _, s := range sets {
		for _, p := range s.places {
			host := p.Lock.Question.Host
			p.Global = c.Global || s.source.def.Service.Lock.Scope == "global"
			if p.Global && whole[host] {
				continue // one lock on the whole host is enough
			}
			whole[host] = p.Global
			places = append(places, p)
			if p.Lock.Err != nil {
				down = append(down, host)
			}
		}
	}
	if len(down) > 0 {
		for _, p := range places {
			if p.Lock.Err != nil {
				fmt.Fprintf(w.stderr, "! %s: %s\n", p.Lock.Question.Host, diag.CleanLine(p.Lock.Err.Error()))
			}
		}
		return exit(exitFailed, usageError{
			fmt.Errorf("%s cannot be reached, so nothing is held", lang.Fold(down)),
			"leave them out with --without " + strings.Join(down, ",") + "; runs that include them are not kept away from them",
		})
	}
	err = exec.PutHold(ctx, places, exec.Hold{ID: "hold-" + id, Owner: w.by(), Reason: c.Reason, For: length})
	var locked *exec.LockedError
	if errors.As(err, &locked) {
		return exit(exitLocked, usageError{
			fmt.Errorf("%w; nothing is held", err), "see who holds what with: shipit lock show " + c.typedAgain(sets),
		})
	}
	if err != nil {
		return err
	}
	what := "Held"
	if !slices.ContainsFunc(places, func(p exec.Place) bool { return !p.Global }) {
		what = "Held, for every service"
	}
	var names []string
	for _, p := range places {
		names = append(names, p.Lock.Question.Host)
	}
	fmt.Fprintf(w.stdout, "%s: %s\nBy %s until %s (%s): %s\n", what, lang.Fold(unique(names)), w.by(),
		w.now().Add(length).UTC().Format("2006-01-02 15:04:05 UTC"), lang.Duration(length.Round(time.Second)), c.Reason)
	fmt.Fprintf(w.stdout, "Release it:  shipit lock release %s\n", c.typedAgain(sets))
	return nil
}

func unique(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

// length is how long the hold lasts from now on.
func (c *lockHoldCmd) length(now time.Time) (time.Duration, error) {
	var length time.Duration
	switch {
	case strings.TrimSpace(c.Reason) == "":
		return 0, errors.New("--reason is empty: whoever is refused wants to know why")
	case c.For != nil:
		length = *c.For
	case c.Until == "":
		return 0, errors.New("a hold ends by itself: say when with --until 18:00 or --for 2h")
	default:
		end, err := parseUntil(c.Until, now)
		if err != nil {
			return 0, err
		}
		length = end.Sub(now)
	}
	switch {
	case length < time.Second:
		return 0, fmt.Errorf("--for %s: a hold lasts a second at least", length)
	case length > longestHold:
		return 0, fmt.Errorf("a hold lasts 31 days at most, not %s", lang.Duration(length.Round(time.Minute)))
	}
	return length, nil
}

// parseUntil reads a moment: a time of today, a local date and time, or one
// with its zone.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return later(text, t, now)
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return later(text, t, now)
		}
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--until %q is no time: write 18:00, '%s' or 2h later with --for 2h", text, now.Add(24*time.Hour).Format("2006-01-02 15:04"))
	}
	y, m, d := now.Date()
	t := time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, now.Location())
	if !t.After(now) {
		return time.Time{}, fmt.Errorf("--until %s has passed today; for tomorrow write --until '%s'", text, t.AddDate(0, 0, 1).Format("2006-01-02 15:04"))
	}
	return t, nil
}

func later(text string, t, now time.Time) (time.Time, error) {
	if !t.After(now) {
		return t, fmt.Errorf("--until '%s' has passed: it is %s now", text, now.In(t.Location()).Format("2006-01-02 15:04 MST"))
	}
	return t, nil
}
