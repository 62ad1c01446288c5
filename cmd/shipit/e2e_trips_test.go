package main

import (
	"os"
	"strings"
	"testing"
)

// execs is how many commands the host was sent so far.
func (h *host) execs() int {
	h.f.t.Helper()
	text, err := os.ReadFile(h.log())
	if err != nil {
		h.f.t.Fatal(err)
	}
	return strings.Count(string(text), "Starting session: command")
}

// TestE2EConnectionsAndExecs: one connection a run, and so many execs on it.
// A login is eight round trips and an exec three at most, so a plan takes 11.
// The checks of this definition are asked from here, which cuts the switch in
// two.
func TestE2EConnectionsAndExecs(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	h := f.hosts[0]
	f.define(definition{})
	f.apply(0, first)
	for _, c := range []struct {
		what  string
		execs int
		args  []string
	}{
		{"plan", 1, []string{"plan", "hello.hcl", "--release", second}},
		{"apply", 3, []string{"apply", "hello.hcl", "--release", second, "--yes"}},
	} {
		logins, execs := h.logins(), h.execs()
		f.shipit(0, c.args...)
		logins, execs = h.logins()-logins, h.execs()-execs
		if logins != 1 || execs > c.execs {
			t.Errorf("%s took %d connections and %d execs, wanted 1 and at most %d", c.what, logins, execs, c.execs)
		}
		t.Logf("%s: %d connection, %d execs", c.what, logins, execs)
	}
}
