package rollout_test

import (
	"fmt"

	"shipit/exec/event"
	"shipit/exec/rollout"
)

// over checks what must hold at the end.
func (m *model) over(r *rollout.Rollout, outcome event.Outcome) error {
	acting, runs, touched, back, left := 0, 0, 0, 0, 0
	for i, view := range r.Hosts() {
		h := m.hosts[m.names[i]]
		if h.wasBack && !h.touched { // it was tried again, and its switch was not begun or changed nothing
			h.touched, h.back = true, true
		}
		if h.acts {
			acting++
		}
		if h.runs {
			runs++
		}
		if h.touched {
			touched++
		}
		if h.back {
			back++
		}
		if h.left {
			left++
		}
		var ok bool
		switch view.Status {
		case rollout.Done:
			ok = h.runs && h.touched
		case rollout.Undone:
			ok = h.back
		case rollout.Stuck, rollout.Unknown:
			ok = h.touched && view.Reason != ""
		case rollout.Failed:
			ok = !h.touched && view.Reason != ""
		case rollout.Skipped, rollout.Kept:
			ok = !h.touched && (!h.left || view.Reason != "")
		}
		if h.left && view.Status != rollout.Skipped {
			ok = false
		}
		if !ok {
			return fmt.Errorf("4: %s ends %s, %+v", view.Name, view.Status, *h)
		}
		if h.covered && h.undone == 0 && !m.hard && !h.fenced && (h.out || m.outOfService() < m.allowed()) {
			return fmt.Errorf("4: %s failed and is not rolled back, %+v", view.Name, *h)
		}
		if h.runs && m.inScope(h) && h.undone == 0 && len(h.plan.Undo) > 0 && !m.aborted && !m.lockLost && m.outOfService() < m.allowed() {
			return fmt.Errorf("4: %s is in scope and not rolled back, %+v", view.Name, *h)
		}
		if h.acts && !h.failed && !h.touched && !h.fenced && !h.left && !m.mayStop() {
			return fmt.Errorf("%s is not started though nothing stands against it, %+v", view.Name, *h)
		}
		if h.out && view.Status != rollout.Stuck && view.Status != rollout.Unknown {
			return fmt.Errorf("11: %s ends %s though it is out of service", view.Name, view.Status)
		}
	}
	var ok bool
	switch outcome {
	case event.Nothing:
		ok = acting == 0
	case event.Done:
		ok = runs == acting
	case event.RolledBack:
		ok = runs == 0 && back == touched && touched > 0
	case event.Mixed:
		ok = touched > 0 && runs < acting && (runs > 0 || back < touched)
	case event.Abort:
		ok = (m.aborted || m.wanted || left == acting) && runs+back == touched
	case event.Refused:
		ok = touched == 0 && !m.aborted
	}
	if !ok {
		return fmt.Errorf("14: the outcome is %q: of %d hosts %d run the release, %d were touched, %d are back",
			outcome, acting, runs, touched, back)
	}
	return nil
}
