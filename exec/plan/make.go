package plan

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"

	"shipit/lang"
	"shipit/lang/diag"
)

// Inputs are all that a plan depends on.
type Inputs struct {
	Kind       Kind
	Definition *lang.Definition
	Facts      Facts
	// Release is the wanted one. A rollback may leave it empty: then each host
	// goes back to its own last good release.
	Release Release
	// Others is the definition evaluated for other releases, by their ids: for
	// those that hosts go back to. Where it has none, their words are put in
	// the place of those of As, the release that Definition was evaluated for
	// (if not Release, and if the definition does not say it itself); see
	// rename.
	Others  map[string]*lang.Definition
	As      Release
	Logs    []Log
	Git     Git
	Version string
	Salt    []byte // of the hashes of sensitive values; random
	Options Options
	Need    Need // what staging takes of a host's disk
	// NeedFrom is what it takes instead where that release is live.
	NeedFrom map[string]Need
	Remarks  []string // what else a reader should know of the release
}

// A Need is what staging takes of a host's disk, at least; zeros are not
// known.
type Need struct{ KiB, Inodes int64 }

// Make makes a plan. It always makes one: what stands against applying it is
// in its Problems.
func Make(in Inputs) *Plan {
	def := in.Definition
	m := &maker{
		in: in, def: def, svc: &def.Service,
		hash:  NewHasher(in.Salt),
		facts: make(map[string]*HostFacts, len(in.Facts.Hosts)),
		diffs: map[[2]string]string{},
		other: map[string]map[string]*lang.Target{},
		told:  map[string][]string{}, contents: map[string]string{},
	}
	if m.in.As == (Release{}) {
		m.in.As = Release{Tag: def.Release.Tag, Commit: def.Release.Commit}
	}
	if in.Kind == Deploy {
		m.in.As = in.Release
	}
	for id, def := range in.Others {
		m.other[id] = make(map[string]*lang.Target, len(def.Targets))
		for i := range def.Targets {
			m.other[id][def.Targets[i].Host.Name] = &def.Targets[i]
		}
	}
	for i := range in.Facts.Hosts {
		m.facts[in.Facts.Hosts[i].Name] = &in.Facts.Hosts[i]
	}
	b := &m.body
	*b = Body{
		Kind:       in.Kind,
		Version:    in.Version,
		Definition: def.File,
		Service:    m.svc.Name,
		Env:        def.Env.Name,
		Protected:  def.Env.Protected,
		Sources:    slices.Clone(def.Sources),
		Git:        in.Git,
		Salt:       hex.EncodeToString(in.Salt),
		Release:    in.Release,
		Repo:       m.svc.Release.Repo,
		Path:       m.svc.Transport.Path,
		User:       m.svc.User,
		Rollback: Policy{
			On: slices.Clone(m.svc.Rollback.On), Scope: m.svc.Rollback.Scope,
			To: m.svc.Rollback.To, Watchdog: m.svc.Rollback.Watchdog, At: m.svc.Rollback.Range.String(),
		},
		Lock:     Lock{Name: m.svc.Name, Host: m.svc.Lock.Host, Wait: m.svc.Lock.Wait},
		Contents: map[string]string{},
		Request:  in.Options,
		Policy:   slices.Clone(def.Asserts),
	}
	if m.svc.Lock.Scope == "global" {
		b.Lock.Name, b.Lock.Global = "global", true
	}
	if in.Kind == Rollback {
		b.Rollback.On, b.Rollback.Watchdog = nil, 0 // it is tried once, and never rolled back itself
	}
	m.moved()
	m.variables()
	m.hosts()
	m.batches()
	m.lastHosts()
	m.runHooks()
	m.commits()
	m.notes()
	for _, n := range m.svc.Notify {
		b.Notify = append(b.Notify, Notify{Kind: n.Kind, Spec: n.Attrs, At: n.Range.String()})
	}
	b.Sources, b.Variables, b.Hosts, b.Batches = orEmpty(b.Sources), orEmpty(b.Variables), orEmpty(b.Hosts), orEmpty(b.Batches)
	b.Hooks, b.Commits, b.Policy, b.Notes = orEmpty(b.Hooks), orEmpty(b.Commits), orEmpty(b.Policy), orEmpty(b.Notes)
	b.Rollback.On = orEmpty(b.Rollback.On)

	p := &Plan{Format: Format, Body: *b, Approvals: []Approval{}}
	var err error
	if p.Digest, err = p.Body.digest(); err != nil {
		panic("internal error: " + err.Error())
	}
	return p
}

// orEmpty makes lists of the saved form [] where they would be null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// A maker holds what the parts of Make share.
type maker struct {
	in    Inputs
	def   *lang.Definition
	svc   *lang.Service
	facts map[string]*HostFacts
	other map[string]map[string]*lang.Target // of Inputs.Others, by release id and host
	hash  *Hasher
	diffs map[[2]string]string // by digests: hosts share their diffs
	body  Body

	contents map[string]string // of all files of the definition, by digest

	newest string // of a rollback: the release that is left; see aimBack
	fresh  int    // hosts that run nothing of the service yet
	// told are notes about hosts: by what is said, who it is about.
	told  map[string][]string
	order []string // of told
}

// tell notes something about a host; hosts with the same are told together.
func (m *maker) tell(host, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if _, ok := m.told[text]; !ok {
		m.order = append(m.order, text)
	}
	m.told[text] = append(m.told[text], host)
}

// against notes what forbids to apply the plan as a whole.
func (m *maker) against(format string, args ...any) {
	m.body.Against = append(m.body.Against, fmt.Sprintf(format, args...))
}

func (m *maker) variables() {
	for _, v := range m.def.Variables {
		out := Variable{Name: v.Name, Value: v.JSON, From: v.From, Sensitive: v.Sensitive}
		if v.Sensitive {
			out.Value = ""
			if v.Known {
				out.Hash = m.hash.Hash(v.JSON)
			}
		}
		if !v.Known {
			m.against("variable %q has no value; give it one with --var %s=… or SHIPIT_VAR_%s", v.Name, v.Name, v.Name)
		}
		m.body.Variables = append(m.body.Variables, out)
	}
}

// hosts plans every host that the request leaves in.
func (m *maker) hosts() {
	names := make([]string, len(m.def.Targets))
	for i, t := range m.def.Targets {
		names[i] = t.Host.Name
	}
	limit := m.choose("--limit", m.in.Options.Limit, names)
	without := m.choose("--without", m.in.Options.Without, names)
	if m.in.Kind == Rollback {
		m.newest = m.newestLive(limit)
	}
	if m.in.Kind == Deploy && m.in.Release.ID == "" {
		m.against("no release to deploy was found; create a tag with shipit tag, or name one with --release TAG")
	}
	for i := range m.def.Targets {
		t := &m.def.Targets[i]
		if limit != nil && !limit[t.Host.Name] {
			continue
		}
		h := m.host(t, m.facts[t.Host.Name], without[t.Host.Name])
		for _, steps := range []*[]Step{&h.Stage, &h.Switch, &h.After, &h.Undo, &h.Prune} {
			*steps = orEmpty(*steps)
		}
		h.Changes = orEmpty(h.Changes)
		m.body.Hosts = append(m.body.Hosts, h)
	}
	if len(m.body.Hosts) == 0 {
		m.against("no host is left to plan for; --limit must match hosts of %s in environment %s", m.svc.Name, m.def.Env.Name)
	}
	m.body.eachStep(func(s *Step) {
		s.Spec = plainMap(s.Spec)
		if s.Op == OpFile && s.File.SHA256 != "" {
			m.body.Contents[s.File.SHA256] = m.contents[s.File.SHA256]
		}
	})
}

// commits keeps the logs that start where a host starts, in that order.
func (m *maker) commits() {
	seen := map[string]bool{}
	for _, h := range m.body.Hosts {
		if seen[h.From.ID] || !h.changes() || h.From.ID == h.To.ID {
			continue
		}
		seen[h.From.ID] = true
		for _, l := range m.in.Logs {
			if l.From == h.From.ID {
				l.Commits = orEmpty(l.Commits)
				m.body.Commits = append(m.body.Commits, l)
			}
		}
	}
}

// release is what is known of a release id, on the host or elsewhere.
func (m *maker) release(id string, f *HostFacts) Release {
	if id == "" {
		return Release{}
	}
	if id == m.in.Release.ID {
		return m.in.Release
	}
	if r := f.Named(id); r.Tag != "" || r.Link != "" {
		return r
	}
	for _, l := range m.in.Logs {
		if l.From == id && l.FromTag != "" {
			return Release{ID: id, Tag: l.FromTag}
		}
	}
	return Release{ID: id}
}

// Name is how people call r: by its tag, or by its directory where nobody
// knows the tag.
func (r Release) Name() string { return cmp.Or(r.Tag, r.ID, "(nothing)") }

// Host is the host of that name, nil if the plan has none.
func (p *Plan) Host(name string) *Host {
	for i := range p.Body.Hosts {
		if p.Body.Hosts[i].Name == name {
			return &p.Body.Hosts[i]
		}
	}
	return nil
}

// Changes tells whether there is anything to do on any host.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.Body.Hosts, Host.changes)
}

func (h Host) changes() bool { return h.Action == Create || h.Action == Update }

// nearest is the rest of a sentence about a name that does not exist.
func nearest(name string, names []string) string {
	if n := diag.Nearest(name, names); n != "" {
		return fmt.Sprintf("; did you mean %s?", n)
	}
	return "; the hosts are " + diag.FoldSome(names, mostNames)
}

// mostNames is how many names, or patterns of them, a sentence lists.
const mostNames = 5
