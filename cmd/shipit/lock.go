package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/lang"
)

type lockCmd struct {
	List    lockListCmd    `cmd:"" help:"List who holds the locks on all hosts, and how many wait."`
	Show    lockShowCmd    `cmd:"" help:"Show who holds the locks, since when, why, and who is next in line."`
	Hold    lockHoldCmd    `cmd:"" help:"Keep runs away from the hosts until a time, with no process behind it."`
	Release lockReleaseCmd `cmd:"" help:"Release your hold; with --force, anybody's hold or run."`
}

// lockFlags choose the locks that a command is about.
type lockFlags struct {
	fleetFlags
	Limit   []string `placeholder:"HOST" help:"Only these hosts: names, globs, ranges like rb10[01-04]."`
	Without []string `placeholder:"HOST" help:"Leave these hosts out."`
}

// A lockSet is the locks of one service.
type lockSet struct {
	source *source
	places []exec.Place
}

// ask asks all hosts of all services who holds what, until an interrupt. The
// returned func closes the connections.
func (f *lockFlags) ask(w *world) (context.Context, []lockSet, func(), error) {
	ctx, to, err := f.survey(w)
	if err != nil {
		return nil, nil, nil, err
	}
	p := planFlags{Limit: f.Limit, Without: f.Without}
	sets := make([]lockSet, len(to.services))
	var all []exec.Place
	for i, s := range to.services {
		q := to.inquire(s, plan.Deploy)
		sets[i].source = s
		for _, q2 := range p.asked(q.questions) {
			sets[i].places = append(sets[i].places, exec.Place{Fleet: q.fleet, Lock: exec.HostLock{Question: q2}})
		}
		all = append(all, sets[i].places...)
	}
	if len(all) == 0 {
		to.close()
		return nil, nil, nil, exit(exitUsage, fmt.Errorf("--limit and --without leave no host"))
	}
	exec.Locks(ctx, all)
	for i := range sets {
		n := len(sets[i].places)
		sets[i].places, all = all[:n], all[n:]
	}
	if err := ctx.Err(); err != nil {
		to.close()
		return nil, nil, nil, err
	}
	return ctx, sets, to.close, nil
}

// view is a set for readers.
func (s lockSet) view() view.Locks {
	out := view.Locks{Service: s.source.def.Service.Name, Env: s.source.def.Env.Name, Hosts: []view.HostLock{}}
	for _, p := range s.places {
		out.Hosts = append(out.Hosts, hostLock(p.Lock))
	}
	return out
}

func hostLock(l exec.HostLock) view.HostLock {
	h := l.Holder
	out := view.HostLock{Name: l.Question.Host, State: view.LockFree}
	for _, t := range l.Queue {
		out.Queue = append(out.Queue, view.InLine{Run: t.Run, By: t.Owner, Since: t.Since, Reason: t.Reason})
	}
	switch {
	case l.Err != nil:
		out.State, out.Problem = view.LockUnreachable, l.Err.Error()
		return out
	case !l.Held:
		return out
	case !h.Alive:
		out.State = view.LockExpired
	case h.Hold:
		out.State, out.Until = view.LockHold, h.Until()
	default:
		out.State = view.LockRun
	}
	out.Run, out.By, out.Since, out.Reason, out.Global = h.Run, h.Owner, h.Since, h.Reason, h.Global
	return out
}

// typed is the command line's choice of locks, as it is typed again.
func (f *lockFlags) typedAgain(sets []lockSet) string {
	text := f.typed()
	if env := sets[0].source.def.Env.Name; env != lang.DefaultEnv {
		text += " -e " + env
	}
	return text
}

type lockListCmd struct {
	lockFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c *lockListCmd) Help() string {
	return "Asks the hosts; changes nothing.\n\n" + examples(
		"shipit lock list restbase.hcl -e production", "shipit lock list services/ --json")
}

func (c *lockListCmd) Run(w *world) error { return c.print(w, c.JSON, view.PrintLocks) }

type lockShowCmd struct {
	lockFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c *lockShowCmd) Help() string {
	return "Asks the hosts; changes nothing.\n\n" + examples("shipit lock show restbase.hcl -e production")
}

func (c *lockShowCmd) Run(w *world) error {
	return c.print(w, c.JSON, view.ExplainLocks)
}

// print prints the locks of all services, and what can be typed next.
func (f *lockFlags) print(w *world, asJSON bool, one func(io.Writer, view.Locks, time.Time, view.Style)) error {
	_, sets, done, err := f.ask(w)
	if err != nil {
		return err
	}
	defer done()
	all := make([]view.Locks, len(sets))
	for i, s := range sets {
		all[i] = s.view()
	}
	if asJSON {
		return writeJSON(w.stdout, map[string]any{"format": "1.0", "locks": all})
	}
	held := false
	for i, l := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		one(w.stdout, l, w.now(), w.style())
		held = held || l.Held() != ""
	}
	if !held {
		return nil
	}
	typed := f.typedAgain(sets)
	mine := slices.ContainsFunc(sets, func(s lockSet) bool {
		return slices.ContainsFunc(s.places, func(p exec.Place) bool { return own(w, p.Lock) })
	})
	enough := 10 * time.Minute
	for _, s := range sets {
		for _, p := range s.places {
			if h := p.Lock.Holder; p.Lock.Held && h.Alive && h.Hold {
				enough = max(enough, h.Left+time.Minute)
			}
		}
	}
	fmt.Fprintf(w.stdout, "\nWait in line:  shipit apply %s --wait %dm\n", typed, int(enough.Minutes()))
	if mine {
		fmt.Fprintf(w.stdout, "Release yours: shipit lock release %s\n", typed)
	} else {
		fmt.Fprintf(w.stdout, "Break it:      shipit lock release %s --force\n", typed)
	}
	return nil
}

// own tells whether a lock is a hold of whoever types this.
func own(w *world, l exec.HostLock) bool {
	return l.Held && l.Holder.Alive && l.Holder.Hold && l.Holder.Owner == w.by()
}

// inTheWay tells whether a lock keeps a run of somebody away.
func inTheWay(l exec.HostLock) bool { return l.Held && l.Holder.Alive }
