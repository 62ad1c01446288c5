package exec

import (
	"fmt"
	"slices"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// watchdog is the host's, as this run arms it.
func (m *compiler) watchdog() lock.Watchdog {
	return lock.Watchdog{Fence: m.c.Fence, After: m.c.Plan.Body.Rollback.Watchdog.Std(), Limit: undoLimit(m.h)}
}

// undoLimit is how long a host's undo may take, with the wait for what may
// still be at work there.
func undoLimit(h *plan.Host) time.Duration {
	limit := margin
	for i := range h.Undo {
		limit += within(&h.Undo[i])
	}
	return limit
}

// undoAlone is the host's undo as its watchdog does it: without what the
// deployer would ask.
func (m *compiler) undoAlone() (remote.Command, error) {
	steps := slices.DeleteFunc(slices.Clone(m.h.Undo), func(s plan.Step) bool { return s.From == deployer })
	c := m.c
	c.By, c.First, c.Last = plan.ByWatchdog, true, true
	return Command(m.h, event.Undo, steps, c)
}

// arm leaves a watchdog on the host that does its undo.
func (m *compiler) arm(out *remote.Step) error {
	undo, err := m.undoAlone()
	if err != nil {
		return fmt.Errorf("the watchdog: %w", err)
	}
	w := m.watchdog()
	out.Args["after"], out.Args["limit"] = w.After.String(), w.Limit.String()
	out.Later = undo.Steps
	if !m.c.Acts {
		out.Shell = w.Arm(undo)
	}
	return nil
}

// confirm ends the watchdog and writes down that the host is good, in one
// breath.
func (m *compiler) confirm(out *remote.Step) {
	good := m.record()
	for k, v := range good.Args {
		out.Args[k] = v
	}
	out.Args["limit"] = m.watchdog().Limit.String()
	if m.c.Acts {
		return
	}
	out.Shell = m.vars() + "id=" + remote.Quote(m.h.To.ID) + "\n" + m.watchdog().Confirm() + good.Shell
}
