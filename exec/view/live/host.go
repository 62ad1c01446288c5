package live

import (
	"slices"
	"time"

	"shipit/exec/rollout"
)

// A HostSight is what is to be told of one host.
type HostSight struct {
	Failure              // its Why, At and Detail are empty where nothing went wrong
	Before, After string // its neighbours in the grid, "" where there is none
	Fixed         string // why it cannot be tried again, "" where it can
	Told          rollout.Host
	Seq           int64 // of the last event of the run
	Finished      bool  // the run
}

// HostSight is a host at an instant; ok is false where the plan has none of
// that name.
func (s *State) HostSight(name string, now time.Time) (v HostSight, ok bool) {
	f := s.frame(&Screen{Width: 1 << 20, Height: 1 << 20, Now: now})
	i := slices.IndexFunc(f.hosts, func(h rollout.Host) bool { return h.Name == name })
	if i < 0 {
		return HostSight{}, false
	}
	v = HostSight{Failure: f.failure(i), Fixed: oneLine(s.roll.Retryable(name)), Told: f.hosts[i], Seq: s.last.Seq, Finished: s.ended != nil}
	if i > 0 {
		v.Before = oneLine(f.hosts[i-1].Name)
	}
	if i+1 < len(f.hosts) {
		v.After = oneLine(f.hosts[i+1].Name)
	}
	return v, true
}
