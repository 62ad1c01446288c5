package sim

import "shipit/exec/remote"

// A fault is something that goes wrong when a step begins.
type fault struct {
	step   string // id of the step
	left   int    // how often still; negative: always
	kind   faultKind
	effect bool // of a drop: the host did the step all the same
	output []string
}

type faultKind int

const (
	fails  faultKind = iota + 1 // the step says no
	hangs                       // the step never ends by itself, and dies when it is stopped
	silent                      // the host says nothing any more, not even when it is stopped
	drops                       // the connection is lost
)

// FailAt makes a step say no so many times; a negative number is for ever.
func (h *Host) FailAt(step string, times int, output ...string) {
	h.add(&fault{step: step, left: times, kind: fails, output: output})
}

// HangAt makes a step hang once, until it is stopped.
func (h *Host) HangAt(step string) { h.add(&fault{step: step, left: 1, kind: hangs}) }

// SilentAt makes the host fall silent in a step: nobody can say whether it
// was stopped.
func (h *Host) SilentAt(step string) { h.add(&fault{step: step, left: 1, kind: silent}) }

// DropAt cuts the connection in a step, before or after the step had its
// effect. The host can be dialled again.
func (h *Host) DropAt(step string, effect bool) {
	h.add(&fault{step: step, left: 1, kind: drops, effect: effect})
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

// Return ends what Vanish began.
func (h *Host) Return() {
	h.mu.Lock()
	h.Unreachable = false
	h.mu.Unlock()
}

func (h *Host) add(f *fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, f)
}

// faultAt is the fault that a step meets, nil if none, and uses it up.
func (h *Host) faultAt(s remote.Step) *fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.faults {
		if f.left != 0 && f.step == s.ID {
			if f.left > 0 {
				f.left--
			}
			return f
		}
	}
	return nil
}
