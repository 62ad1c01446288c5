package plan

import (
	"fmt"
	"slices"

	"shipit/lang/diag"
)

// runHooks are the hooks of the run. In a rollback to more than one release
// none can name "the" release.
func (m *maker) runHooks() {
	var to []Release
	for _, h := range m.body.Hosts {
		if h.changes() && !slices.ContainsFunc(to, func(r Release) bool { return r.ID == h.To.ID }) {
			to = append(to, h.To)
		}
	}
	as, hooks := rename{}, m.svc.Hooks
	switch {
	case len(to) == 1 && m.in.Others[to[0].ID] != nil:
		hooks = m.in.Others[to[0].ID].Service.Hooks
	case len(to) == 1:
		as = rename{m.in.As, to[0]}
	case len(to) > 1:
		as = rename{m.in.As, Release{}}
	}
	for _, k := range hooks {
		run, ok := as.command(k.Run)
		if !ok {
			m.body.Notes = append(m.body.Notes, fmt.Sprintf("%s names the release, and the hosts go back to %d different ones: it does not run (%s)",
				k.Address(), len(to), k.Range))
			continue
		}
		m.body.Hooks = append(m.body.Hooks, hook(k, run))
	}
}

// remark notes what a reader should know of a host that changes.
func (m *maker) remark(v *move) {
	f, h := v.f, v.h
	m.adopt(v)
	switch {
	case h.From.ID == "" && m.in.Kind == Deploy:
		m.fresh++
	case h.Back.ID == "" && m.in.Kind == Deploy:
		m.tell(h.Name, "%s runs there and is not good, and no other good release is there: if %s fails there is nothing to go back to",
			h.From.Name(), h.To.Name())
	case h.Back.ID != h.From.ID && m.in.Kind == Deploy:
		m.tell(h.Name, "%s runs there and is not good: a failure goes back to %s", h.From.Name(), h.Back.Name())
	}
	if m.in.Kind == Deploy && v.flip && !slices.Contains(f.Releases, h.To.ID) {
		switch {
		case f.FreeKiB == -1:
			m.tell(h.Name, "df does not say how much room is left there; whether the release fits shows when it is staged")
		case f.FreeInodes == -1:
			m.tell(h.Name, "df does not say how many inodes are left there; whether the release fits shows when it is staged")
		}
	}
	if rec, ok := f.undoneAlone(h.To.ID); ok && v.flip {
		m.tell(h.Name, "%s was taken back there by the watchdog of run %s, whose deployer did not confirm it", h.To.Name(), clean(rec.Run))
	} else if v.flip && f.verdict(h.To.ID) == bad {
		m.tell(h.Name, "%s failed or was undone there before", h.To.Name())
	}
	if l := f.Lock; l != nil && l.Alive {
		m.tell(h.Name, "%s", clean(l.sentence()))
	}
}

// interrupted notes runs that began to change hosts and did not end.
func (m *maker) interrupted() {
	for _, h := range m.body.Hosts {
		f := m.facts[h.Name]
		if f == nil || f.Unreachable != "" {
			continue
		}
		rec, ok := f.Unfinished()
		if !ok || f.Lock != nil && f.Lock.Alive {
			continue
		}
		run := clean(rec.Run)
		m.tell(h.Name, "run %s of %s began to change it and did not end there; 'shipit resume %s' goes on with it, 'shipit rollback %s' takes it back", run, clean(rec.By), run, run)
	}
}

// notes puts together what was noted, the whole plan first.
func (m *maker) notes() {
	b := &m.body
	if b.Git.Dirty {
		b.Notes = append(b.Notes, "the repository of the definition has changes that are not committed: this plan cannot be made again from its commit")
	}
	b.Notes = append(b.Notes, m.in.Remarks...)
	for _, a := range b.Policy {
		if !a.OK && a.Level == "warn" {
			b.Notes = append(b.Notes, fmt.Sprintf("%s (%s)", a.Message, a.Range))
		}
	}
	if m.fresh > 0 {
		they := "they fail"
		run := "run"
		if m.fresh == 1 {
			they, run = "it fails", "runs"
		}
		b.Notes = append(b.Notes, fmt.Sprintf("%s %s nothing of %s yet: if %s there is nothing to go back to", count(m.fresh, "host"), run, m.svc.Name, they))
	}
	if m.in.Kind == Rollback && m.newest != "" {
		away := 0
		for _, h := range b.Hosts {
			if h.Action == Keep && h.From.ID != m.newest {
				away++
			}
		}
		if f := m.anyWith(m.newest); away > 0 && f != nil && m.in.Options.To == "" && m.in.Release.ID == "" {
			b.Notes = append(b.Notes, fmt.Sprintf("only what runs %s goes back; not running it: %s (name a release with --to to take all hosts there)",
				m.release(m.newest, f).Name(), count(away, "host")))
		}
	}
	m.interrupted()
	for _, text := range m.order {
		b.Notes = append(b.Notes, diag.FoldSome(m.told[text], mostNames)+": "+text)
	}
}

// anyWith is a host on which id is live.
func (m *maker) anyWith(id string) *HostFacts {
	for i := range m.in.Facts.Hosts {
		if f := &m.in.Facts.Hosts[i]; f.Live == id {
			return f
		}
	}
	return nil
}
