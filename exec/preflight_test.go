package exec

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/lang"
)

// careful is a drill whose check is also asked before the first change.
func careful(t *testing.T, n int) *drill {
	s := newDrill(t, n)
	for i := range s.def.Targets {
		s.def.Targets[i].Checks[0].Preflight = true
	}
	return s
}

func TestAFleetThatIsRedBeforeStopsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := careful(t, 3)
		s.fleet.Host("web2").Broken[oldRelease.ID] = true
		p := s.plan()
		if got := p.Body.Hosts[1].Before; len(got) != 1 || got[0].ID != "before:check.tcp.port" || got[0].Within != lang.Duration(10*time.Second) {
			t.Fatalf("%+v", got)
		}
		res, err := s.apply(t.Context(), s.options(p))
		var red *PreflightError
		if !errors.As(err, &red) || res.Started || res.Outcome != event.Refused {
			t.Fatalf("%+v, %v", res, err)
		}
		const want = "1 of 3 hosts is not well as they run now: web2: check.tcp.port: status 500, wanted 200 (web.hcl:20)"
		if err.Error() != want || !strings.Contains(red.Help(), "--ignore-preflight") {
			t.Errorf("%v\nwant %s\n%s", err, want, red.Help())
		}
		if len(s.log.all()) != 0 {
			t.Errorf("the run began:\n%s", s.log)
		}
		s.untouched()
	})
}

func TestTheReaderOfThePlanCanGoOnWithARedFleet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := careful(t, 3)
		s.fleet.Host("web2").Broken[oldRelease.ID] = true
		p := s.plan()
		p.Body.Request.IgnorePreflight = true
		res, err := s.apply(t.Context(), s.options(p))
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		told := s.log.all()[1]
		if told.Type != event.Note || told.Host != "web2" || !strings.Contains(told.Text, "was not well before the first change: check.tcp.port: status 500") {
			t.Errorf("the journal says %+v", told)
		}
	})
}

func TestAWellFleetIsAskedOnceAndChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := careful(t, 3)
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnn")
		if n := s.fleet.Count("web1", "check"); n != 2 {
			t.Errorf("web1 was asked %d times, want before and after", n)
		}
	})
}

// What only looks is asked while the lock is taken, which spares a round trip;
// a command of the definition waits until the host is ours.
func TestChecksAreAskedWhileTheLockIsTaken(t *testing.T) {
	t.Parallel()
	for kind, early := range map[string]bool{"tcp": true, "command": false} {
		synctest.Test(t, func(t *testing.T) {
			s := careful(t, 2)
			for i := range s.def.Targets {
				s.def.Targets[i].Checks[0].Spec = lang.Spec{Kind: kind, Name: "port", Attrs: map[string]any{"port": int64(80), "run": []any{"true"}}}
			}
			res, err := s.run()
			if err != nil {
				t.Fatal(err)
			}
			s.want(res, event.Done, "nn")
			for _, name := range s.fleet.Names() {
				var asked, held time.Time
				for _, m := range s.fleet.Timeline() {
					switch {
					case m.Host != name || m.What != sim.Began:
					case m.Op == "check" && asked.IsZero():
						asked = m.At
					case m.Op == "hold":
						held = m.At
					}
				}
				if got := asked.Before(held); got != early {
					t.Errorf("%s, check %s: asked at %v, held from %v", name, kind, asked, held)
				}
				if n := s.fleet.Count(name, "check"); n != 2 {
					t.Errorf("%s, check %s: asked %d times", name, kind, n)
				}
			}
		})
	}
}

// What a host said while another run had it is not believed.
func TestAHostThatWasWaitedForIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := careful(t, 2)
		p := s.plan()
		h := s.fleet.Host("web1")
		h.Steal("run-9", "you@there")
		h.Broken[oldRelease.ID] = true // while that run restarts it
		o := s.options(p)
		wait := time.Hour
		o.Wait = &wait
		time.AfterFunc(time.Minute, func() {
			h.Broken[oldRelease.ID] = false
			h.Free()
		})
		res, err := s.apply(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nn")
		if n := s.fleet.Count("web1", "check"); n != 3 {
			t.Errorf("web1 was asked %d times", n)
		}
	})
}

func TestAHostThatIsLostBeforeTheFirstChangeRefusesTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := careful(t, 3)
		p := s.plan()
		s.fleet.Host("web3").DropAt("before:check.tcp.port", false)
		res, err := s.apply(t.Context(), s.options(p))
		if err == nil || !strings.Contains(err.Error(), "web3") || res.Started {
			t.Errorf("%+v, %v", res, err)
		}
		s.untouched()
	})
}

func TestWhatADeployIsToMendIsNotAskedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := careful(t, 4)
		s.fleet.Host("web1").Set(func(st *sim.State) { *st = sim.State{Files: map[string]sim.File{}} }) // nothing there yet
		s.fleet.Host("web2").Set(func(st *sim.State) {
			st.History = append(st.History, strings.Replace(st.History[0], "\tgood\t", "\tbad\t", 1))
		})
		s.def.Targets[2].Checks[0].Preflight = false
		p := s.plan()
		for i, want := range []int{0, 0, 0, 1} {
			if got := len(p.Body.Hosts[i].Before); got != want {
				t.Errorf("%s is asked %d checks before, want %d", p.Body.Hosts[i].Name, got, want)
			}
		}
	})
}

// compared is a drill of four hosts with a check that compares: a host that
// runs the new release makes three times as many errors.
func compared(t *testing.T, below float64) *drill {
	s := careful(t, 4)
	for _, name := range s.fleet.Names() {
		h := s.fleet.Host(name)
		h.Latency, h.Takes = time.Millisecond, map[string]time.Duration{"stage": time.Millisecond, "restart": time.Millisecond, "drain": time.Millisecond}
	}
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var series []string
		for _, name := range s.fleet.Names() {
			value := "1"
			if s.fleet.Host(name).State().Running == newRelease.ID {
				value = "3"
			}
			series = append(series, fmt.Sprintf(`{"metric":{"instance":"%s:9100"},"value":[1,%q]}`, name, value))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
	}))
	t.Cleanup(metrics.Close)
	for i := range s.def.Targets {
		s.def.Targets[i].Checks = append(s.def.Targets[i].Checks, lang.Check{
			Spec: lang.Spec{Kind: "prometheus", Name: "errors", Attrs: map[string]any{
				"url": metrics.URL, "query": "errors", "compare": "untouched", "by": "ratio", "label": "instance",
				"instance": s.def.Targets[i].Host.Name + ":9100", "below": below,
			}},
			At: "host", From: "deployer", Within: lang.Duration(20 * time.Second), Every: lang.Duration(time.Minute), // asked once
			Timeout: lang.Duration(20 * time.Second), Successes: 1, Preflight: true,
		})
	}
	return s
}

func TestHostsAreComparedWithUntouchedOnes(t *testing.T) {
	t.Parallel()
	s := compared(t, 3.5)
	p := s.plan()
	if last := p.Body.Hosts[3]; len(last.Before) != 1 || last.Switch[len(last.Switch)-1].Compares() || last.Instances["check.prometheus.errors"] != "web4:9100" {
		t.Errorf("web4: %+v, %v", last.Before, last.Instances)
	}
	res, err := s.apply(t.Context(), s.options(p))
	if err != nil {
		t.Fatal(err)
	}
	s.want(res, event.Done, "nnnn")
	if text := strings.Join(p.Body.Notes, "\n"); !strings.Contains(text, "check.prometheus.errors compares with untouched hosts, and after the last slice there are none") {
		t.Errorf("the plan does not say so:\n%s", text)
	}
}

func TestAHostThatIsWorseThanUntouchedOnesIsUnhealthy(t *testing.T) {
	t.Parallel()
	s := compared(t, 2.5)
	res, err := s.run()
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcome != event.RolledBack || !strings.Contains(res.Hosts[0].Reason, "it is 3 times the median 1 of the untouched hosts (3), wanted below 2.5") {
		t.Errorf("%s: %+v", res.Outcome, res.Hosts[0])
	}
}

// The drill's restart tells nothing of its process, and its check asks for a
// port: the plan says that this proves nothing.
func TestThePlanSaysWhatProvesThatTheNewProcessAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const note = "nothing proves that the new process answers"
		restart := func(p *plan.Plan) plan.Step {
			steps := p.Body.Hosts[0].Switch
			return steps[slices.IndexFunc(steps, func(s plan.Step) bool { return s.Op == plan.OpRestart })]
		}
		s := newDrill(t, 2)
		p := s.plan()
		if text := strings.Join(p.Body.Notes, "\n"); !strings.Contains(text, note) || restart(p).Proof != nil {
			t.Errorf("%v, %s", restart(p).Proof, text)
		}
		for i := range s.def.Targets {
			s.def.Targets[i].Checks[0].Spec = lang.Spec{Kind: "http", Name: "info", Attrs: map[string]any{
				"url": "http://h/", "json": map[string]any{".version": newRelease.Tag},
			}}
		}
		p = s.plan()
		if text := strings.Join(p.Body.Notes, "\n"); strings.Contains(text, note) || !slices.Equal(restart(p).Proof, []string{"check.http.info"}) {
			t.Errorf("%v, %s", restart(p).Proof, text)
		}
	})
}
