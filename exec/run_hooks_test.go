package exec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/sim"
	"shipit/lang"
)

// moments are those of hooks, in the order in which a good run meets them.
var moments = []string{"start", "before_stage", "after_stage", "before_restart", "after_restart", "batch", "finish", "failure"}

// hooked is a drill with a hook at every moment, named after it.
func hooked(t *testing.T) *drill {
	s := newDrill(t, 2)
	for _, at := range moments {
		h := lang.Hook{
			Name: at, At: at, From: "host", Run: lang.Command{Argv: []string{at}},
			OnFailure: "stop", Within: lang.Duration(time.Minute),
		}
		if slices.Contains([]string{"start", "batch", "finish", "failure"}, at) {
			s.def.Service.Hooks = append(s.def.Service.Hooks, h)
			continue
		}
		for i := range s.def.Targets {
			s.def.Targets[i].Hooks = append(s.def.Targets[i].Hooks, h)
		}
	}
	return s
}

// ran are the hooks and the steps around which they belong, host by host in
// the order of the timeline.
func (s *drill) ran(host string) string {
	var out []string
	for _, m := range s.fleet.Timeline() {
		if m.What != sim.Began || m.Host != host {
			continue
		}
		switch m.Op {
		case "hook":
			out = append(out, strings.TrimPrefix(m.Step, "hook."))
		case "stage", "activate", "restart":
			out = append(out, strings.ToUpper(m.Op))
		}
	}
	return strings.Join(out, " ")
}

// Which hooks run, in which order, however the run ends.
func TestHooksRunAtTheirMoments(t *testing.T) {
	t.Parallel()
	there := "before_stage STAGE after_stage ACTIVATE before_restart RESTART after_restart"
	for name, c := range map[string]struct {
		do      func(s *drill)
		abort   string // after this step on web1
		first   string // what the first host does
		second  string
		outcome event.Outcome
	}{
		"done": {
			first:   "start " + there + " batch finish",
			second:  there + " batch", // of its own batch it is the first
			outcome: event.Done,
		},
		"a check fails": {
			do:      func(s *drill) { s.fleet.Host("web1").Broken[newRelease.ID] = true },
			first:   "start " + there + " ACTIVATE RESTART failure",
			second:  "before_stage STAGE after_stage",
			outcome: event.RolledBack,
		},
		"start fails": {
			do:      func(s *drill) { s.fleet.Host("web1").FailAt("hook.start", 1) },
			first:   "start failure",
			outcome: event.Refused,
		},
		"before_stage fails": {
			do:      func(s *drill) { s.fleet.Host("web1").FailAt("hook.before_stage", 1) },
			first:   "start before_stage failure",
			second:  "before_stage STAGE after_stage",
			outcome: event.Refused,
		},
		"before_restart fails": {
			do:      func(s *drill) { s.fleet.Host("web1").FailAt("hook.before_restart", 1) },
			first:   "start before_stage STAGE after_stage ACTIVATE before_restart ACTIVATE RESTART failure",
			second:  "before_stage STAGE after_stage",
			outcome: event.RolledBack,
		},
		"batch fails": {
			do:      func(s *drill) { s.fleet.Host("web1").FailAt("hook.batch", 1) },
			first:   "start " + there + " batch ACTIVATE RESTART failure",
			second:  "before_stage STAGE after_stage",
			outcome: event.RolledBack,
		},
		"failure fails": {
			do: func(s *drill) {
				s.fleet.Host("web1").Broken[newRelease.ID] = true
				s.fleet.Host("web1").FailAt("hook.failure", 1)
			},
			first:   "start " + there + " ACTIVATE RESTART failure",
			second:  "before_stage STAGE after_stage",
			outcome: event.RolledBack,
		},
		"a person aborts": { // and is there to see to what is left
			abort:   "restart",
			first:   "start " + there,
			second:  "before_stage STAGE after_stage",
			outcome: event.Abort,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := hooked(t)
				if c.do != nil {
					c.do(s)
				}
				abort := make(chan string, 1)
				s.log.on = func(e event.Event) {
					if c.abort != "" && e.Type == event.StepDone && e.Step == c.abort && e.Host == "web1" {
						abort <- "me@here"
					}
				}
				res, err := s.run(func(o *Options) { o.Abort = abort })
				if err != nil {
					t.Fatal(err)
				}
				if got := s.ran("web1"); got != c.first {
					t.Errorf("web1 did %q\n     wanted %q", got, c.first)
				}
				if got := s.ran("web2"); got != c.second {
					t.Errorf("web2 did %q\n     wanted %q", got, c.second)
				}
				if res.Outcome != c.outcome {
					t.Errorf("outcome %s, want %s", res.Outcome, c.outcome)
				}
			})
		})
	}
}

// A hook that says so goes on.
func TestAHookThatGoesOnStopsNothing(t *testing.T) {
	t.Parallel()
	for _, at := range moments {
		synctest.Test(t, func(t *testing.T) {
			s := hooked(t)
			for i := range s.def.Service.Hooks {
				s.def.Service.Hooks[i].OnFailure = "continue"
			}
			s.fleet.Host("web1").FailAt("hook."+at, 1)
			if !slices.ContainsFunc(s.def.Service.Hooks, func(h lang.Hook) bool { return h.At == at }) {
				return // around a host's steps it is the host's script that goes on
			}
			res, err := s.run()
			if err != nil {
				t.Fatal(err)
			}
			if res.Outcome != event.Done {
				t.Errorf("%s: outcome %s\n%s", at, res.Outcome, s.log)
			}
		})
	}
}

// A rollback is a change like any other: it runs all hooks but those around
// staging, since nothing is brought.
func TestARollbackRunsTheHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := hooked(t)
		if res, err := s.run(); err != nil || res.Outcome != event.Done {
			t.Fatal(res.Outcome, err)
		}
		before := len(strings.Fields(s.ran("web1")))
		s.log, s.seen = &memory{}, &memory{}
		o := s.options(s.planBack())
		o.Run = "run-2"
		res, err := s.apply(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(strings.Fields(s.ran("web1"))[before:])
		if want := "[start ACTIVATE before_restart RESTART after_restart batch finish]"; got != want || res.Outcome != event.Done {
			t.Errorf("it did %s (%s), want %s", got, res.Outcome, want)
		}
	})
}
