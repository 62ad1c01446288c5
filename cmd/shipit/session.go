package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// sshFlags are how hosts are reached, beyond what the definition says.
type sshFlags struct {
	SSHConfig      string        `name:"ssh-config" placeholder:"FILE" help:"Use this file instead of ~/.ssh/config."`
	ConnectTimeout time.Duration `name:"connect-timeout" default:"15s" help:"Bound on connecting and logging in to a host."`
	KeepAlive      time.Duration `name:"keepalive" default:"15s" placeholder:"DURATION" help:"How often a silent host must show that it is alive. After three times without it is given up."`
	AcceptNew      bool          `name:"accept-new-host-keys" help:"Trust a host whose key is not known yet, and remember it."`
}

// fleetFlags choose services and how their hosts are reached.
type fleetFlags struct {
	definitionFlags
	sshFlags
}

// A survey is a command's services and the connections to their hosts.
type survey struct {
	services []*source
	*pool
	stop func()
}

// survey is what a command that looks at all hosts begins with. The context
// is one that an interrupt ends.
func (f *fleetFlags) survey(w *world) (context.Context, *survey, error) {
	ctx, stop := w.interruptible()
	services, err := f.loadAll(w)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return ctx, &survey{services: services, pool: f.dial(w), stop: stop}, nil
}

// close ends the connections and gives the signals back.
func (s *survey) close() {
	s.pool.close()
	s.stop()
}

// A pool holds the connections of a command: one fleet, or another where two
// services reach a host of the same name in different ways.
type pool struct {
	flags  sshFlags
	ssh    *remote.SSH
	fleets []*exec.Fleet
	known  []map[string]remote.Target // by fleet, by host
}

// fleet is one in which every target is reached as it says.
func (p *pool) fleet(qs []exec.Question) *exec.Fleet {
	way := func(t remote.Target) remote.Target {
		t.At = "" // where a host is written down is no way to reach it
		return t
	}
	i := slices.IndexFunc(p.known, func(known map[string]remote.Target) bool {
		return !slices.ContainsFunc(qs, func(q exec.Question) bool {
			t, ok := known[q.Host]
			return ok && !reflect.DeepEqual(t, way(q.Target))
		})
	})
	if i < 0 {
		i = len(p.fleets)
		p.fleets, p.known = append(p.fleets, exec.NewFleet(p.ssh)), append(p.known, map[string]remote.Target{})
	}
	for _, q := range qs {
		p.known[i][q.Host] = way(q.Target)
	}
	return p.fleets[i]
}

func (p *pool) close() {
	for _, f := range p.fleets {
		f.Close()
	}
	_ = p.ssh.Close()
}

// dial makes the pool of a run: one connection a host from the first question
// to the last check.
func (f *sshFlags) dial(w *world) *pool {
	var mu sync.Mutex
	told := map[string]bool{}
	warn := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if !told[text] {
			told[text] = true
			fmt.Fprintf(w.stderr, "warning: %s\n", text)
		}
	}
	ssh := remote.NewSSH(remote.SSHOptions{
		Version:    version,
		Timeout:    f.ConnectTimeout,
		KeepAlive:  f.KeepAlive,
		AgentSock:  w.getenv("SSH_AUTH_SOCK"),
		Home:       w.home(),
		ConfigFile: f.SSHConfig,
		UseSSHG:    true,
		AcceptNew:  f.AcceptNew,
		Warn:       warn,
	})
	return &pool{flags: *f, ssh: ssh}
}

// An inquiry is the questions of one service, and what the hosts said.
type inquiry struct {
	fleet     *exec.Fleet
	questions []exec.Question
	facts     plan.Facts
}

// inquire prepares the questions of a service.
func (p *pool) inquire(s *source, kind plan.Kind) *inquiry {
	return p.ask(exec.Questions(s.def, s.base(), kind))
}

func (p *pool) ask(qs []exec.Question) *inquiry {
	return &inquiry{fleet: p.fleet(qs), questions: qs}
}

// observe asks the hosts of all services at once and says on a terminal whom
// it waits for.
func observe(ctx context.Context, w *world, all ...*inquiry) error {
	var hosts []string
	for _, q := range all {
		for _, q := range q.questions {
			hosts = append(hosts, q.Host)
		}
	}
	waits := w.waitFor("read", hosts)
	var services sync.WaitGroup
	for _, q := range all {
		services.Go(func() {
			q.facts = exec.Observe(ctx, q.fleet, q.questions, func(host string, _ plan.HostFacts) { waits.came(host) })
		})
	}
	services.Wait()
	waits.over()
	return context.Cause(ctx)
}

// salt is for the hashes of sensitive values in one plan.
func salt() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return b
}
