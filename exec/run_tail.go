package exec

import (
	"context"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// mostTailed is of how many hosts of a batch the service's log is read while
// it soaks: each costs a session, and people read one line at a time.
const mostTailed = 64

// tailAll reads the services' logs on hosts that soak, until ctx ends. It is
// for people: whatever becomes of it, the run goes on.
func (r *run) tailAll(ctx context.Context, batch *plan.Batch, hosts []*member) {
	for _, m := range hosts[:min(len(hosts), mostTailed)] {
		place, conn := logOfPlan(m.plan), m.conn
		if place.None() || conn == nil || remote.Acts(conn) && !logs(conn) {
			continue
		}
		e := event.Event{Host: m.plan.Name, Step: event.LogStep, Batch: batch.Name}
		go func() {
			_ = conn.Run(ctx, remote.Command{
				Name:  "log",
				Steps: []remote.Step{{ID: event.LogStep, Op: "tail", Shell: place.Shell(LogQuery{Follow: true})}},
				On: func(rec remote.Record) {
					if rec.Kind == remote.Output && ctx.Err() == nil {
						r.print(e, rec.Text)
					}
				},
			})
			r.printed.ends(e.Host)
		}()
	}
}

// logs tells whether a host that acts its steps out has a log.
func logs(c remote.Conn) bool {
	l, ok := c.(interface{ Logs() bool })
	return ok && l.Logs()
}
