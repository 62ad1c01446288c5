package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"shipit/exec/event"
	"shipit/exec/remote"
	"shipit/exec/sim"
)

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

var errDead = errors.New("the deployer is dead")

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

// mortally applies a plan, or goes on with a run, with a deployer that dies at
// a place. It returns the deployer.
func (s *drill) mortally(at int, then func(), do func(o Options)) *crash {
	c := &crash{fleet: s.fleet, log: s.log, at: at, then: then}
	f := NewFleet(c)
	defer f.Close()
	do(Options{Fleet: f, Journal: c, Run: "run-1", By: "me@here"})
	return c
}

// places is how many places a run of n hosts passes.
func places(t *testing.T, n int) (count int) {
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, n)
		p := s.plan()
		c := s.mortally(0, nil, func(o Options) {
			o.Plan = p
			if res, err := Apply(t.Context(), o); err != nil || res.Outcome != event.Done {
				t.Fatal(res, err)
			}
		})
		count = len(c.passed)
	})
	return count
}

// Invariants 1, 4, 5, 10, 11, 12 and 14 wherever the deployer dies: resume
// brings the run to its end.
func TestARunIsResumedWhereverItsDeployerDied(t *testing.T) {
	t.Parallel()
	for at := 1; at <= places(t, 3); at++ {
		synctest.Test(t, func(t *testing.T) {
			s := newDrill(t, 3)
			p := s.plan()
			c := s.mortally(at, nil, func(o Options) {
				o.Plan = p
				_, _ = Apply(t.Context(), o)
			})
			if !c.dead {
				return // the order of things is not the same every time
			}
			o := s.options(p)
			res, err := Resume(t.Context(), o, s.log.all())
			o.Fleet.Close()
			if err != nil {
				t.Fatalf("died %s: %v\n%s\n%s", c.place(), err, s.log, s.fleet)
			}
			s.want(res, event.Done, "nnn")
			s.truth(res)
			if most := s.fleet.MostOut(); most > 2 {
				t.Errorf("%d hosts were out of service at once", most)
			}
			if got := replay(p, s.log.all()); fmt.Sprint(got.Hosts()) != fmt.Sprint(res.Hosts) {
				t.Errorf("the journal says\n%v\nand the run said\n%v", got.Hosts(), res.Hosts)
			}
			if again := s.plan(); again.Changes() {
				t.Errorf("a plan after it changes something")
			}
			if t.Failed() {
				t.Fatalf("died %s (%d)\n%s\n%s", c.place(), at, s.log, s.fleet)
			}
		})
		if t.Failed() {
			return
		}
	}
}
