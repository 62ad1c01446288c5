package plan

import (
	"fmt"
	"slices"
	"strings"
)

// A TakeBack is all that the plan to take back a run depends on: its own plan,
// and what the hosts whose switch it began say now. It needs neither the
// definition nor a repository.
type TakeBack struct {
	Plan    *Plan
	Run     string
	Begun   func(host string) bool
	Facts   Facts
	Version string
	Options Options // Without and BatchSize count
}

// Make plans to take each host back to where the run would have taken it had
// it failed there: release and files as they were before. A host that is back
// already is kept, and one that another run changed since is refused. The
// hosts go in the slices of the run, the last one first, and wait for nobody.
func (in TakeBack) Make() *Plan {
	old := &in.Plan.Body
	b := *old
	b.Kind, b.Version, b.Release, b.Request = Rollback, in.Version, Release{}, in.Options
	b.Request.Run = in.Run
	b.Hosts, b.Batches, b.Hooks, b.Commits, b.Contents = []Host{}, []Batch{}, []Step{}, []Log{}, map[string]string{}
	b.Against, b.Notes = nil, []string{}
	b.Rollback.On = []string{} // it is tried once, and never rolled back itself
	if old.Kind == Rollback {
		b.Against = []string{fmt.Sprintf("run %s is a rollback itself; bring the release again with: shipit apply FILE --release TAG", in.Run)}
	}
	if len(old.Hooks) > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("the run's own hooks (%s) speak of the release that is left, and do not run", names(old.Hooks)))
	}
	facts := map[string]*HostFacts{}
	var hosts []string
	for i := range in.Facts.Hosts {
		facts[in.Facts.Hosts[i].Name] = &in.Facts.Hosts[i]
	}
	for _, h := range old.Hosts {
		hosts = append(hosts, h.Name)
	}
	without := Choose(in.Options.Without, hosts)
	hasher := NewHasher(in.Plan.SaltBytes())
	for i := range old.Hosts {
		h := &old.Hosts[i]
		if !in.Begun(h.Name) {
			continue
		}
		b.Hosts = append(b.Hosts, in.host(h, facts[h.Name], without[h.Name], hasher))
	}
	if len(b.Hosts) == 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("run %s changed no host", in.Run))
	}
	for _, batch := range slices.Backward(old.Batches) {
		if back := backward(batch, b.Hosts); len(back.Slices) > 0 {
			b.Batches = append(b.Batches, back)
		}
	}
	p := &Plan{Body: b, Approvals: []Approval{}}
	if err := p.Seal(); err != nil {
		panic("internal error: " + err.Error())
	}
	return p
}

// host plans one host that the run began to change.
func (in TakeBack) host(was *Host, f *HostFacts, without bool, hasher *Hasher) Host {
	h := Host{
		Name: was.Name, Address: was.Address, Port: was.Port, Labels: was.Labels, SSH: was.SSH, Action: Keep,
		Fingerprint: Fingerprint{Files: map[string]string{}, Units: map[string]string{}},
		Changes:     []Change{}, Stage: []Step{}, Switch: []Step{}, After: []Step{}, Undo: []Step{}, Prune: []Step{},
	}
	switch {
	case without:
		h.Action, h.Problem = Refuse, leftOut
		return h
	case f == nil:
		h.Action, h.Problem = Unreachable, "it was not asked"
		return h
	case f.Unreachable != "":
		h.Action, h.Problem = Unreachable, clean(f.Unreachable)
		if f.Help != "" {
			h.Problem += "; " + clean(f.Help)
		}
		return h
	}
	secret := was.Sensitive()
	h.Login = f.Login
	h.Fingerprint = hasher.Fingerprint(f.HostKey, *f, secret)
	h.From = was.releaseOf(f.Live, f)
	h.To = h.From
	last, since := f.LastOf(in.Run)
	_, unfinished := f.Unfinished()
	back := f.Live == was.Back.ID && !unfinished && was.filesAreBack(f, hasher)
	switch {
	case last.State == "" || last.State == "undone" && len(since) == 0 || back && len(since) > 0:
		return h // the run never came to it, or it is back already
	case len(was.Undo) == 0:
		h.Action, h.Problem = Refuse, fmt.Sprintf("nothing good ran there before run %s: there is nothing to go back to", in.Run)
		return h
	}
	for _, rec := range since {
		if rec.Release != was.Back.ID { // who brings it to the same place only began the same
			h.Action = Refuse
			h.Problem = fmt.Sprintf("run %s of %s changed it since; take that back first: shipit rollback %s", clean(rec.Run), clean(rec.By), clean(rec.Run))
			return h
		}
	}
	h.Action, h.To = Update, was.Back
	if h.From.ID != h.To.ID {
		h.Changes = append(h.Changes, Change{Mark: Update, Kind: "release", Text: h.From.Name() + " -> " + h.To.Name()})
	} else {
		h.Changes = append(h.Changes, Change{Mark: Update, Kind: "release", Text: h.To.Name() + " (activated and checked again)"})
	}
	for _, s := range was.Undo {
		if s.Op == OpRestore {
			if isBack(s.File, f, hasher) {
				continue // the run never came to it, and may have kept no copy
			}
			if s.SavedBy == "" {
				s.SavedBy = in.Run + beforeRun
			}
			h.Changes = append(h.Changes, Change{
				Mark: Update, Kind: "file", Name: s.File.Path, Text: "as it was before run " + in.Run, Sensitive: s.File.Hash != "",
			})
		}
		h.Switch = append(h.Switch, s)
	}
	return h
}

// beforeRun ends the name under which a host keeps files as a run found them.
const beforeRun = ".before"

// releaseOf is what is known of a release id.
func (h *Host) releaseOf(id string, f *HostFacts) Release {
	for _, r := range []Release{h.To, h.From, h.Back} {
		if r.ID == id {
			return r
		}
	}
	return f.Named(id)
}

// filesAreBack tells whether the files are as the undo would leave them.
func (h *Host) filesAreBack(f *HostFacts, hasher *Hasher) bool {
	return !slices.ContainsFunc(h.Undo, func(s Step) bool { return s.Op == OpRestore && !isBack(s.File, f, hasher) })
}

// isBack tells whether a file is as its restore would leave it.
func isBack(want *File, f *HostFacts, hasher *Hasher) bool {
	is := f.Files[want.Path]
	if want.Absent || !is.Exists {
		return want.Absent && !is.Exists
	}
	sum := is.SHA256
	if want.Hash != "" {
		sum = hasher.Hash(sum)
	}
	return sum == want.SHA256+want.Hash && mode(is.Mode) == want.Mode && is.Owner == want.Owner && is.Group == want.Group
}

// backward is a batch the other way round, with the hosts that change.
func backward(batch Batch, hosts []Host) Batch {
	out := batch
	out.Slices, out.Soak, out.Confirm = [][]string{}, 0, false
	for _, slice := range slices.Backward(batch.Slices) {
		var left []string
		for _, name := range slice {
			if slices.ContainsFunc(hosts, func(h Host) bool { return h.Name == name && h.changes() }) {
				left = append(left, name)
			}
		}
		if left != nil {
			out.Slices = append(out.Slices, left)
		}
	}
	return out
}

// names are the ids of steps, each once.
func names(steps []Step) string {
	var ids []string
	for _, s := range steps {
		if !slices.Contains(ids, s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return strings.Join(ids, ", ")
}
