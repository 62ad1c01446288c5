package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/view"
	"shipit/lang/diag"
)

type logsCmd struct {
	What   string   `arg:"" optional:"" name:"run-or-file" help:"A run, or the beginning of its id, 'last' or nothing for the newest; or a definition, for the log of its service."`
	More   []string `arg:"" optional:"" name:"host-or-filter" help:"Only these hosts (names, globs), and only what fits all filters: FIELD OPERATOR VALUE. Of a definition: only hosts."`
	Follow bool     `short:"f" help:"Go on with what comes: of a run to its end, of a service to Ctrl-C."`
	Lines  int      `short:"n" default:"-1" placeholder:"N" help:"Only the last N lines: of a run all unless said, of a service 10 of each host."`
	JSON   bool     `name:"json" help:"Print JSON Lines."`
	Level  string   `placeholder:"LEVEL" help:"Of a run: only from this level on: debug, info, warn, error."`
	ByHost bool     `name:"by-host" help:"Of a run: host by host instead of in the order of time."`
	serviceLogFlags
}

func (c *logsCmd) Help() string {
	return "Of a run: what is recorded of it, and what its commands printed, from the journal; no host is asked. Fields of filters are " + strings.Join(event.Fields(), ", ") +
		"; operators = and != (patterns), ~ and !~ (regular expressions), < > <= >= (seq, time, level). See docs/logs.md.\n\n" +
		"Of a definition: the log of the service, from all its hosts as it comes. Where it is, the definition says: a check \"log\", or the unit of restart \"systemd\" or of a check \"systemd\"; or --unit, --file. " +
		"Takes no lock. Ctrl-C ends what reads on the hosts.\n\n" + examples(
		"shipit logs                                  # of the newest run",
		"shipit logs last 'rb10*' 'level>=warn'",
		"shipit logs 20150610T140203Z-3kq7 'seq>120' 'text~time.?out' --follow",
		"shipit logs restbase.hcl -e production --follow --limit 'rb10[01-04]'",
		"shipit logs restbase.hcl -e production --since 10m")
}

func (c *logsCmd) Run(w *world) error {
	if c.Lines < -1 {
		return exit(exitUsage, errors.New("-n is a number of lines"))
	}
	if c.isDefinition() {
		return c.ofService(w)
	}
	if flag := c.serviceOnly(); flag != "" {
		return exit(exitUsage, usageError{fmt.Errorf("%s is about the log of a service, and no definition is named", flag), "like: shipit logs restbase.hcl " + flag})
	}
	return c.ofRun(w)
}

// isDefinition tells whether a definition was named, rather than a run.
func (c *logsCmd) isDefinition() bool {
	if strings.HasSuffix(c.What, ".hcl") || c.What == "-" {
		return true
	}
	if c.What == "" || event.IsFilter(c.What) {
		return false
	}
	info, err := os.Stat(c.What)
	return err == nil && (info.IsDir() || filepath.Ext(c.What) == ".hcl")
}

// ofRun prints what is recorded of a run.
func (c *logsCmd) ofRun(w *world) error {
	ctx, p, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer p.close()
	id, more := c.What, c.More
	if event.IsFilter(id) {
		id, more = "", append([]string{id}, more...)
	}
	if id == "" || id == "last" {
		if id, err = p.last(ctx, ""); err != nil {
			return err
		}
	}
	run, store, err := p.find(ctx, id)
	if err != nil {
		if errors.As(err, new(*journal.NoRunError)) {
			return usageError{err, "a host of the newest run is named behind it: shipit logs last " + id}
		}
		return err
	}
	wanted, err := c.wanted(ctx, store, run, more)
	if err != nil {
		return err
	}
	sink, err := c.sink(w)
	if err != nil {
		return err
	}
	l := &runLog{w: w, places: p, store: store, run: run, wanted: wanted, sink: sink, last: c.Lines}
	if c.ByHost {
		if c.Follow {
			return exit(exitUsage, errors.New("--by-host waits for the end, and --follow does not: use one of both"))
		}
		return l.byHost(ctx)
	}
	return l.print(ctx, c.Follow)
}

// sink is where events are printed.
func (c *logsCmd) sink(w *world) (event.Sink, error) {
	if c.JSON {
		return view.NewStream(w.stdout, version)
	}
	return view.NewLog(w.stdout, w.style()), nil
}

// wanted tells which events are: of any of the hosts, and as all filters say.
func (c *logsCmd) wanted(ctx context.Context, store journal.Store, run string, more []string) (func(event.Event) bool, error) {
	var began time.Time
	if first, err := store.Events(ctx, run, 0); err == nil && len(first) > 0 {
		began = first[0].Time
	}
	if c.Level != "" {
		more = append(slices.Clone(more), "level>="+c.Level)
	}
	var hosts, all []event.Filter
	for _, text := range more {
		isHost := !event.IsFilter(text)
		if isHost {
			text = "host=" + text
		}
		f, err := event.ParseFilter(text, began)
		if err != nil {
			return nil, exit(exitUsage, err)
		}
		if isHost {
			hosts = append(hosts, f)
		} else {
			all = append(all, f)
		}
	}
	fits := func(e event.Event) func(event.Filter) bool {
		return func(f event.Filter) bool { return f.Match(e) }
	}
	return func(e event.Event) bool {
		return (len(hosts) == 0 || slices.ContainsFunc(hosts, fits(e))) &&
			!slices.ContainsFunc(all, func(f event.Filter) bool { return !f.Match(e) })
	}, nil
}

// A runLog prints what is recorded of a run.
type runLog struct {
	w      *world
	places *places
	store  journal.Store
	run    string
	wanted func(event.Event) bool
	sink   event.Sink
	last   int // lines at most of what is there already; -1 is all

	seq   int64
	shown int
	ended bool // the last event ends the run
}

// print prints events in their order, and then, if wanted, what comes.
func (l *runLog) print(ctx context.Context, follow bool) error {
	if err := l.past(ctx); err != nil {
		return err
	}
	var looked time.Time
	alive, unsure := false, error(nil)
	for follow && !l.ended {
		if l.w.now().Sub(looked) > time.Second { // before its last words are read
			alive, unsure = l.places.aliveAnywhere(ctx, l.run)
			looked = l.w.now()
		}
		if err := l.more(ctx); err != nil {
			return err
		}
		switch {
		case ctx.Err() != nil:
			return exit(l.w.interruptCode(), nil)
		case l.ended:
		case unsure == nil && !alive:
			fmt.Fprintf(l.w.stderr, "The process of run %s has ended, and the run has not: shipit resume %s\n", l.run, l.run)
			return nil
		default:
			wait(ctx, followEvery)
		}
	}
	if l.seq > 0 && l.shown == 0 && !follow {
		fmt.Fprintf(l.w.stderr, "None of %s is like that.\n", count(int(l.seq), "event"))
	}
	if l.seq == 0 {
		fmt.Fprintf(l.w.stderr, "Nothing is recorded of run %s yet.\n", l.run)
	}
	return nil
}

// past prints what is there already.
func (l *runLog) past(ctx context.Context) error {
	if l.last < 0 {
		return l.more(ctx)
	}
	var kept []event.Event
	for e, err := range journal.All(ctx, l.store, l.run, 0) {
		if err != nil {
			return err
		}
		l.seq, l.ended = e.Seq, e.Type == event.RunFinished
		if !l.wanted(e) {
			continue
		}
		if kept = append(kept, e); len(kept) >= 2*l.last+100 {
			kept = slices.Clone(kept[len(kept)-l.last:])
		}
	}
	for _, e := range kept[max(0, len(kept)-l.last):] {
		l.shown++
		if err := l.sink.Append(e); err != nil {
			return err
		}
	}
	return nil
}

// more prints what has come since.
func (l *runLog) more(ctx context.Context) error {
	for e, err := range journal.All(ctx, l.store, l.run, l.seq) {
		switch {
		case ctx.Err() != nil:
			return exit(l.w.interruptCode(), nil)
		case err != nil:
			return err
		}
		l.seq, l.ended = e.Seq, e.Type == event.RunFinished
		if !l.wanted(e) {
			continue
		}
		l.shown++
		if err := l.sink.Append(e); err != nil {
			return err
		}
	}
	return nil
}

// byHost prints what is about no host, and then each host's events, by going
// through the journal once for each: what was printed may be too much to keep.
func (l *runLog) byHost(ctx context.Context) error {
	hosts := []string{""}
	known := map[string]bool{"": true}
	for e, err := range journal.All(ctx, l.store, l.run, 0) {
		if err != nil {
			return err
		}
		if l.wanted(e) && !known[e.Host] {
			known[e.Host] = true
			hosts = append(hosts, e.Host)
		}
	}
	slices.SortFunc(hosts, diag.CompareNatural)
	all := l.wanted
	for _, h := range hosts {
		l.seq = 0
		l.wanted = func(e event.Event) bool { return e.Host == h && all(e) }
		if err := l.past(ctx); err != nil {
			return err
		}
	}
	return nil
}
