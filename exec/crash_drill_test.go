package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/sim"
)

var errDead = errors.New("the deployer is dead")

// leaseOver is when whoever else wants a host may have it, at the latest.
const leaseOver = lock.Lease + 2*time.Second

// A crash is the death of a deployer at the n-th place that it passes: from
// then on nothing that it does reaches a host or the journal. What its
// goroutines still try comes to nothing, as if they were gone.
type crash struct {
	fleet *sim.Fleet
	log   *memory
	at    int // dies at this place; 0 never
	then  func()

	mu     sync.Mutex
	passed []string
	dead   bool
}

// pass is a place where the deployer may die; it tells whether it is dead.
func (c *crash) pass(place string) bool {
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return true
	}
	c.passed = append(c.passed, place)
	c.dead = len(c.passed) == c.at
	dies := c.dead
	c.mu.Unlock()
	if dies {
		for _, name := range c.fleet.Names() {
			c.fleet.Host(name).Drop()
		}
		if c.then != nil {
			c.then()
		}
	}
	return dies
}

// place is where it died.
func (c *crash) place() string { return c.passed[len(c.passed)-1] }

func (c *crash) Append(e event.Event) error {
	name := fmt.Sprintf("%s %s %s %s", e.Type, e.Host, e.Phase, e.Step)
	if c.pass("before journal " + name) {
		return errDead
	}
	if err := c.log.Append(e); err != nil {
		return err
	}
	if c.pass("after journal " + name) {
		return errDead
	}
	return nil
}

func (c *crash) Dial(ctx context.Context, t remote.Target) (remote.Conn, error) {
	if c.pass("before dial " + t.Name) {
		return nil, errDead
	}
	conn, err := c.fleet.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	if c.pass("after dial " + t.Name) {
		conn.Close()
		return nil, errDead
	}
	return &mortal{conn, c, t.Name}, nil
}

// mortal is a connection of a deployer that may die.
type mortal struct {
	remote.Conn
	*crash
	host string
}

func (m *mortal) Run(ctx context.Context, cmd remote.Command) error {
	if m.pass("before exec " + cmd.Name + " " + m.host) {
		return errDead
	}
	if on := cmd.On; on != nil {
		cmd.On = func(r remote.Record) {
			if r.Kind == remote.Fact || !m.pass(fmt.Sprintf("heard %v of %s %s", r.Kind, r.Step, m.host)) {
				on(r)
			}
		}
	}
	if cmd.Data != nil {
		cmd.Data = &dying{cmd.Data, m}
	}
	err := m.Conn.Run(ctx, cmd)
	if m.pass("after exec " + cmd.Name + " " + m.host) {
		return errDead
	}
	return err
}

// dying is data whose sender may die before all of it is sent.
type dying struct {
	io.Reader
	m *mortal
}

func (d *dying) Read(p []byte) (int, error) {
	if d.m.pass("in the transfer to " + d.m.host) {
		return 0, errDead
	}
	return d.Reader.Read(p)
}

// die applies the plan p with a deployer that dies at a place.
func (s *drill) die(p *plan.Plan, at int, then func()) *crash {
	s.t.Helper()
	return s.mortal(at, then, func(o Options) {
		o.Plan = p
		_, _ = Apply(s.t.Context(), o)
	})
}

// mortal does something with a deployer that dies at a place.
func (s *drill) mortal(at int, then func(), do func(Options)) *crash {
	c := &crash{fleet: s.fleet, log: s.log, at: at, then: then}
	f := NewFleet(c)
	defer f.Close()
	do(Options{Fleet: f, Journal: c, Run: "run-1", By: "me@here"})
	return c
}

// places are those that a run of n hosts passes, and then do, which may be nil.
func places(t *testing.T, n int, do func(s *drill, p *plan.Plan) *crash) []string {
	var passed []string
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, n)
		p := s.plan()
		passed = do(s, p).passed
	})
	return passed
}

// wherever plays an end of the story for each place where the deployer of a
// run of three hosts may die, or for every other one where SHIPIT_CRASH does
// not ask for all (make crash). again may die, too.
func wherever(t *testing.T, lost bool, do func(s *drill, p *plan.Plan, c *crash)) {
	t.Helper()
	all := places(t, 3, func(s *drill, p *plan.Plan) *crash { return s.die(p, 0, nil) })
	for at := range all {
		if lost == (at%2 == 0) && os.Getenv("SHIPIT_CRASH") == "" {
			continue // with a host lost the odd ones, else the even ones
		}
		synctest.Test(t, func(t *testing.T) {
			s := newDrill(t, 3)
			p := s.plan()
			var then func()
			if lost {
				then = s.fleet.Host("web2").Vanish
			}
			c := s.die(p, at+1, then)
			if !c.dead {
				return // the order of things is not the same every time
			}
			do(s, p, c)
			if most := s.fleet.MostOut(); most > 2 {
				t.Errorf("%d hosts were out of service at once", most)
			}
			for _, name := range s.fleet.Names() {
				if st := s.fleet.Host(name).State(); st.Live != "" && !slices.Contains(st.Releases, st.Live) {
					t.Errorf("%s: current points to what is not there", name)
				}
			}
			if t.Failed() {
				t.Fatalf("died %s (%d of %d)\n%s\n%s", c.place(), at+1, len(all), s.log, s.fleet)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// resume goes on with run-1 and looks at what every run must leave behind.
func (s *drill) resume(p *plan.Plan) Result {
	s.t.Helper()
	o := s.options(p)
	res, err := Resume(s.t.Context(), o, s.log.all())
	o.Fleet.Close()
	if err != nil {
		s.t.Fatalf("resume: %v\n%s\n%s", err, s.log, s.fleet)
	}
	s.truth(res)
	if got := replay(p, s.log.all()); fmt.Sprint(got.Hosts()) != fmt.Sprint(res.Hosts) {
		s.t.Errorf("the journal says\n%v\nand the run said\n%v", got.Hosts(), res.Hosts)
	}
	for i, e := range s.log.all() {
		if e.Seq != int64(i+1) {
			s.t.Errorf("event %d has the number %d", i+1, e.Seq)
		}
	}
	return res
}

// backPlan is the plan to take run-1 back.
func (s *drill) backPlan(p *plan.Plan) *plan.Plan {
	s.t.Helper()
	f := NewFleet(s.fleet)
	defer f.Close()
	roll := replay(p, s.log.all())
	var qs []Question
	for _, q := range QuestionsOf(p, "") {
		if roll.Begun(q.Host) {
			qs = append(qs, q)
		}
	}
	return plan.TakeBack{Plan: p, Run: "run-1", Begun: roll.Begun, Facts: Observe(s.t.Context(), f, qs, nil), Version: "test"}.Make()
}

// other applies a plan as another run.
func (s *drill) other(p *plan.Plan, run string) Result {
	s.t.Helper()
	was := s.log
	s.log = &memory{}
	defer func() { s.log = was }()
	o := s.options(p)
	o.Run = run
	res, err := s.apply(s.t.Context(), o)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", run, err, s.fleet)
	}
	return res
}

// asBefore sees that every host is as it was before run-1.
func (s *drill) asBefore() {
	s.t.Helper()
	if got := s.running(); got != "ooo" {
		s.t.Errorf("the hosts run %q, want \"ooo\"", got)
	}
	for _, name := range s.fleet.Names() {
		st := s.fleet.Host(name).State()
		if got := st.Files[conf].Content; got != "workers: 4\n" || st.Live != oldRelease.ID {
			s.t.Errorf("%s runs %s, and its file holds %q", name, st.Live, got)
		}
	}
}

// begun tells whether a run began to change a host and did not end there.
func (s *drill) begun(name string) bool {
	for _, line := range slices.Backward(s.fleet.Host(name).State().History) {
		f := strings.Split(line, "\t")
		switch f[2] {
		case "good", "undone":
			return false
		case "begun":
			return true
		}
	}
	return false
}

// last is the place that was passed last, "" where none was.
func (c *crash) last() string {
	if len(c.passed) == 0 {
		return ""
	}
	return c.place()
}
