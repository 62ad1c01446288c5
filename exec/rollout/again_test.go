package rollout_test

import (
	"fmt"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// wishAgain has somebody leave out a host, or try one again, where that is
// possible.
func (c *chaos) wishAgain() bool {
	if c.again == 0 || c.pick("wish", 4) > 0 {
		return false
	}
	name := c.plan.Body.Hosts[c.pick("whom", len(c.plan.Body.Hosts))].Name
	for _, h := range c.r.Hosts() { // what failed is rare, so that it is not left to chance
		if (h.Status == rollout.Undone || h.Status == rollout.Failed) && c.pick("again", 2) == 0 {
			name = h.Name
		}
	}
	e := event.Event{Type: event.HostSkipped, Host: name, By: "anna"}
	why := c.r.Skippable(name)
	if c.pick("try again", 3) > 0 {
		e.Type, why = event.HostRetried, c.r.Retryable(name)
	}
	if why != "" {
		return false
	}
	c.again--
	c.apply(e)
	return true
}

// skips checks that a host may be left out, and takes that in.
func (m *model) skips(h *watched, name string) error {
	if !h.acts || h.inFlight != "" || h.touched || h.failed || h.runs || h.tried {
		return fmt.Errorf("%s is left out though it was begun, %+v", name, *h)
	}
	h.left = true
	return nil
}

// retries checks that a host may be tried again, and takes that in: it may
// fail and be undone once more, and costs no more than it has.
func (m *model) retries(h *watched, name string) error {
	if m.mayStop() && m.stopped() {
		return fmt.Errorf("3: %s is tried again though no new host may start", name)
	}
	if !h.left && (!h.failed || h.inFlight != "" || h.out || h.touched && !h.back) {
		return fmt.Errorf("%s is tried again though it is not as it was, %+v", name, *h)
	}
	if !h.left {
		h.tried = true
	}
	h.wasBack = h.wasBack || h.back
	h.left, h.failed, h.touched, h.back, h.policy, h.covered, h.undone = false, false, false, false, false, false, 0
	return nil
}

// stopped tells whether no new host may start, whatever is out of service.
func (m *model) stopped() bool {
	for b := range m.plan.Body.Batches {
		if m.spent(b) {
			return true
		}
	}
	return m.aborted || m.broken || m.wanted || m.lockLost || m.stops() != ""
}

// reaches notes that a slice starts. One that has been before is opened for a
// host that is tried again, and the run has come no further by it.
func (m *model) reaches(batch, slice int) {
	m.batch, m.slice = batch, slice
	if batch > m.farBatch || batch == m.farBatch && slice > m.farSlice {
		m.farBatch, m.farSlice = batch, slice
	}
}

// indexOf is the index of a batch.
func indexOf(p *plan.Plan, name string) int {
	for b, batch := range p.Body.Batches {
		if batch.Name == name {
			return b
		}
	}
	return -1
}
