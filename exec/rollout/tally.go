package rollout

// A tally is what Next would have to count anew at every turn of a run of
// many hosts. Apply keeps it.
type tally struct {
	standing map[Status]int // how many of the hosts that act stand so
	out      int            // how many hosts are Drained
	waiting  int            // index into order: no host before it is Waiting
}

// count makes the tally of all hosts.
func (r *Rollout) count() {
	r.tally = tally{standing: map[Status]int{}}
	for i := range r.hosts {
		h := &r.hosts[i]
		if h.acts {
			r.tally.standing[h.Status]++
		}
		if h.Drained {
			r.tally.out++
		}
	}
	r.skip()
}

// recount takes a host in that acts and stood so before.
func (r *Rollout) recount(h *hostState, was Host) {
	if h.Status != was.Status {
		r.tally.standing[was.Status]--
		r.tally.standing[h.Status]++
		if h.Status == Waiting {
			r.tally.waiting = 0
		}
		r.skip()
	}
	switch {
	case h.Drained && !was.Drained:
		r.tally.out++
	case was.Drained && !h.Drained:
		r.tally.out--
	}
}

// skip goes on to the first host that waits.
func (r *Rollout) skip() {
	for r.tally.waiting < len(r.order) && r.hosts[r.order[r.tally.waiting]].Status != Waiting {
		r.tally.waiting++
	}
}
