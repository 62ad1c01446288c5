package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"shipit/exec"
	"shipit/exec/view"
)

// serviceLogFlags are those of the log of a service.
type serviceLogFlags struct {
	valueFlags
	sshFlags
	Limit   []string `placeholder:"HOST" help:"Of a definition: only these hosts: names, globs, ranges like rb10[01-04]."`
	Without []string `placeholder:"HOST" help:"Of a definition: leave these hosts out."`
	File    string   `xor:"place" placeholder:"PATH" help:"Of a definition: read this file on the hosts."`
	Unit    []string `xor:"place" sep:"none" placeholder:"NAME" help:"Of a definition: read what this systemd unit logs; may be repeated."`
	Since   string   `placeholder:"TIME" help:"Of a definition whose service is a unit: from there on; 10m, or a time as journalctl takes it."`
	User    string   `placeholder:"USER" help:"Of a definition: read as this user, by sudo -n; otherwise as who logs in."`
}

// serviceOnly is a flag that only makes sense with a definition, "" if none is there.
func (c *logsCmd) serviceOnly() string {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"--env", c.Env != ""},
		{"--limit", len(c.Limit) > 0},
		{"--without", len(c.Without) > 0},
		{"--file", c.File != ""},
		{"--unit", len(c.Unit) > 0},
		{"--since", c.Since != ""},
		{"--user", c.User != ""},
	} {
		if f.set {
			return f.name
		}
	}
	return ""
}

// ofService reads the service's own log.
func (c *logsCmd) ofService(w *world) error {
	if c.Level != "" || c.ByHost {
		return exit(exitUsage, errors.New("--level and --by-host are about what is recorded of a run; a service's log has no levels that shipit knows"))
	}
	ctx, stop := w.interruptible()
	defer stop()
	hosts, places, done, err := c.listeners(w)
	if err != nil {
		return err
	}
	defer done()
	if !slices.ContainsFunc(places, func(p exec.LogPlace) bool { return !p.None() }) {
		return exit(exitUsage, usageError{
			errors.New("the definition does not say where the service logs: it has neither a check \"log\" nor a systemd unit"),
			"name it: --unit NAME, or --file PATH on the hosts",
		})
	}
	q := exec.LogQuery{Lines: c.Lines, Follow: c.Follow}
	if c.Lines < 0 {
		q.Lines = 10
	}
	if c.Since != "" {
		if q.Since, err = c.since(places); err != nil {
			return err
		}
	}
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Host
	}
	t := exec.Tail{Query: q, As: c.User}
	if c.JSON {
		out := newExecJSON(w.stdout, names)
		t.On, t.Said = out.line, out.said
	} else {
		out := view.NewPrefixed(w.stdout, names, w.style())
		bad := view.NewPrefixed(w.stderr, names, w.style())
		t.On = func(i int, line string) { out.Line(names[i], line) }
		t.Said = func(i int, text string) { bad.Bad(names[i], text) }
	}
	failed := t.Run(ctx, hosts, places)
	switch {
	case w.signal.Load() != nil:
		return exit(w.interruptCode(), nil)
	case failed > 0:
		return exit(exitFailed, fmt.Errorf("the log of %s could not be read", count(failed, "host")))
	}
	return nil
}

// since is --since for journalctl.
func (c *logsCmd) since(places []exec.LogPlace) (string, error) {
	if slices.ContainsFunc(places, func(p exec.LogPlace) bool { return p.File != "" }) {
		return "", exit(exitUsage, usageError{errors.New("--since is for the log of a systemd unit: lines of a file have no time that shipit knows"), "-n 1000 reads the last 1,000 lines"})
	}
	if d, err := time.ParseDuration(c.Since); err == nil {
		return fmt.Sprintf("-%d seconds", int(d.Seconds())), nil
	}
	return c.Since, nil
}

// listeners are the hosts of all services, and where those log.
func (c *logsCmd) listeners(w *world) ([]exec.Listener, []exec.LogPlace, func(), error) {
	f := definitionFlags{Files: []string{c.What}, valueFlags: c.valueFlags}
	services, err := f.loadAll(w)
	if err != nil {
		return nil, nil, nil, err
	}
	choice := planFlags{Limit: slices.Concat(c.Limit, c.More), Without: c.Without}
	pool := c.dial(w)
	var hosts []exec.Listener
	var places []exec.LogPlace
	for _, s := range services {
		at := map[string]exec.LogPlace{}
		for _, t := range s.def.Targets {
			at[t.Host.Name] = exec.LogOf(t)
		}
		in := pool.ask(questionsOf(s))
		for _, q := range choice.asked(in.questions) {
			hosts = append(hosts, exec.Listener{Fleet: in.fleet, Host: q.Host, Target: q.Target})
			place := at[q.Host]
			if c.File != "" || len(c.Unit) > 0 {
				place = exec.LogPlace{File: c.File, Units: c.Unit}
			}
			places = append(places, place)
		}
	}
	if len(hosts) == 0 {
		pool.close()
		return nil, nil, nil, exit(exitUsage, fmt.Errorf("%s and --without leave no host", cmp.Or(firstOf(c.More), "--limit")))
	}
	return hosts, places, pool.close, nil
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
