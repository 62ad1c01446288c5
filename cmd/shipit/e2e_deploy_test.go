package main

import (
	"strings"
	"testing"
)

// TestE2EDeploysAndGoesBack is the life of a service: the first release, the
// next, the same again, a sick one that goes back by itself, a rollback.
func TestE2EDeploysAndGoesBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.raced = true
	f.define(definition{})
	f.shipit(2, "plan", "hello.hcl", "--release", first, "--detailed-exitcode")
	for _, h := range f.hosts {
		if h.has("srv/hello/.shipit/history") != "" {
			t.Errorf("plan changed %s", h.name)
		}
	}

	f.apply(0, first)
	old := map[string]helloInfo{}
	for _, h := range f.hosts {
		old[h.name] = h.runs(first)
	}

	f.apply(0, second)
	now := map[string]helloInfo{}
	for _, h := range f.hosts {
		now[h.name] = h.runs(second)
		if now[h.name].PID == old[h.name].PID || !now[h.name].Started.After(old[h.name].Started) {
			t.Errorf("%s: the old process answers for %s", h.name, second)
		}
		if got, want := h.has("srv/hello/current/doc/naïve.txt"), "b\n"; got != want {
			t.Errorf("%s: doc/naïve.txt holds %q", h.name, got)
		}
		if got, want := h.has("pool.log"), strings.Repeat("out\nin\n", 2); got != want {
			t.Errorf("%s was pooled %q, want %q", h.name, got, want)
		}
	}

	f.apply(0, second)
	for _, h := range f.hosts {
		if h.runs(second) != now[h.name] {
			t.Errorf("%s: nothing had to change, but its service was restarted", h.name)
		}
		if got, want := h.has("pool.log"), strings.Repeat("out\nin\n", 2); got != want {
			t.Errorf("%s was drained for nothing: %q", h.name, got)
		}
	}

	contains(t, f.apply(4, sick), "health")
	if info := f.hosts[0].runs(second); info.PID == now["h1"].PID {
		t.Error("h1: the process from before the failure answers")
	}
	for _, h := range f.hosts[1:] {
		if h.runs(second) != now[h.name] {
			t.Errorf("%s was restarted after the canary had failed", h.name)
		}
	}

	f.shipit(0, "rollback", "hello.hcl", "--yes")
	for _, h := range f.hosts {
		h.runs(first)
		h.holdsNoLock()
	}
}
