package rollout

import "shipit/exec/event"

// Outcome is what RunFinished must say should the run end now. It is about
// what runs on the hosts that the plan changes, not about what was tried:
//
//   - nothing to do: there are no such hosts;
//   - refused: nothing that runs was touched, because something failed
//     before (what was staged is in nobody's way);
//   - aborted: a person stopped the run, though not in the middle of a
//     rollback, or left all its hosts out; whatever was touched is done or rolled back;
//   - done: all of them run the new release, checked;
//   - rolled back: all that were touched are back where they were;
//   - mixed: anything else, such as hosts that a person left out.
func (r *Rollout) Outcome() event.Outcome {
	var touched, done, undone, left int
	checked := true
	for _, i := range r.order {
		h := &r.hosts[i]
		is := h.as()
		if is.Touched {
			touched++
		}
		if h.Left {
			left++
		}
		switch is.Status {
		case Done:
			done++
			checked = checked && (h.checkedFinish || len(h.steps(event.After, atFinish)) == 0)
		case Undone:
			undone++
		}
	}
	switch {
	case len(r.order) == 0:
		return event.Nothing
	case touched == 0 && (r.aborted || r.wanted != "" || left == len(r.order)):
		return event.Abort
	case touched == 0:
		return event.Refused
	case touched > done+undone, r.back && done > 0 && done < len(r.order):
		return event.Mixed
	case done == len(r.order) && (checked || !r.aborted):
		return event.Done
	case r.aborted:
		return event.Abort
	case done == 0:
		return event.RolledBack
	}
	return event.Mixed
}
