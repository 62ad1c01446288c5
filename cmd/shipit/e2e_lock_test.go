package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// races is how many races there are, unless SHIPIT_RACES says it (make races:
// a hundred).
func races(few int) int {
	if many, err := strconv.Atoi(os.Getenv("SHIPIT_RACES")); err == nil {
		return many
	}
	return few
}

// TestE2EOfTwoDeployersExactlyOneProceeds: two processes apply at the same
// moment, over real SSH; the loser touches nothing.
func TestE2EOfTwoDeployersExactlyOneProceeds(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{checks: versionCheck})
	f.apply(0, first)
	begun, ends := time.Now(), map[int]int{}
	n := 0
	for ; n < races(2) || ends[7] == 0 && n < 20; n++ { // two, and somebody has met a lock
		tag := []string{second, first}[n%2]
		before := f.histories()
		runs := []*process{
			f.start("apply", "hello.hcl", "--release", tag, "--yes"),
			f.start("apply", "hello.hcl", "--release", tag, "--yes"),
		}
		won := 0
		codes := []int{runs[0].wait(), runs[1].wait()}
		for i, code := range codes {
			out := runs[i].output()
			ends[code]++
			switch {
			case code == 0 && strings.Contains(out, "Apply complete"):
				won++
			case code == 0 && strings.Contains(out, "0 to change"):
				// It planned after the other was through: nothing was left to do.
			case code == 7 || code == 8:
				id := after(out, "Run ")
				for h, now := range f.histories() {
					if strings.Contains(strings.TrimPrefix(now, before[h]), id) {
						t.Errorf("race %d: the loser %s changed %s:\n%s\n%s", n, id, h, now, out)
					}
				}
			default:
				t.Errorf("race %d: exit code %d:\n%s", n, code, out)
			}
		}
		if won != 1 {
			t.Errorf("race %d: %d runs proceeded, the exit codes are %v:\n%s\n%s", n, won, codes, runs[0].output(), runs[1].output())
		}
		for _, h := range f.hosts {
			h.runs(tag)
			h.holdsNoLock()
		}
		if t.Failed() {
			return
		}
	}
	if ends[7] == 0 {
		t.Errorf("in %d races nobody met a lock: %v", n, ends)
	}
	t.Logf("%d races in %s, exit codes: %v", n, time.Since(begun).Round(time.Second), ends)
}

// histories are the hosts' records of what was done there.
func (f *fleet) histories() map[string]string {
	out := map[string]string{}
	for _, h := range f.hosts {
		out[h.name] = h.has("srv/hello/.shipit/history")
	}
	return out
}

// after is the word behind a text.
func after(out, text string) string {
	_, rest, _ := strings.Cut(out, "\n"+text)
	word, _, _ := strings.Cut(rest, "\n")
	return word
}

// TestE2EAGlobalLockKeepsOtherServicesAway: two services of the same hosts,
// one of which locks them as a whole, wait for each other.
func TestE2EAGlobalLockKeepsOtherServicesAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{more: gate})
	text, err := os.ReadFile(f.path("def/hello.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(
		`service "hello"`, `service "other"`, "srv/hello", "srv/other", "etc/hello.conf", "etc/other.conf",
		gate, "lock {\n    scope = \"global\"\n  }",
		"restart \"service\" {\n    name = \"hello\"\n  }", "restart \"none\" {}",
		versionCheck, "", healthCheck, "",
	).Replace(string(text))
	if err := os.WriteFile(f.path("def/other.hcl"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	p := f.start("apply", "hello.hcl", "--release", second, "--yes", "--reason", "T1: the parser")
	f.hosts[0].atWork("started")
	out := f.shipit(7, "apply", "other.hcl", "--release", first, "--yes")
	contains(t, out, "holds the lock since", "T1: the parser", "nothing was changed", "--wait 10m")
	w := f.start("apply", "other.hcl", "--release", first, "--yes", "--wait", "2m")
	w.says("waiting for the lock, number 1 of 1 in line")
	if f.hosts[0].has("srv/other/.shipit/history") != "" {
		t.Error("the run on the whole host began beside another")
	}
	for _, h := range f.hosts {
		h.touch("go")
	}
	p.wants(0)
	w.wants(0)
	f.shipit(0, "lock", "hold", "other.hcl", "--reason", "switchover", "--for", "1h")
	out = f.shipit(7, "apply", "hello.hcl", "--release", first, "--yes")
	contains(t, out, "holds the whole host by hand", "switchover")
	contains(t, f.shipit(0, "lock", "release", "hello.hcl"), "Released: h[1,2]")
	f.apply(0, first)
}

// TestE2EABrokenLockStopsTheRun: fencing makes a run stop whose lock somebody
// broke, and whoever broke it goes first.
func TestE2EABrokenLockStopsTheRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{more: gate})
	p := f.start("apply", "hello.hcl", "--release", second, "--yes", "--reason", "T1")
	f.hosts[0].atWork("started")
	out := f.shipit(7, "lock", "release", "hello.hcl")
	contains(t, out, "is at work on h[1,2]: T1", "--force")
	out = f.shipit(0, "lock", "release", "hello.hcl", "--force", "--yes")
	contains(t, out, "A step is still at work on h1", "Released: h[1,2]")
	f.shipit(7, "apply", "hello.hcl", "--release", first, "--yes") // nobody is beside the step that works
	for _, h := range f.hosts {
		h.touch("go")
	}
	if code := p.wait(); code != 5 {
		t.Errorf("the broken run ended with %d:\n%s", code, p.output())
	}
	contains(t, p.output(), "another run")
	f.hosts[1].runs(first)
	for _, h := range f.hosts {
		eventually(t, "the lock of "+h.name+" is free", func() error {
			if run := h.has("srv/hello/.shipit/lock/run"); run != "" {
				return fmt.Errorf("held by %s", run)
			}
			return nil
		})
	}
	f.define(definition{})
	f.apply(0, second)
}

// TestE2EAHoldIsOnAllHostsOrOnNone: a host that cannot be reached is named.
func TestE2EAHoldIsOnAllHostsOrOnNone(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.define(definition{})
	f.apply(0, first)
	f.addPlace()
	f.define(definition{})
	out := f.shipit(1, "lock", "hold", "hello.hcl", "--reason", "switchover", "--for", "1h")
	contains(t, out, "h2 cannot be reached, so nothing is held", "--without h2")
	f.hosts[0].holdsNoLock()
	f.shipit(0, "lock", "hold", "hello.hcl", "--reason", "switchover", "--for", "1h", "--without", "h2")
	contains(t, f.shipit(0, "lock", "list", "hello.hcl", "--without", "h2"), "held by hand")
	f.shipit(0, "lock", "release", "hello.hcl", "--without", "h2")
}
