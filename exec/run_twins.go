package exec

import (
	"sync"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// touched are the hosts on which a run has begun to change what runs. The
// goroutine of the run writes it; checks that compare read it.
type touched struct {
	mu    sync.Mutex
	hosts map[string]bool
}

// note takes in what happened.
func (t *touched) note(e event.Event) {
	if e.Type == event.HostStarted && e.Phase == event.Switch {
		t.add(e.Host)
	}
}

func (t *touched) add(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hosts == nil {
		t.hosts = map[string]bool{}
	}
	t.hosts[host] = true
}

// twins are the instances, as a comparing check calls them, of the hosts that
// the plan changes and the run has not touched so far.
func (r *run) twins(s *plan.Step) []string {
	if !s.Compares() {
		return nil
	}
	r.touched.mu.Lock()
	defer r.touched.mu.Unlock()
	var out []string
	for _, m := range r.members {
		if instance := m.plan.Instances[s.ID]; instance != "" && !r.touched.hosts[m.plan.Name] {
			out = append(out, instance)
		}
	}
	return out
}
