package web

import (
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/view/live"
)

// A fold is what the events of a run say: the same state that a terminal
// shows, and what only a page has room for.
type fold struct {
	run    string
	plan   *plan.Plan
	state  *live.State
	checks *checks
	times  *timeline
}

func newFold(p *plan.Plan, run string) *fold {
	return &fold{run: run, plan: p, state: live.New(p, run), checks: newChecks(p), times: newTimeline(p)}
}

// take takes in what happened.
func (f *fold) take(e event.Event) {
	f.state.Apply(e)
	f.checks.take(e)
	f.times.take(e)
}

// foldOf is what the events of a recorded run say, up to the one of that
// number, which is the last that it returns; its time is that of the header
// where there is none.
func foldOf(rec *recorded, at int64) (f *fold, newest event.Event) {
	f, newest = newFold(rec.plan, rec.run), event.Event{Time: rec.Header.Time}
	for _, e := range rec.Events {
		if e.Seq > at {
			break
		}
		f.take(e)
		newest = e
	}
	return f, newest
}

// A viewer is a kind of reader: those of a kind see the same.
type viewer struct {
	host    string // whose page it is, "" for that of the run
	deploys bool
}

// sees tells whether what happens on a host is for the viewer.
func (v viewer) sees(host string) bool { return v.host == "" || v.host == host }

// A scene is what the sections of a page are drawn from, taken from a fold at
// an instant.
type scene struct {
	sight  live.Sight
	checks []checkRow
	hosts  map[string]hostScene // of those whose pages somebody looks at
}

// scene takes what readers of these kinds see.
func (f *fold) scene(now time.Time, viewers ...viewer) scene {
	c := scene{hosts: map[string]hostScene{}}
	whole := false
	for _, v := range viewers {
		if v.host == "" {
			whole = true
		} else if _, ok := c.hosts[v.host]; !ok {
			c.hosts[v.host] = f.host(v.host, now)
		}
	}
	if whole {
		c.sight, c.checks = f.state.Sight(now), f.checks.rows()
	}
	return c
}

// sections draws the parts of a viewer's page. The run is live where somebody
// drives it, as far as is known; at is the event up to which it is told, 0
// where that is now.
func (s *Server) sections(c scene, v viewer, live bool, at int64) []section {
	if v.host != "" {
		return s.hostSections(c.hosts[v.host], v, live, at)
	}
	return s.runSections(c, v, live, at)
}
