package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/view"
)

// kinds are what status finds on each host, and want the exit code that it is
// to have with --detailed-exitcode.
func (f *fleet) kinds(want int) map[string][]string {
	f.t.Helper()
	out := f.shipit(want, "status", "hello.hcl", "--json", "--detailed-exitcode")
	var st view.Status
	document := out[max(0, strings.Index(out, "\n{")):] // behind what it says of hosts that are slow
	if err := json.Unmarshal([]byte(document), &st); err != nil {
		f.t.Fatalf("%v:\n%s", err, out)
	}
	found := map[string][]string{}
	for _, h := range st.Hosts {
		for _, finding := range h.Findings {
			found[h.Name] = append(found[h.Name], string(finding.Kind))
		}
	}
	return found
}

func (f *fleet) finds(code int, want map[string][]string) {
	f.t.Helper()
	if got := f.kinds(code); !reflect.DeepEqual(got, want) {
		f.t.Errorf("status finds %v, want %v", got, want)
	}
}

// program puts a program onto the host.
func (h *host) program(name, text string) {
	h.f.t.Helper()
	if err := os.WriteFile(h.path("bin/"+name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		h.f.t.Fatal(err)
	}
}

// TestE2EStatusFindsWhatWasDoneByHand: files, releases, a service that nobody
// restarted, and a host that is away, each on a host of its own.
func TestE2EStatusFindsWhatWasDoneByHand(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 4)
	f.define(definition{checks: healthCheck})
	f.apply(0, first)
	f.finds(0, map[string][]string{})
	started := f.hosts[2].runs(first).Started

	// A restart that says yes and does nothing: the old process goes on.
	f.hosts[2].program("service", "exit 0")
	f.hosts[2].program("systemctl", `case "$*" in *hello.service) echo LoadState=loaded; echo ActiveState=active; echo MainPID=$(cat run/hello.pid) ;; esac`)
	eventually(t, "the clock goes on", func() error {
		if ago := time.Since(started); ago < 3*time.Second {
			return fmt.Errorf("%v", ago)
		}
		return nil
	})
	f.apply(0, second)
	if err := os.WriteFile(f.hosts[0].path("etc/hello.conf"), []byte("by hand\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mine := f.hosts[1].path("srv/hello/releases/mine")
	if err := os.Mkdir(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	f.finds(2, map[string][]string{"h1": {"changed_file"}, "h2": {"stray"}, "h3": {"old_process"}})
	current := f.hosts[1].path("srv/hello/current")
	if err := os.Remove(current); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("releases/mine", current); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{f.hosts[3].runs(second).PID, f.hosts[3].pid} { // the service first: nobody ends it afterwards
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		gone(t, pid)
	}
	f.finds(2, map[string][]string{"h1": {"changed_file"}, "h2": {"unknown_release"}, "h3": {"old_process"}, "h4": {"unreachable"}})
	out := f.shipit(0, "status", "hello.hcl")
	contains(t, out, "h4          ?", "unreachable",
		"! h1: etc/hello.conf (content changed) since run ", "What would be put back:  shipit plan hello.hcl",
		"! h2: current points to releases/mine, which no run brought here",
		"! h3: the process of hello.service is older than its release", "the hosts are mixed")
	if strings.Contains(out, "by hand\n") {
		t.Errorf("status shows a file's content:\n%s", out)
	}
}

// TestE2EStatusOfAKilledRun: a run at work is a lock, one that was killed is
// what it left, and one that is resumed leaves nothing.
func TestE2EStatusOfAKilledRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{more: gate})
	p := f.start("apply", "hello.hcl", "--release", second, "--yes")
	f.hosts[0].atWork("started")
	f.finds(2, map[string][]string{"h1": {"locked"}, "h2": {"locked", "staged"}})
	contains(t, f.shipit(0, "explain", "last"), "still going on: process ", "h1    doing", "It waits for h1: hook.gate (")
	contains(t, f.shipit(0, "explain", "last", "h2"), "its turn comes later; the run is at batch canary, slice 1.")

	p.signal(syscall.SIGKILL)
	p.wait()
	for _, h := range f.hosts {
		eventually(t, "the lock of "+h.name+" is free", func() error {
			if run := h.has("srv/hello/.shipit/lock/run"); run != "" {
				return fmt.Errorf("held by %s", run)
			}
			return nil
		})
	}
	f.finds(2, map[string][]string{"h1": {"unfinished_run", "open_drain"}, "h2": {"staged"}})
	run := newestOf(t, f.path("state/shipit/runs"), 2)
	contains(t, f.shipit(0, "status", "hello.hcl"), "! h1: run "+run+" began to take it to "+second, "! h1: run "+run+" took it out of service and did not put it back",
		"shipit resume "+run, "shipit rollback "+run)
	contains(t, f.shipit(0, "explain", run[:len(run)-1]), "its process is gone", "In flight when the process ended", "hook.gate",
		"h1: back to "+first+": drain: pool out", "h2: nothing: the run did not change it", "shipit resume "+run)

	f.hosts[0].touch("go")
	f.hosts[1].touch("go")
	f.shipit(0, "resume", run)
	f.finds(0, map[string][]string{})
	if mark := f.hosts[0].has("srv/hello/.shipit/drained"); mark != "" {
		t.Errorf("h1 keeps the mark of its drain: %q", mark)
	}
	contains(t, f.shipit(0, "explain", run), "over after ", "Apply complete: hello")
}
