package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestE2EChecksBeforeAndAfter has hosts judge JSON and read a log since the
// restart, and refuses to touch a fleet that is red already.
func TestE2EChecksBeforeAndAfter(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{
		checks: `check "http" "version" {
    url            = "http://${host.address}:8080/_info"
    json           = { ".Version" = release.tag }
    matches        = "\"PID\":[0-9]+"
    expect_headers = { Content-Type = "text/plain; charset=utf-8" }
    within         = "10s"
    every          = "100ms"
  }

  check "log" "started" {
    file   = "app.log"
    must   = "^started ${release.tag}$"
    within = "5s"
    every  = "100ms"
  }`,
		more: `hook "tell" {
    at    = "after_restart"
    shell = "echo started $SHIPIT_TAG >>app.log"
  }`,
	})
	f.apply(0, first)

	text, err := os.ReadFile(f.hosts[1].path(f.hosts[1].o.pidfile))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)

	contains(t, f.shipit(0, "plan", "hello.hcl", "--release", second), "before the first change: check http.version on 2 hosts, as they run now")
	contains(t, f.apply(1, second), "1 of 2 hosts is not well as they run now, so nothing was changed", "! h2: check.http.version: ", "--ignore-preflight")
	f.hosts[0].runs(first)
	for _, h := range f.hosts {
		h.holdsNoLock()
	}

	contains(t, f.apply(0, second, "--ignore-preflight"), "h2  was not well before the first change: check.http.version: ", "as --ignore-preflight says")
	for _, h := range f.hosts {
		h.runs(second)
	}
}
