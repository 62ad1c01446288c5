package rollout

import "maps"

// TallyIsRight tells whether the tally is what counting all hosts gives.
func (r *Rollout) TallyIsRight() bool {
	fresh, kept := *r, maps.Clone(r.tally.standing)
	fresh.count()
	maps.DeleteFunc(kept, func(_ Status, n int) bool { return n == 0 })
	return maps.Equal(kept, fresh.tally.standing) && r.tally.out == fresh.tally.out && r.tally.waiting == fresh.tally.waiting
}
