package plan

import (
	"strings"
	"time"

	"shipit/lang"
)

// beforeLimit bounds a check before the first change: what runs already needs
// no time to warm up, and a fleet that is well must not be kept waiting.
const beforeLimit = lang.Duration(10 * time.Second)

// beforePrefix tells the ids of checks before the first change from those of
// the same checks afterwards.
const beforePrefix = "before:"

// CheckName is the address of a check by the id of its step.
func (s Step) CheckName() string { return strings.TrimPrefix(s.ID, beforePrefix) }

// before are the checks that must pass on a host before anything is changed,
// asked of the release that runs there now. A release that this host's
// history does not call good, or that a run left half done, may be what the
// deploy is to mend; a rollback is there because something is wrong; and what
// speaks of a restart or of hosts that are changed already says nothing before.
func (m *maker) before(v *move) []Step {
	if m.in.Kind != Deploy || v.h.From.ID == "" || !v.f.settled() || v.f.inBetween() {
		return nil
	}
	t, as := m.about(v, v.h.From)
	var steps []Step
	for _, c := range t.Checks {
		if !c.Preflight || c.Kind == "log" {
			continue
		}
		s, ok := checkStep(c, as)
		if !ok || s.Compares() {
			continue // not ok: it names a release in words that nobody knows of this one
		}
		s.ID, s.Moment, s.Within = beforePrefix+s.ID, "before", min(c.Within, beforeLimit)
		s.Poll.Timeout = min(s.Poll.Timeout, s.Within)
		steps = append(steps, s)
	}
	return steps
}

// Compares tells whether a step is a check that compares its host with
// untouched ones.
func (s Step) Compares() bool {
	text, _ := s.Spec["compare"].(string)
	return s.Op == OpCheck && text != ""
}

// lastHosts takes comparisons out where nothing is left to compare with: in
// the last slice, and at the end of the run. The plan says so, because there
// a comparison could only be unknown.
func (m *maker) lastHosts() {
	last := map[string]bool{}
	if n := len(m.body.Batches); n > 0 {
		s := m.body.Batches[n-1].Slices
		for _, name := range s[len(s)-1] {
			last[name] = true
		}
	}
	for i := range m.body.Hosts {
		h := &m.body.Hosts[i]
		for _, steps := range []*[]Step{&h.Switch, &h.After} {
			kept := (*steps)[:0]
			for _, s := range *steps {
				if !s.Compares() {
					kept = append(kept, s)
					continue
				}
				if instance, ok := s.Spec["instance"].(string); ok {
					if h.Instances == nil {
						h.Instances = map[string]string{}
					}
					h.Instances[s.ID] = instance
				}
				switch {
				case last[h.Name]:
					m.tell(h.Name, "%s compares with untouched hosts, and after the last slice there are none: it is not asked there (%s)", s.ID, s.At)
					continue
				case s.Moment == "finish":
					m.tell(h.Name, "%s compares with untouched hosts, and at the end of the run there are none: it is not asked (%s)", s.ID, s.At)
					continue
				}
				kept = append(kept, s)
			}
			*steps = kept
		}
	}
}

// checkStep is a check as a step; ok is false where it names a release in
// words that are not known of the one it would ask about.
func checkStep(c lang.Check, as rename) (s Step, ok bool) {
	spec, ok := as.spec(c.Attrs)
	return Step{
		ID: c.Address(), Op: OpCheck, At: c.Range.String(), Within: c.Within, Kind: c.Kind, Spec: spec,
		From: c.From, Moment: c.At, Poll: &Poll{Every: c.Every, Timeout: c.Timeout, Successes: c.Successes},
		Text: "check " + strings.TrimPrefix(c.Address(), "check."),
	}, ok
}
