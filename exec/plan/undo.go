package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// undo makes the steps that take a host back after a failure: files and
// release both, in and out of service as on the way there. A rollback has
// none, because it is tried once and never rolled back itself.
func (m *maker) undo(v *move) {
	h := v.h
	if h.Back.ID == "" || m.in.Kind == Rollback {
		return
	}
	if v.back.Run != "" && len(v.f.Saved[v.back.Run]) == 0 && len(v.t.Files) > 0 {
		m.tell(h.Name, "a failure goes back to %s, and the files that went with it are not known: they go back to what they are now", h.Back.Name())
	}
	t, as := m.about(v, h.Back)
	restarts := v.restarts()
	if restarts && t.Drain != nil {
		h.Undo = append(h.Undo, drain(t.Drain, as))
	}
	h.Undo = append(h.Undo, m.restores(v)...)
	if v.flip {
		h.Undo = append(h.Undo, activate(h.Back))
	}
	if restarts {
		h.Undo = append(h.Undo, restart(t.Restart, as)...)
	}
	checks := m.checks(t, "host", as)
	h.Undo = append(h.Undo, slices.DeleteFunc(checks, Step.Compares)...) // it is to be as the others again
	if restarts && t.Drain != nil {
		h.Undo = append(h.Undo, undrain(t.Drain, as))
	}
}

// restores puts the files back that the switch changes. Where the host goes
// back further than to what it ran, they go back as the run left them that
// the host goes back to.
func (m *maker) restores(v *move) []Step {
	secret := m.sensitive(v.t, v.f)
	saved := v.f.Saved[v.back.Run]
	var steps []Step
	done := map[string]bool{}
	for _, f := range v.file {
		path := f.step.File.Path
		done[path] = true
		was, by := v.f.Files[path], ""
		if s, ok := saved[path]; ok && v.back.Run != "" {
			was, by = s, v.back.Run
		}
		steps = append(steps, m.restore(path, was, by, v.f, secret[path], f.step))
	}
	if v.back.Run == "" {
		return steps
	}
	for _, path := range slices.Sorted(maps.Keys(saved)) {
		if !done[path] && !same(v.f.Files[path], saved[path]) {
			steps = append(steps, m.restore(path, saved[path], v.back.Run, v.f, secret[path], Step{}))
		}
	}
	return steps
}

// restore is one step; forward is the step it undoes, if any.
func (m *maker) restore(path string, was FileFact, by string, f *HostFacts, secret bool, forward Step) Step {
	out := File{Path: path, Owner: was.Owner, Group: was.Group, Mode: mode(was.Mode), Root: needsRoot(was.Owner, f)}
	s := Step{ID: "restore:" + word(path), Op: OpRestore, At: forward.At, SavedBy: by, File: &out}
	if forward.File != nil && forward.File.Root {
		out.Root = true
	}
	if !was.Exists {
		out.Absent, out.Mode = true, ""
		if forward.File != nil {
			out.Owner = forward.File.Owner // who wrote it can remove it
		}
		s.Text = fmt.Sprintf("remove %s", path)
		return s
	}
	if secret {
		out.Hash = m.hash.Hash(was.SHA256)
	} else {
		out.SHA256 = was.SHA256
	}
	s.Text = fmt.Sprintf("restore %s (%s)", path, ownership(was))
	return s
}

// prune removes what keep no longer wants, once the run is over. What the
// host runs, ran, or may have to go back to is never removed, and releases
// that were good go last: any number of failed ones must not push out the
// only one that works.
func (m *maker) prune(v *move) {
	f, h := v.f, v.h
	if m.in.Kind == Rollback {
		return
	}
	stay := map[string]bool{h.To.ID: true, h.From.ID: true, h.Back.ID: true}
	if rec, ok := f.LastGood(h.To.ID); ok {
		stay[rec.Release] = true
	}
	var others []string
	for _, id := range f.Releases {
		if !stay[id] {
			others = append(others, id)
		}
	}
	last := map[string]int{}
	for i, rec := range f.History {
		last[rec.Release] = i + 1
	}
	slices.SortFunc(others, func(a, b string) int { // who stays first
		if x, y := rank(f.verdict(a)), rank(f.verdict(b)); x != y {
			return y - x
		}
		if last[a] != last[b] {
			return last[b] - last[a]
		}
		return strings.Compare(b, a)
	})
	delete(stay, "")
	for id := range stay { // what another tool brought takes no room of ours
		if id != h.To.ID && f.linkOf(id) != "" && !f.Has(id) {
			delete(stay, id)
		}
	}
	room := max(m.svc.Release.Keep-len(stay), 0)
	for _, id := range others[:min(room, len(others))] {
		stay[id] = true
	}
	gone := others[min(room, len(others)):]
	slices.Reverse(gone) // oldest first

	needed := map[string]bool{}
	for id := range stay {
		needed[f.runOf(id)] = true
	}
	runs := f.savedRuns(gone)
	runs = slices.DeleteFunc(runs, func(run string) bool { return needed[run] })

	remove := slices.Clone(gone)
	for _, run := range runs {
		remove = append(remove, "run:"+run)
	}
	if len(remove) == 0 {
		return
	}
	var what []string
	if len(gone) > 0 {
		what = append(what, count(len(gone), "old release"))
	}
	if len(runs) > 0 {
		what = append(what, "the saved files of "+count(len(runs), "old run"))
	}
	h.Prune = []Step{{
		ID: "prune", Op: OpPrune, Remove: remove,
		Text: "remove " + strings.Join(what, " and "),
	}}
}

// savedRuns are the runs whose files may be on the host: those that it named,
// or else those that had to do with the releases in gone.
func (h HostFacts) savedRuns(gone []string) []string {
	if h.Saved != nil {
		return slices.Sorted(maps.Keys(h.Saved))
	}
	var runs []string
	for _, rec := range h.History {
		if slices.Contains(gone, rec.Release) && !slices.Contains(runs, rec.Run) {
			runs = append(runs, rec.Run)
		}
	}
	return runs
}

// rank orders releases by how much they are worth keeping.
func rank(v verdict) int {
	switch v {
	case good:
		return 3
	case unheard:
		return 2
	case unproven:
		return 1
	}
	return 0
}

// count is "1 host", "2 hosts".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
