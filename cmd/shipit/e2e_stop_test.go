package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// gate is a hook that waits on each host until the file go is there.
const gate = `hook "gate" {
    at     = "before_restart"
    shell  = "touch started; until [ -e go ]; do sleep 0.05; done"
    within = "60s"
  }`

// atWork waits for a file that a hook made.
func (h *host) atWork(rel string) string {
	h.f.t.Helper()
	eventually(h.f.t, h.name+" is at work", func() error {
		if text, err := os.ReadFile(h.path(rel)); err != nil || rel != "started" && !strings.HasSuffix(string(text), "\n") {
			return fmt.Errorf("no %s: %w", rel, err)
		}
		return nil
	})
	return strings.TrimSpace(h.has(rel))
}

func (h *host) touch(rel string) {
	h.f.t.Helper()
	if err := os.WriteFile(h.path(rel), nil, 0o644); err != nil {
		h.f.t.Fatal(err)
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// TestE2ECtrlCFinishesWhatIsInFlight: one interrupt during a slow check lets
// its host finish and starts nothing more.
func TestE2ECtrlCFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.define(definition{})
	f.apply(0, first)
	old := f.hosts[1].runs(first)
	f.define(definition{more: `check "command" "slow" {
    shell  = "[ ${release.tag} != ` + second + ` ] || { touch started; [ -e go ]; }"
    within = "60s"
    every  = "100ms"
  }`})
	p := f.start("apply", "hello.hcl", "--release", second, "--yes")
	f.hosts[0].atWork("started")
	p.signal(syscall.SIGINT)
	p.says("Interrupt: finishing")
	f.hosts[0].touch("go")
	out := p.wants(130)
	contains(t, out, "h1", "h2", "h3", "shipit status hello.hcl", "shipit resume 20", "shipit rollback 20")
	f.hosts[0].runs(second)
	if f.hosts[1].runs(first) != old {
		t.Error("h2 was restarted after the interrupt")
	}
	for _, h := range f.hosts {
		h.holdsNoLock()
		if log := h.has("pool.log"); !strings.HasSuffix(log, "in\n") {
			t.Errorf("%s was left out of the pool: %q", h.name, log)
		}
	}
	f.define(definition{})
	f.apply(0, second)
	for _, h := range f.hosts {
		h.runs(second)
	}
}

// TestE2ECtrlCBeforeAnyChange: nothing was touched, so it is a refusal.
func TestE2ECtrlCBeforeAnyChange(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{more: strings.Replace(gate, "before_restart", "start", 1)})
	p := f.start("apply", "hello.hcl", "--release", first, "--yes")
	f.hosts[0].atWork("started")
	p.signal(syscall.SIGINT)
	p.says("Interrupt: finishing")
	f.hosts[0].touch("go")
	f.hosts[1].touch("go")
	p.wants(6)
	for _, h := range f.hosts {
		h.holdsNoLock()
		if h.has("srv/hello/current/VERSION") != "" {
			t.Errorf("%s was activated", h.name)
		}
	}
}

// TestE2ESecondCtrlCStopsTheHosts: what runs there is really gone (H6,
// orphan-remote-process-killed).
func TestE2ESecondCtrlCStopsTheHosts(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{more: `hook "slow" {
    at     = "before_restart"
    shell  = "sleep 300 & echo $! >child; echo $$ >parent; wait; touch survived"
    within = "5m"
  }`})
	p := f.start("apply", "hello.hcl", "--release", second, "--yes")
	h := f.hosts[0]
	var pids []int
	for _, file := range []string{"child", "parent"} {
		pid, err := strconv.Atoi(h.atWork(file))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	p.signal(syscall.SIGINT)
	p.says("Interrupt: finishing")
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != 5 && code != 130 {
		t.Errorf("exit code %d, want 5 or 130:\n%s", code, p.output())
	}
	for _, pid := range pids {
		gone(t, pid)
	}
	if _, err := os.Stat(h.path("survived")); err == nil {
		t.Error("the hook went on after its child had been killed")
	}
	f.hosts[1].runs(first)
	f.converges(second)
}

// converges waits until the hosts' locks are free and deploys.
func (f *fleet) converges(tag string) {
	f.t.Helper()
	for _, h := range f.hosts {
		eventually(f.t, "the lock of "+h.name+" is free", func() error {
			if run := h.has("srv/hello/.shipit/lock/run"); run != "" {
				return fmt.Errorf("held by %s", run)
			}
			return nil
		})
	}
	f.define(definition{})
	f.shipit(2, "plan", "hello.hcl", "--release", tag, "--detailed-exitcode")
	f.apply(0, tag)
	for _, h := range f.hosts {
		h.runs(tag)
		h.holdsNoLock()
	}
	f.shipit(0, "plan", "hello.hcl", "--release", tag, "--detailed-exitcode")
}

// TestE2EKilledDeployerLeavesNothingBehind: controller dies midway; the hosts
// stop its work and give their locks back by themselves.
func TestE2EKilledDeployerLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{more: `hook "slow" {
    at     = "before_restart"
    shell  = "echo $$ >parent; sleep 300; touch survived"
    within = "5m"
  }`})
	p := f.start("apply", "hello.hcl", "--release", second, "--yes")
	h := f.hosts[0]
	pid, err := strconv.Atoi(h.atWork("parent"))
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGKILL)
	p.wait()
	gone(t, pid)
	if _, err := os.Stat(h.path("survived")); err == nil {
		t.Error("the hook went on without its deployer")
	}
	f.converges(second)
}

// TestE2EHostThatIsLostMidway: when the connection breaks while a host
// changes, its work there ends. A host that comes back is put back; of one
// that does not, nobody claims to know what runs there.
func TestE2EHostThatIsLostMidway(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	h := f.hosts[0]
	for _, stays := range []bool{false, true} {
		f.define(definition{more: `hook "slow" {
    at     = "before_restart"
    shell  = "echo $$ >parent; sleep 300; touch survived"
    within = "5m"
  }`})
		_ = os.Remove(h.path("parent"))
		p := f.start("apply", "hello.hcl", "--release", second, "--yes", "--connect-timeout", "2s")
		pid, err := strconv.Atoi(h.atWork("parent"))
		if err != nil {
			t.Fatal(err)
		}
		victims := connections(t, h.pid)
		if stays {
			victims = append([]int{h.pid}, victims...)
		}
		for _, c := range victims {
			if err := syscall.Kill(c, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatal(err)
			}
		}
		if stays {
			contains(t, p.wants(5), "h1    unknown", "cannot reach h1", "Out of service, as far as is known: h1.", "A human is needed")
			h.startSSHD()
			h.waitForBanner()
		} else {
			contains(t, p.wants(4), "the connection was lost")
			h.runs(first)
		}
		gone(t, pid)
		f.hosts[1].runs(first)
	}
	f.converges(second)
}

// connections are the processes in which an sshd serves its connections: its
// children, and theirs, which work for the login.
func connections(t *testing.T, sshd int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, file := range stats {
		var pid, parent int
		var state rune
		text, _ := os.ReadFile(file)
		before, after, _ := strings.Cut(string(text), " (sshd")
		_, after, _ = strings.Cut(after, ") ")
		if _, err := fmt.Sscan(before, &pid); err != nil {
			continue
		}
		if _, err := fmt.Sscanf(after, "%c %d", &state, &parent); err != nil {
			continue // no sshd
		}
		children[parent] = append(children[parent], pid)
	}
	var out []int
	for ask := []int{sshd}; len(ask) > 0; ask = ask[1:] {
		out = append(out, children[ask[0]]...)
		ask = append(ask, children[ask[0]]...)
	}
	return out
}

// TestE2ESIGTERMEndsGracefully: a supervisor's stop is no kill.
func TestE2ESIGTERMEndsGracefully(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{more: gate})
	p := f.start("apply", "hello.hcl", "--release", first, "--yes")
	f.hosts[0].atWork("started")
	p.signal(syscall.SIGHUP) // a lost terminal changes nothing
	p.signal(syscall.SIGTERM)
	p.says("finishing the steps in flight")
	f.hosts[0].touch("go")
	p.wants(143)
	f.hosts[0].runs(first)
	for _, h := range f.hosts {
		h.holdsNoLock()
	}
}

// TestE2ETwoControllersRace: exactly one of two proceeds, and the other one
// is told by whom, since when and why it was refused.
func TestE2ETwoControllersRace(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	d := definition{
		restart: "restart \"none\" {}", batch: "batch \"all\" {\n    size = \"100%\"\n  }", checks: "# none",
		more: strings.Replace(gate, "before_restart", "start", 1),
	}
	f.define(d)
	for round := range races(3) {
		for _, h := range f.hosts {
			_ = os.Remove(h.path("go"))
		}
		tag := []string{first, second}[round%2]
		var both [2]*process
		for i := range both {
			both[i] = f.start("apply", "hello.hcl", "--release", tag, "--yes", "-m", fmt.Sprintf("reason %d", i))
		}
		// The winner waits at its gate until the loser has been refused.
		var loser int
		select {
		case <-both[0].done:
		case <-both[1].done:
			loser = 1
		}
		winner := both[1-loser]
		out := both[loser].wants(7)
		for _, h := range f.hosts {
			h.touch("go")
		}
		said := winner.wants(0)
		_, id, _ := strings.Cut(said, "\nRun ")
		id, _, _ = strings.Cut(id, "\n")
		contains(t, out, id, fmt.Sprintf("reason %d", 1-loser), f.user+"@", "since")
		for _, h := range f.hosts {
			if got := strings.TrimSpace(h.has("srv/hello/current/VERSION")); got != tag {
				t.Errorf("round %d: %s holds %s, want %s", round, h.name, got, tag)
			}
			h.holdsNoLock()
		}
	}
}
