package plan

import (
	"slices"

	"shipit/lang"
)

// A move is what takes one host from where it is to where it shall be.
type move struct {
	t    *lang.Target
	f    *HostFacts
	h    *Host
	flip bool       // the release is activated, even if only because it was never proven
	rec  Record     // of a rollback: the history of the target
	back Record     // the history of h.Back, where it is not what runs
	file []fileMove // files that change
}

// restarts tells whether the change is worth a restart, and so a drain.
func (v *move) restarts() bool {
	return v.flip || slices.ContainsFunc(v.file, func(f fileMove) bool { return f.restart })
}

// host plans one host; without tells that the request leaves it out.
func (m *maker) host(t *lang.Target, f *HostFacts, without bool) Host {
	h := Host{
		Name: t.Host.Name, Address: t.Host.Address, Port: t.Host.Port, Labels: t.Host.Labels, SSH: t.Host.SSH,
		Action:      Keep,
		Fingerprint: Fingerprint{Files: map[string]string{}, Units: map[string]string{}},
	}
	switch {
	case f == nil && without: // so nobody asked it
		h.Action, h.Problem = Refuse, leftOut
		return h
	case f == nil:
		h.Action, h.Problem = Unreachable, "it was not asked"
	case f.Unreachable != "":
		h.Action, h.Problem = Unreachable, clean(f.Unreachable)
		if f.Help != "" {
			h.Problem += "; " + clean(f.Help)
		}
	}
	if h.Action == Unreachable {
		if without {
			h.Problem += "; " + leftOut
		}
		return h
	}
	h.Login = f.Login
	m.watchdog(f)
	h.Fingerprint = m.hash.Fingerprint(f.HostKey, *f, m.sensitive(t, f))
	h.From = m.release(f.Live, f)
	h.From.Link = f.Link
	h.To, h.Back = h.From, h.From
	if without {
		h.Action, h.Problem = Refuse, leftOut
		return h
	}
	v := &move{t: t, f: f, h: &h}
	if problem := m.aim(v); problem != "" {
		h.Action, h.Problem = Refuse, problem
		return h
	}
	if !v.flip && len(v.file) == 0 {
		h.Back = h.From
		return h
	}
	h.Action = Update
	if h.From.ID == "" {
		h.Action = Create
	}
	m.change(v)
	if problem := m.refusal(v); problem != "" {
		h.Action, h.Problem = Refuse, problem
		return h
	}
	m.forward(v)
	m.undo(v)
	m.prune(v)
	m.remark(v)
	return h
}

// aim decides where the host goes, where a failure takes it, and what differs
// there. It returns why the host cannot go anywhere.
func (m *maker) aim(v *move) (problem string) {
	f, h := v.f, v.h
	h.Back = Release{}
	if m.in.Kind == Deploy && m.in.Release.ID != "" {
		h.To = m.in.Release
	}
	if f.Odd != "" {
		return m.odd(f)
	}
	if m.in.Kind == Rollback {
		return m.aimBack(v)
	}
	if m.in.Release.ID == "" {
		return "" // which stands against the plan as a whole
	}
	v.flip = f.Live != h.To.ID || !f.settled() || f.inBetween()
	h.Back, v.back = m.backOf(f, h.To.ID)
	v.file, problem = m.managed(v)
	return problem
}

// settled tells whether what is live can be taken for running: a run that
// died between activation and check leaves current pointing to a release that
// perhaps no process has read.
func (h HostFacts) settled() bool {
	v := h.verdict(h.Live)
	return v == good || v == unheard
}

// GoesDeeper tells whether a failed deploy with the policy last_good takes the
// host further back than to what is live, so that its saved files matter.
func (h HostFacts) GoesDeeper() bool { return h.Live != "" && !h.settled() }

// inBetween tells whether a run began to change the host and did not end: the
// host may be out of service, and its process older than its files. The mark
// of an open drain says as much, should the history have been cut.
func (h HostFacts) inBetween() bool {
	_, ok := h.Unfinished()
	return ok || h.Drained != nil
}

// backOf is where a failed deploy takes a host: to what runs now, unless that
// is known to be bad and the policy wants a good one. The record is empty
// where it is what runs now.
func (m *maker) backOf(f *HostFacts, wanted string) (Release, Record) {
	if f.Live == "" {
		return Release{}, Record{}
	}
	if m.svc.Rollback.To == "previous" || !f.GoesDeeper() {
		return m.release(f.Live, f), Record{}
	}
	spoilt := *f
	spoilt.Releases = slices.DeleteFunc(slices.Clone(f.Releases), func(id string) bool { return id == f.Live })
	if rec, ok := spoilt.LastGood(wanted); ok {
		if rec.State == "adopted" { // so no run left files with it
			rec.Run = ""
		}
		return m.release(rec.Release, f), rec
	}
	return Release{}, Record{}
}

// change lists what differs, for the reader.
func (m *maker) change(v *move) {
	h := v.h
	switch {
	case v.flip && h.From.ID == h.To.ID && v.f.inBetween():
		h.Changes = append(h.Changes, Change{
			Mark: Update, Kind: "release",
			Text: h.To.Name() + " (a run was interrupted there: activated and checked again)",
		})
	case v.flip && h.From.ID == h.To.ID:
		h.Changes = append(h.Changes, Change{
			Mark: Update, Kind: "release",
			Text: h.To.Name() + " (activated before, and never found good: again)",
		})
	case v.flip:
		from, to := h.From.Name(), h.To.Name()
		if from == to && h.From.ID != "" { // a tag that moved
			from, to = h.From.ID, h.To.ID
		}
		h.Changes = append(h.Changes, Change{Mark: h.Action, Kind: "release", Text: from + " -> " + to})
	}
	for _, f := range v.file {
		h.Changes = append(h.Changes, f.change)
	}
}
