package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hup = `restart "signal" {
    signal   = "HUP"
    pid_file = "run/hello.pid"
  }`

// TestE2ERestartBySignal: a HUP is a restart that keeps the process, and code
// and files both go back with it (H7).
func TestE2ERestartBySignal(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{restart: hup})
	h := f.hosts[0]
	pid := h.runs(first).PID
	state := func(tag, greeting string, loads int) {
		t.Helper()
		info := h.runs(tag)
		if info.PID != pid || info.Loads != loads {
			t.Errorf("process %d has read %d times, want process %d and %d times", info.PID, info.Loads, pid, loads)
		}
		if want := greeting + " from h1\n"; info.Config != want || h.has("etc/hello.conf") != want {
			t.Errorf("the service read %q, the file holds %q, want %q", info.Config, h.has("etc/hello.conf"), want)
		}
	}

	f.apply(0, second)
	state(second, "Good morning", 2)

	out := f.apply(0, second, "--var", "greeting=Good evening")
	contains(t, out, "+Good evening from h1")
	state(second, "Good evening", 3)
	if left, err := filepath.Glob(h.path("srv/hello/releases/*")); err != nil || len(left) != 2 {
		t.Errorf("a change of a file left the releases %v, %v", left, err)
	}

	f.apply(4, sick, "--var", "greeting=Good night")
	state(second, "Good evening", 5) // there and back

	f.apply(0, second, "--var", "greeting=Good evening")
	state(second, "Good evening", 5) // nothing to do
}

// TestE2EFailsWhereNothingTakesTheSignal: no process is a failure, not a
// success without effect.
func TestE2EFailsWhereNothingTakesTheSignal(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.define(definition{restart: hup})
	contains(t, f.apply(5, first), "run/hello.pid")
	f.hosts[0].holdsNoLock()
}

// TestE2EARestartThatFailsGoesBack: the release does not even start.
func TestE2EARestartThatFailsGoesBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{batch: "batch \"all\" {\n    size = \"100%\"\n  }"})
	f.apply(0, first)
	out := f.apply(4, dead)
	contains(t, out, "this release does not start")
	for _, h := range f.hosts {
		h.runs(first)
		h.holdsNoLock()
		if log := h.has("pool.log"); !strings.HasSuffix(log, "in\n") {
			t.Errorf("%s was put back but not into the pool: %q", h.name, log)
		}
	}
}

// TestE2ERollbackWithGitDown: the way back needs nothing but the hosts.
func TestE2ERollbackWithGitDown(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.apply(0, second)
	if err := os.RemoveAll(f.path("def/hello.git")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(f.path("cache")); err != nil {
		t.Fatal(err)
	}
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	for _, h := range f.hosts {
		h.runs(first)
	}
}

// TestE2ERollbackWithOneRelease: there is nothing to go back to, and it says so.
func TestE2ERollbackWithOneRelease(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.define(definition{})
	f.apply(0, first)
	before := f.hosts[0].runs(first)
	out := f.shipit(1, "rollback", "hello.hcl", "--yes")
	contains(t, out, "h1")
	if after := f.hosts[0].runs(first); after != before {
		t.Error("a rollback to nothing touched the service")
	}
}

// TestE2EFirstDeployThatFailsIsMixed: a host that ran nothing before has no
// way back, and the exit code says that a human is needed.
func TestE2EFirstDeployThatFailsIsMixed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	out := f.apply(5, sick)
	contains(t, out, "h1", "h2", "shipit status hello.hcl")
	if log := f.hosts[0].has("pool.log"); log != "out\n" {
		t.Errorf("the failed host was pooled %q, want out only", log)
	}
	for _, h := range f.hosts {
		h.holdsNoLock()
	}
	if f.hosts[1].has("srv/hello/current/VERSION") != "" {
		t.Error("the second host was activated after the first had failed")
	}
	f.apply(0, first) // and from there it goes on
	for _, h := range f.hosts {
		h.runs(first)
	}
}
