package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// guarded is a definition whose hosts wait some seconds to be confirmed, and
// linger after the restart of the second release.
func guarded() definition {
	return definition{
		drain:    "drain {\n    out = [\"pool\", \"out\"]\n    in  = [\"pool\", \"in\"]\n    within = \"2s\"\n  }",
		restart:  "restart \"service\" {\n    name = \"hello\"\n    within = \"3s\"\n  }",
		checks:   strings.Replace(versionCheck, `"10s"`, `"3s"`, 1),
		rollback: "rollback {\n    watchdog = \"13s\"\n  }",
		more: `hook "linger" {
    at     = "after_restart"
    shell  = "[ ${release.tag} != ` + second + ` ] || { touch started; sleep 3; }"
    within = "4s"
  }`,
	}
}

// TestE2EHostGoesBackWhenTheDeployerIsKilled: between activation and
// confirmation nothing is left of the deployer; the host undoes what it did,
// keeps others away until then, and tells of it.
func TestE2EHostGoesBackWhenTheDeployerIsKilled(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(guarded())
	f.apply(0, first)
	contains(t, f.shipit(0, "plan", "hello.hcl", "--release", second), "arm the watchdog (13s)", "confirm over a new",
		"if the deployer is lost: a host that it has not confirmed goes back by itself after 13s")
	h := f.hosts[0]
	old := h.has("etc/hello.conf")
	p := f.start("apply", "hello.hcl", "--release", second, "--yes", "--var", "greeting=Good evening")
	h.atWork("started")
	p.signal(syscall.SIGKILL)
	p.wait()
	eventually(t, "the dead deployer's lock is the watchdog's", func() error {
		if reason := h.has("srv/hello/.shipit/lock/reason"); !strings.Contains(reason, "its watchdog takes the host back") {
			return fmt.Errorf("the lock says %q", reason)
		}
		return nil
	})
	contains(t, f.shipit(0, "plan", "hello.hcl", "--release", second), "the host goes back by itself in")
	contains(t, f.shipit(7, "apply", "hello.hcl", "--release", second, "--yes"), "its watchdog takes the host back in")
	eventually(t, "the host is back and free", func() error {
		if run := h.has("srv/hello/.shipit/lock/run"); run != "" {
			return fmt.Errorf("held by %s", run)
		}
		return nil
	})
	h.runs(first)
	if conf := h.has("etc/hello.conf"); conf != old {
		t.Errorf("the file holds %q", conf)
	}
	if log := h.has("pool.log"); !strings.HasSuffix(log, "out\nout\nin\n") {
		t.Errorf("the host was pooled %q", log)
	}
	if _, err := os.Stat(h.path("srv/hello/.shipit/lock/watchdog")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something of the watchdog is left: %v", err)
	}
	contains(t, f.shipit(0, "plan", "hello.hcl", "--release", second), "was taken back there by the watchdog of run")
	f.apply(0, second)
	for _, h := range f.hosts {
		h.runs(second)
		h.holdsNoLock()
	}
}

// TestE2EHostGoesBackWhenItsSSHDIsKilled: the way to the host is gone, the
// deployer is not.
func TestE2EHostGoesBackWhenItsSSHDIsKilled(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.define(guarded())
	f.apply(0, first)
	h := f.hosts[0]
	p := f.start("apply", "hello.hcl", "--release", second, "--yes")
	h.atWork("started")
	_ = syscall.Kill(h.pid, syscall.SIGSTOP) // it lets nobody in between
	for _, pid := range append(connections(t, h.pid), h.pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	contains(t, p.wants(5), "its watchdog takes it back", "By hand, on h1, what goes back:", "service hello restart")
	eventually(t, "the host is back", func() error {
		if history := h.has("srv/hello/.shipit/history"); !strings.Contains(history, "\tundone\t") {
			return fmt.Errorf("its history is\n%s", history)
		}
		return nil
	})
	h.runs(first)
	if pid, err := strconv.Atoi(strings.TrimSpace(h.has("run/hello.pid"))); err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
		t.Errorf("no process %d: %v", pid, err) // nobody can look at the host without its sshd
	}
}
