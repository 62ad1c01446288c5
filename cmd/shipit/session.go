package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
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
	AcceptNew      bool          `name:"accept-new-host-keys" help:"Trust a host whose key is not known yet, and remember it."`
}

// dial makes the fleet of a run: one connection a host from the first
// question to the last check.
func (f *sshFlags) dial(w *world) (*exec.Fleet, func()) {
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
		AgentSock:  w.getenv("SSH_AUTH_SOCK"),
		Home:       w.home(),
		ConfigFile: f.SSHConfig,
		AcceptNew:  f.AcceptNew,
		Warn:       warn,
	})
	fleet := exec.NewFleet(ssh)
	return fleet, func() {
		fleet.Close()
		_ = ssh.Close()
	}
}

// observe asks the hosts and says on a terminal whom it waits for.
func observe(ctx context.Context, w *world, fleet *exec.Fleet, qs []exec.Question) (plan.Facts, error) {
	waiting := map[string]bool{}
	for _, q := range qs {
		waiting[q.Host] = true
	}
	var mu sync.Mutex
	done := make(chan struct{})
	var ticker sync.WaitGroup
	ticker.Go(func() {
		start := time.Now()
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				mu.Lock()
				var names []string
				for _, q := range qs {
					if waiting[q.Host] && len(names) < 3 {
						names = append(names, q.Host)
					}
				}
				read := len(qs) - len(waiting)
				mu.Unlock()
				fmt.Fprintf(w.stderr, "read %d of %d hosts, waiting for %s (%ds)\n", read, len(qs), strings.Join(names, ", "), int(time.Since(start).Seconds()))
			}
		}
	})
	facts := exec.Observe(ctx, fleet, qs, func(host string, _ plan.HostFacts) {
		mu.Lock()
		delete(waiting, host)
		mu.Unlock()
	})
	close(done)
	ticker.Wait()
	return facts, context.Cause(ctx)
}

// salt is for the hashes of sensitive values in one plan.
func salt() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return b
}
