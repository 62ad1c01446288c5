package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec"
	"shipit/exec/view"
	"shipit/lang"
)

type execCmd struct {
	File string `arg:"" help:"A definition like restbase.hcl, or a directory of them."`
	valueFlags
	sshFlags
	Command  []string      `arg:"" optional:"" passthrough:"" help:"Behind --, the command with its arguments, as they are: no shell reads them."`
	Shell    string        `placeholder:"TEXT" help:"Run this text by sh -c instead of a command."`
	Limit    []string      `placeholder:"HOST" help:"Only these hosts: names, globs, ranges like rb10[01-04]."`
	Without  []string      `placeholder:"HOST" help:"Leave these hosts out."`
	User     string        `placeholder:"USER" help:"Run it as this user, by sudo -n; otherwise as who logs in."`
	Parallel string        `placeholder:"N|N%" help:"On so many hosts at once; otherwise on up to 256."`
	Timeout  time.Duration `default:"1m" help:"How long it may take on a host, which ends it then."`
	Stream   bool          `help:"Print each line as it comes, behind its host, instead of equal outputs together at the end."`
	JSON     bool          `name:"json" help:"Print JSON Lines as they come: a line for each line and for each end."`
}

func (c *execCmd) Help() string {
	return "Takes no lock and is not recorded; says so where a run is at work. Nothing can be typed into the command. Ctrl-C ends it on the hosts.\n\n" + examples(
		"shipit exec restbase.hcl -e production -- uptime",
		"shipit exec restbase.hcl -e production --limit 'rb10[01-04]' --user restbase -- node --version",
		"shipit exec restbase.hcl -e production --shell 'journalctl -u restbase | tail -n 5'",
		"shipit exec restbase.hcl -e production --parallel 1 --timeout 10m --stream -- apt-get -s upgrade")
}

// mostKept bounds the output that is kept of all hosts together.
const mostKept = 256 << 20

func (c *execCmd) Run(w *world) error {
	argv, err := c.argv()
	if err != nil {
		return err
	}
	ctx, stop := w.interruptible()
	defer stop()
	hosts, done, err := c.hosts(w)
	if err != nil {
		return err
	}
	defer done()
	t := exec.Typed{Argv: argv, As: c.User, Within: c.Timeout}
	if c.Parallel != "" {
		size, err := lang.ParseSize(c.Parallel)
		if err != nil || size.N == 0 {
			return exit(exitUsage, fmt.Errorf("--parallel: a number of hosts or a percentage, like 4 or 25%%, not %q", c.Parallel))
		}
		t.Width = size.Of(len(hosts))
	}
	out := c.output(w, hosts)
	var waits *waiting
	if !c.Stream && !c.JSON {
		var names []string
		for _, h := range hosts {
			names = append(names, h.Host)
		}
		waits = w.waitFor("ended on", names)
	}
	t.On = out.line
	heard := exec.Everywhere(ctx, hosts, t, func(h exec.Heard) {
		if waits != nil {
			waits.came(h.Host)
		}
		out.ended(h)
	})
	if waits != nil {
		waits.over()
	}
	out.over(heard)
	switch {
	case w.signal.Load() != nil:
		return exit(w.interruptCode(), nil)
	case slices.ContainsFunc(heard, func(h exec.Heard) bool { return !h.OK() }):
		return exit(exitFailed, nil)
	}
	return nil
}

// argv is the command that is run on the hosts.
func (c *execCmd) argv() ([]string, error) {
	command := c.Command
	usage := func(text, help string) error { return exit(exitUsage, usageError{errors.New(text), help}) }
	example := "shipit exec " + c.File + " -- uptime"
	switch {
	case c.Timeout <= 0:
		return nil, usage("--timeout must be more than 0", "leave it out for a minute")
	case len(command) > 0 && command[0] != "--":
		return nil, usage(fmt.Sprintf("%q is neither a flag nor behind --", command[0]), "write -- before the command, like: "+example)
	case c.Shell != "" && len(command) > 0:
		return nil, usage("there is a command and --shell", "use one of both")
	case c.Shell != "":
		return []string{"sh", "-c", c.Shell}, nil
	case len(command) < 2:
		return nil, usage("which command?", "like: "+example)
	case command[1] == "" || strings.HasPrefix(command[1], "-"):
		return nil, usage(fmt.Sprintf("%q names no program", command[1]), "like: "+example)
	}
	return command[1:], nil
}

// hosts are those of all services, each once, with the locks on it.
func (c *execCmd) hosts(w *world) ([]exec.Listener, func(), error) {
	f := definitionFlags{Files: []string{c.File}, valueFlags: c.valueFlags}
	services, err := f.loadAll(w)
	if err != nil {
		return nil, nil, err
	}
	p := planFlags{Limit: c.Limit, Without: c.Without}
	pool := c.dial(w)
	var out []exec.Listener
	type way struct {
		fleet *exec.Fleet
		host  string
	}
	at := map[way]int{}
	for _, s := range services {
		in := pool.ask(questionsOf(s))
		for _, q := range p.asked(in.questions) {
			i, ok := at[way{in.fleet, q.Host}]
			if !ok {
				i = len(out)
				at[way{in.fleet, q.Host}] = i
				out = append(out, exec.Listener{Fleet: in.fleet, Host: q.Host, Target: q.Target})
			}
			out[i].Paths = append(out[i].Paths, q.Path)
		}
	}
	if len(out) == 0 {
		pool.close()
		return nil, nil, exit(exitUsage, fmt.Errorf("--limit and --without leave no host"))
	}
	return out, pool.close, nil
}

// questionsOf are about all hosts of a service, for what needs no plan.
func questionsOf(s *source) []exec.Question {
	var qs []exec.Question
	for _, t := range s.def.Targets {
		qs = append(qs, exec.Question{Host: t.Host.Name, Target: exec.TargetOfHost(t.Host, s.base(), s.def.File), Path: s.def.Service.Transport.Path})
	}
	return qs
}

// how says how a command ended, "" where it ended well.
func how(h exec.Heard) string {
	switch {
	case h.OK():
		return ""
	case h.End == exec.Exited:
		return fmt.Sprintf("exit status %d", h.Code)
	}
	return string(h.End) + ": " + h.Why
}

// advice is what to do about an end.
func (c *execCmd) advice(h exec.Heard) string {
	switch {
	case h.End == exec.Unknown:
		return "it may still run there; look for its process on the host"
	case h.End == exec.Late && h.Took < c.Timeout+time.Minute:
		return "give it more time by --timeout"
	}
	return h.Help
}

// busy says who had which hosts at that moment, a sentence each.
func busy(heard []exec.Heard) []string {
	hosts := map[string][]string{}
	var first []exec.Heard
	for _, h := range heard {
		if h.Lock == nil {
			continue
		}
		if hosts[h.Lock.Run] == nil {
			first = append(first, h)
		}
		hosts[h.Lock.Run] = append(hosts[h.Lock.Run], h.Host)
	}
	var out []string
	for _, h := range first {
		out = append(out, lang.Fold(hosts[h.Lock.Run])+": "+h.Lock.String())
	}
	return out
}

// output is how a command's output is shown.
func (c *execCmd) output(w *world, hosts []exec.Listener) execOutput {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Host)
	}
	switch {
	case c.JSON:
		return newExecJSON(w.stdout, names)
	case c.Stream:
		return &execStream{c: c, w: w, names: names, out: view.NewPrefixed(w.stdout, names, w.style())}
	}
	g := &execGroups{c: c, w: w}
	for range names {
		g.kept = append(g.kept, view.NewKept(min(1<<20, max(64<<10, mostKept/len(names)))))
	}
	return g
}
