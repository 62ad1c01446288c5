package sim

import (
	"slices"
	"time"

	"shipit/exec/remote"
)

// A Fault is something that goes wrong when a step begins.
type Fault struct {
	Step   string   // its id
	Phases []string // names of commands; none: in any
	Skip   int      // how often it goes well first
	Times  int      // how often it goes wrong then; negative: always
	How    How
	Effect bool          // of Drops: the host did the step all the same
	Extra  time.Duration // of Slows
	Output []string      // of Fails
	met    bool
}

// How says what goes wrong.
type How int

// The ways in which a step goes wrong.
const (
	Fails    How = iota + 1 // the step says no
	Hangs                   // it never ends by itself, and dies when it is stopped
	Silent                  // the host says nothing any more, not even when it is stopped
	Drops                   // the connection is lost; the host can be dialled again
	Vanishes                // the host is lost, and cannot
	Slows                   // it takes longer
)

// FailAt makes a step say no so many times; a negative number is for ever.
func (h *Host) FailAt(step string, times int, output ...string) {
	h.Meet(Fault{Step: step, Times: times, How: Fails, Output: output})
}

// HangAt makes a step hang once, until it is stopped.
func (h *Host) HangAt(step string) { h.Meet(Fault{Step: step, Times: 1, How: Hangs}) }

// SilentAt makes the host fall silent in a step: nobody can say whether it
// was stopped.
func (h *Host) SilentAt(step string) { h.Meet(Fault{Step: step, Times: 1, How: Silent}) }

// DropAt cuts the connection in a step, before or after the step had its
// effect. The host can be dialled again.
func (h *Host) DropAt(step string, effect bool) {
	h.Meet(Fault{Step: step, Times: 1, How: Drops, Effect: effect})
}

// Drop cuts all connections of the host now.
func (h *Host) Drop() {
	h.mu.Lock()
	conns := h.conns
	h.conns = nil
	h.mu.Unlock()
	for _, c := range conns {
		c.lose()
	}
}

// Vanish cuts all connections and refuses new ones.
func (h *Host) Vanish() {
	h.mu.Lock()
	h.Unreachable = true
	h.mu.Unlock()
	h.Drop()
}

// Refuse refuses new connections and keeps those that are open.
func (h *Host) Refuse() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Unreachable = true
}

// Return ends what Vanish began.
func (h *Host) Return() {
	h.mu.Lock()
	h.Unreachable = false
	h.mu.Unlock()
}

// Met tells whether a step of the host ever met a fault.
func (h *Host) Met(step string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.faults, func(f *Fault) bool { return f.Step == step && f.met })
}

// Meet makes the host meet a fault. Of several for one step, the one that was
// added first comes first.
func (h *Host) Meet(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &f)
}

// faultAt is the fault that a step of a command meets, and uses it up; it
// does nothing where there is none.
func (h *Host) faultAt(command string, s remote.Step) Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.faults {
		if f.Times == 0 || f.Step != s.ID || len(f.Phases) > 0 && !slices.Contains(f.Phases, command) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		f.met = true
		return *f
	}
	return Fault{}
}
