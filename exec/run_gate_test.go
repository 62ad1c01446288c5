package exec

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/lang"
)

func TestAHookThatRunsOnceRunsOnOneHostWhateverTheBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 5)
		for i := range s.def.Targets {
			s.def.Targets[i].Hooks = []lang.Hook{{
				Name: "migrate", At: "before_restart", From: "host", Once: true,
				Run: lang.Command{Argv: []string{"migrate"}}, OnFailure: "stop",
			}}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnnnn")
		if n := s.fleet.Count("", "hook"); n != 1 || s.fleet.Count("web1", "hook") != 1 {
			t.Errorf("it ran %d times, on the canary %d times", n, s.fleet.Count("web1", "hook"))
		}
	})
}

func TestARunsHooksRunOnTheFirstHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		for _, at := range []string{"start", "batch", "finish", "failure"} {
			s.def.Service.Hooks = append(s.def.Service.Hooks, lang.Hook{
				Name: "h-" + at, At: at, From: "host",
				Run: lang.Command{Argv: []string{"say", at}}, OnFailure: "stop",
			})
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		got := append(s.fleet.Host("web1").State().Hooks, s.fleet.Host("web2").State().Hooks...)
		if want := []string{"hook.h-start", "hook.h-batch", "hook.h-finish", "hook.h-batch"}; !slices.Equal(got, want) {
			t.Errorf("the hooks that ran are %v, want %v", got, want)
		}
	})
}

func TestABatchThatDoesNotHoldWhileItSoaksStopsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Batches[0].Soak = lang.Duration(10 * time.Minute)
		s.log.on = func(e event.Event) {
			if e.Type == event.GateOpened {
				time.AfterFunc(5*time.Minute, func() { s.fleet.Host("web1").FailAt("check.tcp.port", 1, "status 502, wanted 200") })
			}
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "ooo")
		if e := s.log.of(event.GateRefused); len(e) != 1 || e[0].Host != "web1" || !strings.Contains(e[0].Text, "502") {
			t.Errorf("the gate said %+v", e)
		}
	})
}

func TestASoakAndAConfirmationAreWaitedFor(t *testing.T) {
	t.Parallel()
	for choice, running := range map[string]string{"continue": "nnn", "stop": "noo"} {
		synctest.Test(t, func(t *testing.T) {
			s := newDrill(t, 3)
			s.def.Service.Batches[0].Soak = lang.Duration(10 * time.Minute)
			s.def.Service.Batches[0].Confirm = true
			begun := time.Now()
			res, err := s.run(func(o *Options) {
				o.Ask = func(_ context.Context, p Prompt) (Answer, error) {
					if !slices.Contains(p.Choices, choice) {
						return Answer{p.Safe, "you@there"}, nil
					}
					return Answer{choice, "you@there"}, nil
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.running(); got != running {
				t.Errorf("after %q the hosts run %q: %s\n%s", choice, got, res.Outcome, s.log)
			}
			if took := time.Since(begun); took < 10*time.Minute {
				t.Errorf("it soaked for %s", took)
			}
		})
	}
}

func TestWhereNobodyCanBeAskedAConfirmationIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 3)
		s.def.Service.Batches[0].Confirm = true
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Abort, "noo")
	})
}
