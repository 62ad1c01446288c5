package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"shipit/exec"
	"shipit/lang"
	"shipit/lang/diag"
)

type lockReleaseCmd struct {
	lockFlags
	Force bool `help:"Break what is not yours: another's hold, or a run that is at work."`
	Yes   bool `short:"y" help:"Do not ask before breaking."`
}

func (c *lockReleaseCmd) Help() string {
	return "Your own hold needs no --force. A run whose lock is broken changes nothing more on those hosts: each of them refuses its next step. A step that is at work is not cut off, and nobody else can take the lock before it has ended.\n\n" + examples(
		"shipit lock release restbase.hcl -e production",
		"shipit lock release restbase.hcl -e production --force --yes")
}

func (c *lockReleaseCmd) Run(w *world) error {
	ctx, sets, done, err := c.ask(w)
	if err != nil {
		return err
	}
	defer done()
	var mine, others []exec.Place
	var silent []string
	seen := map[string]bool{}
	for _, s := range sets {
		for _, p := range s.places {
			l := p.Lock
			key := l.Question.Host + "\x00" + l.Holder.Dir
			switch {
			case l.Err != nil:
				silent = append(silent, l.Question.Host)
				fmt.Fprintf(w.stderr, "! %s: %s\n", l.Question.Host, diag.CleanLine(l.Err.Error()))
			case !inTheWay(l) || seen[key]:
			case own(w, l):
				mine, seen[key] = append(mine, p), true
			default:
				others, seen[key] = append(others, p), true
			}
		}
	}
	if len(others) > 0 {
		for _, what := range broken(others) {
			fmt.Fprintf(w.stdout, "! %s\n", diag.CleanLine(what))
		}
		if !c.Force {
			return exit(exitLocked, usageError{errors.New("these are not your holds; nothing was released"), "break them with: shipit lock release " + c.typedAgain(sets) + " --force"})
		}
		if err := c.confirm(ctx, w); err != nil {
			return err
		}
	}
	all := append(mine, others...)
	atWork, err := exec.Release(ctx, all)
	if len(atWork) > 0 {
		fmt.Fprintf(w.stdout, "A step is still at work on %s; the lock there can be taken once it has ended.\n", lang.Fold(atWork))
	}
	switch {
	case err != nil:
		return err
	case len(silent) > 0:
		err = fmt.Errorf("%s cannot be reached; what is held there stays until it ends", lang.Fold(unique(silent)))
	}
	if len(all) == 0 {
		if err == nil {
			fmt.Fprintln(w.stdout, "Nobody holds a lock there.")
		}
		return err
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Lock.Question.Host)
	}
	fmt.Fprintf(w.stdout, "Released: %s\n", lang.Fold(unique(names)))
	return err
}

// broken says what a release takes from whom, each holder once.
func broken(places []exec.Place) []string {
	type key struct{ run, text string }
	var order []key
	hosts := map[key][]string{}
	for _, p := range places {
		h := p.Lock.Holder
		k := key{h.Run, fmt.Sprintf("run %s of %s is at work on", h.Run, h.Owner)}
		if h.Hold {
			k.text = fmt.Sprintf("a hold of %s stands on", h.Owner)
		}
		if !slices.Contains(order, k) {
			order = append(order, k)
		}
		hosts[k] = append(hosts[k], p.Lock.Question.Host)
	}
	var out []string
	for _, k := range order {
		i := slices.IndexFunc(places, func(p exec.Place) bool { return p.Lock.Holder.Run == k.run })
		why := ""
		if reason := places[i].Lock.Holder.Reason; reason != "" {
			why = ": " + reason
		}
		out = append(out, fmt.Sprintf("%s %s%s", k.text, lang.Fold(unique(hosts[k])), why))
	}
	return out
}

// confirm asks whether to break what is not ours.
func (c *lockReleaseCmd) confirm(ctx context.Context, w *world) error {
	if c.Yes {
		return nil
	}
	if !w.interactive() {
		return exit(exitFailed, errors.New("there is no terminal to ask on; use --yes to break the locks"))
	}
	fmt.Fprint(w.stdout, "\nBreak these locks? A run that loses its lock stops in the middle. Type break: ")
	answer, err := w.readLine(ctx)
	switch {
	case errors.Is(err, errNoAnswer) || err == nil && answer != "break":
		fmt.Fprintln(w.stdout)
		return exit(exitDeclined, errors.New("declined; nothing was released"))
	case err != nil:
		fmt.Fprintln(w.stdout)
		return err
	}
	return nil
}
