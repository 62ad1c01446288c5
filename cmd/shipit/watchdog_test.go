package main

import (
	"strings"
	"testing"
	"time"
)

func TestWatchdogLetsWorkEnd(t *testing.T) {
	t.Parallel()
	worked := false
	if d := (watchdog{time: time.Minute, memory: 1 << 40}).guard("x.hcl", func() { worked = true }); d != nil || !worked {
		t.Errorf("got %v, worked: %v", d, worked)
	}
}

func TestWatchdogGivesUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dog  watchdog
		want string
	}{
		"time":   {watchdog{time: 50 * time.Millisecond, memory: 1 << 40}, "Reading and evaluating it took longer than 50ms."},
		"memory": {watchdog{time: time.Minute, memory: 1 << 20}, "Reading and evaluating it took more than 1 MiB of memory."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			defer close(release)
			d := test.dog.guard("x.hcl", func() {
				held := make([]byte, 8<<20)
				<-release
				held[0] = 1
			})
			if d == nil || d.Detail != test.want || d.Subject.String() != "x.hcl:1" {
				t.Errorf("got %+v, want %q", d, test.want)
			}
		})
	}
}

// TestWatchdogStopsWhatTheLanguageAllows runs the program on a definition
// that keeps to every limit and still takes minutes.
func TestWatchdogStopsWhatTheLanguageAllows(t *testing.T) {
	t.Parallel()
	before := time.Now()
	out := runWith(t, strings.NewReader("length([for i in range(0, 300) : [for j in range(0, 300) : sha256(local.big)]])\n"), "console", write(t, "slow.hcl", `
locals {
  kib = join("", [for i in range(0, 1023) : "x"])
  big = join("", [for i in range(0, 1000) : local.kib])
}
hosts "web" {
  names = ["web1"]
}
service "demo" {
  hosts = hosts.web
  release {
    repo   = "repo"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "srv/demo"
  }
  restart "none" {}
}
`), "--timeout", "2s")
	if out.code != exitFailed || !strings.Contains(out.stderr, "E0124") || !strings.Contains(out.stderr, "took longer than 2s") {
		t.Errorf("after %s: %+v", time.Since(before), out)
	}
}
