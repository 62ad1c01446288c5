package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/fault"
)

// eventful is a service in whose runs everything happens that can.
var eventful = definition{
	checks: versionCheck,
	batch:  "batch \"canary\" {\n    hosts = [\"h1\"]\n    soak  = \"200ms\"\n  }\n\n  batch \"rest\" {\n    size = 1\n  }",
	more: `hook "begin" {
    at  = "start"
    run = ["true"]
  }

  hook "tell" {
    at   = "start"
    from = "deployer"
    run  = ["true"]
  }

  check "http" "later" {
    at     = "finish"
    from   = "deployer"
    url    = "http://${host.address}:8080/_info"
    within = "5s"
    every  = "100ms"
  }

  check "command" "there" {
    at     = "finish"
    run    = ["true"]
    within = "5s"
  }`,
	rollback: "rollback {\n    on    = [\"restart\", \"check\"]\n    scope = \"run\"\n  }",
}

// passed are the places that the program passed, in order.
func passed(t *testing.T, log string) []string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// TestE2EEveryPlaceOfDeathIsPassed: a place that nobody passes proves nothing.
func TestE2EEveryPlaceOfDeathIsPassed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(eventful)
	f.write("def/hello.hcl", strings.Replace(f.read("def/hello.hcl"), "keep   = 3", "keep   = 2", 1))
	log := f.path("passed")
	apply := func(code int, tag string) {
		f.startWith([]string{"SHIPIT_FAULT_LOG=" + log}, "apply", "hello.hcl", "--release", tag, "--yes").wants(code)
	}
	apply(0, first)
	apply(0, second)
	apply(0, sick) // nobody asks for its health: the third release makes the first one old
	apply(4, dead)
	var got, want []string
	for _, p := range fault.Points() {
		want = append(want, string(p))
	}
	got = passed(t, log)
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the places that were passed are\n%q, want\n%q", got, want)
	}
}

// A death is a place where the deployer of a second release dies, and what a
// person does about it.
type death struct{ at, then string }

// TestE2EAKilledRunIsResumedTakenBackOrDoneAgain: SIGKILL at places of every
// sort; `make crash` kills at all of them.
func TestE2EAKilledRunIsResumedTakenBackOrDoneAgain(t *testing.T) {
	t.Parallel()
	deaths := []death{
		{"stage.data#2", "resume"},
		{"switch.after", "rollback"},
		{"step.ended#6", "apply"},
		{"gate.open", "resume"},
	}
	every, _ := strconv.Atoi(os.Getenv("SHIPIT_CRASH")) // 1 is all of them, 0 the few above
	if every > 0 {
		deaths = allDeaths(t, every)
	}
	for _, d := range deaths {
		t.Run(d.at+" "+d.then, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 2)
			f.define(eventful)
			f.apply(0, first)
			p := f.startWith([]string{"SHIPIT_FAULT=" + d.at}, "apply", "hello.hcl", "--release", second, "--yes")
			if p.wait(); p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				if every > 0 && p.wait() == 0 {
					t.Skip("it does not pass there each time") // how many dials there are depends on the moment
				}
				t.Fatalf("it did not die:\n%s", p.output())
			}
			f.after(d)
		})
	}
}

// after does what a person does after a death, and looks at what it left.
func (f *fleet) after(d death) {
	t := f.t
	t.Helper()
	run := f.lastRun()
	want := second
	switch d.then {
	case "resume":
		f.insist("resume", run)
		if out := f.shipit(0, "resume", run); !strings.Contains(out, "is over") {
			t.Errorf("resumed twice, it says:\n%s", out)
		}
	case "rollback":
		want = first
		f.insist("rollback", run, "--yes")
		contains(t, f.shipit(0, "rollback", run, "--yes"), "No changes")
	case "apply":
		f.insist("apply", "hello.hcl", "--release", second, "--yes")
	}
	for _, h := range f.hosts {
		h.runs(want)
		h.holdsNoLock()
		if log := h.has("pool.log"); !strings.HasSuffix(log, "in\n") {
			t.Errorf("%s was left out of the pool: %q", h.name, log)
		}
		if left, err := filepath.Glob(h.path("srv/hello/.shipit/incoming-*")); err != nil || len(left) > 0 && want == second {
			t.Errorf("%s: %v is left, %v", h.name, left, err)
		}
	}
	if want == second {
		f.shipit(0, "plan", "hello.hcl", "--release", second, "--detailed-exitcode")
	}
}

// insist gives a command again while the lease of the dead holds.
func (f *fleet) insist(args ...string) {
	f.t.Helper()
	f.insistBy(func() *process { return f.start(args...) })
}

// insistBy is insist of whoever starts it.
func (f *fleet) insistBy(start func() *process) {
	f.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(time.Second) {
		p := start()
		if p.wait() != exitLocked || time.Now().After(end) {
			p.wants(0)
			return
		}
	}
}

// lastRun is the id of the newest run.
func (f *fleet) lastRun() string {
	f.t.Helper()
	var list struct{ Runs []struct{ Run string } }
	out := f.shipit(0, "runs", "--json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Runs) == 0 {
		f.t.Fatalf("the list of runs: %v\n%s", err, out)
	}
	return list.Runs[0].Run
}

// allDeaths are all places that a run passes, with all that may follow,
// or one in so many of them.
func allDeaths(t *testing.T, every int) []death {
	f := newFleet(t, 2)
	f.define(eventful)
	f.apply(0, first)
	log := f.path("passed")
	f.startWith([]string{"SHIPIT_FAULT_LOG=" + log}, "apply", "hello.hcl", "--release", second, "--yes").wants(0)
	var all []death
	times, n := map[string]int{}, 0
	for _, at := range passed(t, log) {
		times[at]++
		for _, then := range []string{"resume", "rollback", "apply"} {
			if times[string(fault.PlanSaved)] == 0 && then != "apply" {
				continue // there is no run yet
			}
			if n++; n%every == 0 {
				all = append(all, death{fmt.Sprintf("%s#%d", at, times[at]), then})
			}
		}
	}
	return all
}
