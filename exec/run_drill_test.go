package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/sim"
	"shipit/lang"
	"shipit/lang/diag"
)

// The tests of a run play on a fleet in memory, in a bubble of virtual time.

var (
	oldRelease = plan.Release{ID: "release-1-111111111111", Tag: "release/1", Commit: strings.Repeat("1", 40)}
	newRelease = plan.Release{ID: "release-2-222222222222", Tag: "release/2", Commit: strings.Repeat("2", 40)}
)

const conf = "etc/web.conf"

// A drill is a service, its fleet, and what one run said.
type drill struct {
	t     *testing.T
	fleet *sim.Fleet
	def   *lang.Definition
	log   *memory
	seen  *memory // the view's
}

// newDrill is a service on n hosts that run the old release, one canary and
// then two at a time, with a drain, a file, a restart and a check.
func newDrill(t *testing.T, n int) *drill {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("web%d", i+1))
	}
	at := func(line int) diag.Range { return diag.Range{File: "web.hcl", Start: diag.Pos{Line: line}} }
	s := &drill{t: t, fleet: sim.New(names...), log: &memory{}, seen: &memory{}}
	s.def = &lang.Definition{
		File: "web.hcl", Env: lang.Environment{Name: "production"},
		Service: lang.Service{
			Name:      "web",
			Release:   lang.ReleaseSpec{Repo: "https://git.example.org/web", Scheme: "release/{n}", Keep: 3},
			Transport: lang.Transport{Spec: lang.Spec{Kind: "git", Range: at(5)}, Path: "srv/web"},
			Batches: []lang.Batch{
				{Name: "canary", Hosts: names[:1], Range: at(7)},
				{Name: "fleet", Size: lang.Size{N: 2}, Range: at(8)},
			},
			Rollback: lang.Rollback{On: []string{"check", "restart", "activate", "drain", "hook", "file"}, Scope: "run", To: "last_good", Range: at(30)},
			Lock:     lang.Lock{Scope: "service"},
		},
	}
	for _, name := range names {
		s.def.Targets = append(s.def.Targets, lang.Target{
			Host:  lang.Host{Name: name, Address: name + ".example.org"},
			Files: []lang.File{{Path: conf, Content: "workers: 8\n", Mode: "0640", Restart: true, Range: at(12)}},
			Drain: &lang.Drain{
				Out:    lang.Command{Argv: []string{"pool", "out", name}},
				In:     lang.Command{Argv: []string{"pool", "in", name}},
				Within: lang.Duration(30 * time.Second), Range: at(15),
			},
			Restart: lang.Restart{
				Spec:   lang.Spec{Kind: "command", Attrs: map[string]any{"run": []any{"web", "restart"}}, Range: at(18)},
				Within: lang.Duration(time.Minute),
			},
			Checks: []lang.Check{{
				Spec: lang.Spec{Kind: "tcp", Name: "port", Attrs: map[string]any{"port": int64(80)}, Range: at(20)},
				At:   "host", From: "host", Within: lang.Duration(20 * time.Second), Every: lang.Duration(time.Second),
				Timeout: lang.Duration(time.Second), Successes: 1,
			}},
		})
		s.fleet.Host(name).Set(func(st *sim.State) {
			st.Releases, st.Live, st.Running, st.Started = []string{oldRelease.ID}, oldRelease.ID, oldRelease.ID, time.Now()
			st.History = []string{strings.Join([]string{"1", "before", "good", oldRelease.ID, "me@here", oldRelease.Tag, oldRelease.Commit}, "\t")}
			st.Files = map[string]sim.File{conf: sim.Text("workers: 4\n", "0640")}
		})
	}
	return s
}

// plan observes the fleet and makes the plan to bring the new release.
func (s *drill) plan() *plan.Plan {
	s.t.Helper()
	f := NewFleet(s.fleet)
	defer f.Close()
	return s.planOver(f)
}

// planBack makes the plan of a rollback.
func (s *drill) planBack() *plan.Plan {
	s.t.Helper()
	f := NewFleet(s.fleet)
	defer f.Close()
	return plan.Make(plan.Inputs{
		Kind: plan.Rollback, Definition: s.def, Facts: Observe(s.t.Context(), f, Questions(s.def, "", plan.Rollback), nil),
		As: newRelease, Version: "test", Salt: []byte("0123456789abcdef"),
	})
}

func (s *drill) planOver(f *Fleet) *plan.Plan {
	facts := Observe(s.t.Context(), f, Questions(s.def, "", plan.Deploy), nil)
	return plan.Make(plan.Inputs{
		Kind: plan.Deploy, Definition: s.def, Facts: facts, Release: newRelease,
		Version: "test", Salt: []byte("0123456789abcdef"),
	})
}

// options are those of an ordinary run.
func (s *drill) options(p *plan.Plan) Options {
	return Options{
		Plan: p, Fleet: NewFleet(s.fleet), Journal: s.log, Views: s.seen,
		Run: "run-1", By: "me@here", Reason: "test",
	}
}

// run plans and applies; change may change the options.
func (s *drill) run(change ...func(*Options)) (Result, error) {
	s.t.Helper()
	o := s.options(s.plan())
	for _, c := range change {
		c(&o)
	}
	return s.apply(s.t.Context(), o)
}

// apply applies and then looks at what every run must leave behind.
func (s *drill) apply(ctx context.Context, o Options) (Result, error) {
	s.t.Helper()
	res, err := Apply(ctx, o)
	o.Fleet.Close()
	if got := replay(o.Plan, s.log.all()); res.Started && s.log.fail == 0 && fmt.Sprint(got.Hosts()) != fmt.Sprint(res.Hosts) {
		s.t.Errorf("the journal says\n%v\nand the run said\n%v", got.Hosts(), res.Hosts)
	}
	for i, e := range s.log.all() {
		if e.Seq != int64(i+1) {
			s.t.Errorf("event %d has the number %d", i+1, e.Seq)
		}
	}
	for _, name := range s.fleet.Names() {
		h := s.fleet.Host(name)
		if n := h.Conns(); n != 0 {
			s.t.Errorf("%s: %d connections are left open", name, n)
		}
		if h.LockedBy() == o.Run && !h.Unreachable {
			s.t.Errorf("%s: the lock was not given back", name)
		}
	}
	return res, err
}

// want compares an outcome, and what each host runs: "n" the new release, "o"
// the old one, "-" nothing, upper case out of the pool.
func (s *drill) want(res Result, outcome event.Outcome, running string) {
	s.t.Helper()
	if res.Outcome != outcome {
		s.t.Errorf("outcome %q, want %q", res.Outcome, outcome)
	}
	if got := s.running(); got != running {
		s.t.Errorf("the hosts run %q, want %q", got, running)
	}
	if s.t.Failed() {
		s.t.Logf("hosts:\n%+v\ntimeline:\n%s\nevents:\n%s", res.Hosts, s.fleet, s.log)
	}
}

func (s *drill) running() string {
	var b strings.Builder
	for _, t := range s.def.Targets {
		st := s.fleet.Host(t.Host.Name).State()
		c := map[string]string{oldRelease.ID: "o", newRelease.ID: "n", "": "-"}[st.Running]
		if st.Drained {
			c = strings.ToUpper(c)
		}
		b.WriteString(c)
	}
	return b.String()
}

// statuses are the hosts' last states, in one line.
func statuses(res Result) string {
	var out []string
	for _, h := range res.Hosts {
		out = append(out, string(h.Status))
	}
	return strings.Join(out, ", ")
}

func replay(p *plan.Plan, events []event.Event) *rollout.Rollout {
	r := rollout.New(p)
	for _, e := range events {
		r.Apply(e)
	}
	return r
}

// memory is a sink that can fill up.
type memory struct {
	mu     sync.Mutex
	events []event.Event
	fail   int               // the first number it does not take; 0 takes all
	on     func(event.Event) // is told of each
}

func (m *memory) Append(e event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail > 0 && len(m.events)+1 >= m.fail {
		return errors.New("no space left on device")
	}
	m.events = append(m.events, e)
	if m.on != nil {
		m.on(e)
	}
	return nil
}

func (m *memory) all() []event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.events[:len(m.events):len(m.events)]
}

// of are the events of a type.
func (m *memory) of(t event.Type) []event.Event {
	var out []event.Event
	for _, e := range m.all() {
		if e.Type == t {
			out = append(out, e)
		}
	}
	return out
}

func (m *memory) String() string {
	var b strings.Builder
	for _, e := range m.all() {
		fmt.Fprintf(&b, "%3d %-16s %-6s %-7s %s\n", e.Seq, e.Type, e.Host, e.Phase, e.Text)
	}
	return b.String()
}
