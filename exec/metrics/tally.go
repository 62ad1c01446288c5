package metrics

import (
	"context"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// outcomes are how a run ends.
var outcomes = []event.Outcome{event.Done, event.Nothing, event.RolledBack, event.Mixed, event.Abort, event.Refused}

// A place is a service in an environment.
type place struct{ service, env string }

// An end is what recorded runs are counted by.
type end struct{ service, env, kind, outcome string }

// A tally is what the list of runs says.
type tally struct {
	unreadable int
	ended      map[end]int
	services   map[place]*service
}

// A service is one in one environment.
type service struct {
	active, waiting int
	lost, owed      int
	last            *journal.Summary // that ended
	good            time.Time
}

// tally counts the runs. An interrupted run has ended in a way of its own: its
// process did.
func (c *collector) tally(list []journal.Summary) tally {
	t := tally{ended: map[end]int{}, services: map[place]*service{}}
	for i := range list {
		r := &list[i]
		if r.Problem != "" {
			t.unreadable++
			continue
		}
		k := place{r.Header.Service, r.Header.Env}
		s := t.services[k]
		if s == nil {
			s = &service{}
			t.services[k] = s
		}
		if c.lost != nil {
			lost, waits := c.lost(r.Run)
			s.lost += lost
			if waits {
				s.owed++
			}
		}
		state := r.State()
		switch {
		case state == journal.GoingOn:
			s.active++
			if r.Events == 0 {
				s.waiting++
			}
			continue
		case r.Outcome != "" && (s.last == nil || r.Last.After(s.last.Last)):
			s.last = r
		}
		if r.Outcome == event.Done && r.Last.After(s.good) {
			s.good = r.Last
		}
		t.ended[end{k.service, k.env, r.Header.Kind, state}]++
	}
	return t
}

// read is what the events of a service's last run say. They are read once.
func (c *collector) read(ctx context.Context, k place, r *journal.Summary) (told, bool) {
	key := k.service + "\x00" + k.env
	if known, ok := c.told[key]; ok && known.run == r.Run && known.events == r.Events {
		return known, true
	}
	rec, err := c.from.Load(ctx, r.Run)
	if err != nil || len(rec.Events) == 0 {
		return told{}, false
	}
	d := told{run: r.Run, events: r.Events, waited: rec.Events[0].Time.Sub(r.Header.Time)}
	hosts := map[string]bool{}
	for _, e := range rec.Events {
		if e.Type == event.HostFailed && !hosts[e.Host] {
			hosts[e.Host] = true
			d.failed++
		}
	}
	c.told[key] = d
	return d, true
}
