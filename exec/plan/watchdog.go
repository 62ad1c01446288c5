package plan

import "shipit/lang"

// watchdog notes what a run left to guard its change, whatever this plan does.
func (m *maker) watchdog(f *HostFacts) {
	w := f.Watchdog
	if w == nil {
		return
	}
	run := clean(w.Run)
	switch w.State {
	case "armed":
		m.tell(f.Name, "run %s has not confirmed its change: if it does not, the host goes back by itself in %s", run, lang.Duration(w.Left))
	case "firing":
		m.tell(f.Name, "run %s did not confirm its change, and the host is going back by itself", run)
	case "failed":
		m.tell(f.Name, "run %s did not confirm its change, and the host failed to go back by itself at %s: look at it", run, clean(w.Step))
	case "lost":
		m.tell(f.Name, "run %s did not confirm its change, and the host was rebooted: it does not go back by itself any more", run)
	}
}
