package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// aimBack decides where a rollback takes a host: to the release that was
// asked for, or to the last good one before what it runs.
//
// Without a release to go to, a rollback leaves one release behind: the
// newest that runs anywhere. Hosts that do not run it were not reached by the
// deploy that is taken back, or are back already, and stay as they are. So a
// rollback that was cut short can be given again, and twice the same command
// does not swap two releases.
func (m *maker) aimBack(v *move) (problem string) {
	f, h := v.f, v.h
	wanted := m.in.Release.ID != "" || m.in.Options.To != ""
	id := ""
	switch {
	case wanted:
		if id = m.find(f); id == "" {
			return fmt.Sprintf("%s is not on it, and a rollback brings nothing; it has %s: choose one with --to, or deploy with --release",
				m.wantedName(), f.have())
		}
	case f.Live == "" || f.aimed() != m.newest && !f.inBetween():
		return ""
	case f.aimed() != m.newest: // it stays, but nobody knows that it is whole and in service
		id = f.Live
	default:
		rec, ok := f.before(m.newest)
		if !ok {
			return fmt.Sprintf("no release before %s was good on it; it has %s: choose one with --to, or deploy with --release",
				h.From.Name(), f.have())
		}
		id = rec.Release
	}
	h.To = m.release(id, f)
	v.rec = Record{Release: id, Run: f.runOf(id)}
	v.flip = id != f.Live || !f.settled() || f.inBetween()
	return m.saved(v)
}

// before is the last good release that ran on the host earlier than id.
func (h HostFacts) before(id string) (Record, bool) {
	first := h.firstRan(id)
	older := h
	older.Releases = slices.DeleteFunc(slices.Clone(h.Releases), func(other string) bool {
		return first >= 0 && h.firstRan(other) > first
	})
	return older.LastGood(id)
}

// aimed is what a rollback of the host leaves behind: the release that it
// runs or, where a run was interrupted, the newest of those that it came from,
// was going to, and was on its way back to. So a rollback that was itself
// interrupted goes where it was going, and not further back.
func (h HostFacts) aimed() string {
	newest, at := h.Live, h.firstRan(h.Live)
	if !h.inBetween() {
		return newest
	}
	for i, rec := range slices.Backward(h.History) {
		switch rec.State {
		case "begun":
			first := h.firstRan(rec.Release)
			if first < 0 || first > i { // it is new there
				first = i
			}
			if first > at {
				newest, at = rec.Release, first
			}
		case "good", "undone", "live":
			if first := h.firstRan(rec.Release); first > at {
				newest, at = rec.Release, first
			}
			if rec.State != "live" {
				return newest
			}
		}
	}
	return newest
}

// newestLive is the release that, of those that run on the chosen hosts or
// were on their way to it, began to run last anywhere.
func (m *maker) newestLive(limit map[string]bool) string {
	began := map[string]int64{}
	for i := range m.in.Facts.Hosts {
		for _, rec := range m.in.Facts.Hosts[i].History {
			if rec.State != "live" && rec.State != "good" && rec.State != "begun" {
				continue
			}
			if t, ok := began[rec.Release]; !ok || rec.Time < t {
				began[rec.Release] = rec.Time
			}
		}
	}
	newest, at := "", int64(-1)
	for _, t := range m.def.Targets {
		f := m.facts[t.Host.Name]
		if f == nil || f.Live == "" || limit != nil && !limit[t.Host.Name] {
			continue
		}
		id := f.aimed()
		if b := began[id]; b > at || b == at && id > newest {
			newest, at = id, b
		}
	}
	return newest
}

// find is the id of the wanted release among those on the host, "" if it is
// not there. Of a tag that moved it is the one that ran last.
func (m *maker) find(f *HostFacts) string {
	if id := m.in.Release.ID; id != "" {
		if f.holds(id) {
			return id
		}
		if m.in.Options.To == "" {
			return ""
		}
	}
	to := m.in.Options.To
	for _, rec := range slices.Backward(f.History) {
		if (rec.Tag == to || rec.Release == to) && f.holds(rec.Release) {
			return rec.Release
		}
	}
	// A release that was there before us has a directory and no history.
	for _, id := range slices.Sorted(slices.Values(f.Releases)) {
		tag, commit := cutID(id)
		if id == to || commit != "" && tag == strings.ReplaceAll(to, "/", "-") {
			return id
		}
	}
	return ""
}

// cutID cuts the id of a release into its tag, with "-" for "/", and the
// twelve digits of its commit, which are "" where id is not such a name.
func cutID(id string) (tag, commit string) {
	i := len(id) - 13
	if i < 1 || id[i] != '-' || strings.Trim(id[i+1:], "0123456789abcdef") != "" {
		return id, ""
	}
	return id[:i], id[i+1:]
}

func (m *maker) wantedName() string {
	if to := m.in.Options.To; to != "" {
		return to
	}
	return m.in.Release.Name()
}

// have names the releases on the host.
func (h HostFacts) have() string {
	ids := slices.Concat(h.Releases, slices.Collect(maps.Keys(h.Adopted)))
	if len(ids) == 0 {
		return "no release"
	}
	var names []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		r, _ := h.named(id)
		names = append(names, clean(r.Name()))
	}
	return some(names)
}

// saved finds the files that go back with the release: as the run left them
// that last left the release good.
func (m *maker) saved(v *move) (problem string) {
	files := v.f.Saved[v.rec.Run]
	if v.rec.Run == "" || len(files) == 0 {
		if v.flip && len(v.t.Files) > 0 {
			m.tell(v.h.Name, "the files that went with %s are not kept there: files stay as they are, only the release goes back", v.h.To.Name())
		}
		return ""
	}
	secret := m.sensitive(v.t, v.f)
	declared := map[string]int{}
	for i, file := range v.t.Files {
		declared[file.Path] = i + 1
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		was, is := files[path], v.f.Files[path]
		if _, asked := v.f.Files[path]; !asked && !v.flip || same(is, was) {
			continue // what was not asked for is no reason to change anything
		}
		if is.Problem != "" {
			return fmt.Sprintf("%s cannot be put back: %s", path, clean(is.Problem))
		}
		// A file that the definition does not have any more may concern the
		// service or not: only a restart is safe.
		move := fileMove{restart: true, change: m.fileChange(path, is, was, secret[path])}
		if i := declared[path]; i > 0 {
			move.restart = v.t.Files[i-1].Restart
		}
		move.step = m.restore(path, was, v.rec.Run, v.f, secret[path], Step{})
		v.file = append(v.file, move)
	}
	return ""
}

// some lists names, at most a handful.
func some(names []string) string {
	if len(names) <= mostNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), len(names)-mostNames)
}
