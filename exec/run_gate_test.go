package exec

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/check"
	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/transport"
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

// soaking is a drill whose first batch is of two hosts and soaks; in the
// middle of that, meet happens.
func soaking(t *testing.T, unhealthy int, meet func(*drill)) *drill {
	s := newDrill(t, 4)
	names := s.fleet.Names()
	s.def.Service.Batches = []lang.Batch{
		{Name: "canary", Hosts: names[:2], Soak: lang.Duration(10 * time.Minute), MaxUnhealthy: lang.Size{N: unhealthy}},
		{Name: "fleet", Size: lang.Size{N: 2}},
	}
	s.log.on = func(e event.Event) {
		if e.Type == event.GateOpened {
			time.AfterFunc(5*time.Minute, func() { meet(s) })
		}
	}
	return s
}

func TestAHostThatFailsInTheSoakCountsAgainstTheBudget(t *testing.T) {
	t.Parallel()
	for unhealthy, running := range []string{"oooo", "onnn"} {
		synctest.Test(t, func(t *testing.T) {
			s := soaking(t, unhealthy, func(s *drill) { s.fleet.Host("web1").FailAt("check.tcp.port", 1, "status 502, wanted 200") })
			begun := time.Now()
			res, err := s.run()
			if err != nil {
				t.Fatal(err)
			}
			s.want(res, []event.Outcome{event.RolledBack, event.Mixed}[unhealthy], running)
			if h := res.Hosts[0]; h.Status != rollout.Undone || h.Cause != event.Unhealthy || h.Phase != event.After ||
				!strings.HasSuffix(h.Reason, "status 502, wanted 200, in the soak of batch canary") {
				t.Errorf("of the host that failed it says %+v", h)
			}
			gates := append(s.log.of(event.GatePassed), s.log.of(event.GateRefused)...)
			want := []string{"batch canary did not hold: batch canary: 1 host is unhealthy and max_unhealthy is 0", "batch canary holds"}[unhealthy]
			if len(gates) != 1 || gates[0].Text != want {
				t.Errorf("the gate said %+v", gates)
			}
			if took := time.Since(begun); (took > 9*time.Minute) != (unhealthy == 1) {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// An answer that nobody got is no pass, and a host that is gone is not called
// unhealthy.
func TestASoakTellsAHostThatIsGoneFromOneThatSaysNo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := soaking(t, 2, func(s *drill) { s.fleet.Host("web2").Vanish() })
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		if h := res.Hosts[1]; h.Status != rollout.Stuck || h.Cause != event.Lost || !h.Drained {
			t.Errorf("of the host that is gone it says %+v", h)
		}
		if e := s.log.of(event.GateRefused); len(e) != 1 || !strings.HasSuffix(e[0].Text, "1 host is unreachable and max_unreachable is 0") {
			t.Errorf("the gate said %+v", e)
		}
	})
}

// A connection that is cut and can be made again is no fault of the service.
func TestASoakOutlivesAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := soaking(t, 0, func(s *drill) {
			s.fleet.Host("web1").Drop()
			s.fleet.Host("web2").DropAt("check.tcp.port", false)
		})
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnnn")
	})
}

func TestAnUnknownAnswerInASoakIsNoPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := soaking(t, 1, func(*drill) {})
		for i := range s.def.Targets {
			s.def.Targets[i].Checks[0].From = "deployer"
		}
		begun, asked := time.Now(), false
		res, err := s.run(func(o *Options) {
			o.Deployer = deployerFunc(func(host string, s *plan.Step) error {
				if s.Op == plan.OpCheck && host == "web2" && time.Since(begun) > 6*time.Minute && !asked {
					asked = true
					return &check.UnknownError{Err: errors.New("no data")}
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Mixed, "nonn")
		if e := s.log.of(event.HostFailed); len(e) != 1 || e[0].Answer != event.NotKnown || e[0].Cause != event.Unhealthy {
			t.Errorf("it says %+v", e)
		}
	})
}

// What flaps is asked again until the check's own deadline, in a soak too.
func TestOneFailedAttemptInASoakIsNoFault(t *testing.T) {
	t.Parallel()
	for flaps, outcome := range map[time.Duration]event.Outcome{8 * time.Second: event.Done, 25 * time.Second: event.RolledBack} {
		synctest.Test(t, func(t *testing.T) {
			s := soaking(t, 0, func(*drill) {})
			for i := range s.def.Targets {
				s.def.Targets[i].Checks[0].From, s.def.Targets[i].Checks[0].Successes = "deployer", 3
			}
			begun, failed := time.Now(), 0
			res, err := s.run(func(o *Options) {
				o.Deployer = deployerFunc(func(host string, s *plan.Step) error {
					if s.Op != plan.OpCheck {
						return nil
					}
					n := 0
					return check.Poll(t.Context(), checkOf(*s), func(context.Context) error {
						n++
						if since := time.Since(begun) - 5*time.Minute; n%3 == 0 && host == "web1" && since > 0 && since < flaps {
							failed++
							return errors.New("status 502")
						}
						return nil
					})
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if res.Outcome != outcome || failed == 0 {
				t.Errorf("the outcome is %s after %d attempts that failed\n%s", res.Outcome, failed, s.log)
			}
		})
	}
}

// A deployerFunc answers for what runs on the deployer.
type deployerFunc func(host string, s *plan.Step) error

func (f deployerFunc) Do(_ context.Context, host string, _ event.Phase, s *plan.Step) error {
	return f(host, s)
}

func (deployerFunc) Transport(kind string, spec map[string]any) (transport.Transport, error) {
	return transport.New(kind, spec, nil)
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
