package scenario

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/exec/tag"
	"shipit/lang"
	"shipit/lang/diag"
)

// prepare evaluates the definition and makes the fleet.
func (p *play) prepare() bool {
	p.vars = append(p.cfg.StandIns(p.s.Env.Text, p.s.Values), p.s.Values...)
	open, diags := p.evaluate(nil)
	if p.say(p.placed(diags)); open == nil {
		return false
	}
	p.open = open
	for _, t := range open.Targets {
		p.names = append(p.names, t.Host.Name)
	}
	p.res.Hosts = len(p.names)
	scheme, err := tag.ParseScheme(open.Service.Release.Scheme)
	if err != nil {
		p.errorf("E0317", open.Service.Release.Range, "", "%v", err)
		return false
	}
	p.runs = p.assign(p.s.Fleet, "fleet")
	for _, r := range append([]lang.Pick{{Value: p.s.Release}}, p.s.Fleet...) {
		if r.Value.Text == "" || p.defs[r.Value.Text] != nil {
			continue
		}
		t, ok := scheme.Parse(r.Value.Text)
		if !ok {
			p.errorf("E0605", r.Value.Range, fmt.Sprintf("The scheme of %s is %s.", open.Service.Name, scheme), "%q is not a tag of the scheme", r.Value.Text)
			continue
		}
		commit := commitOf(t.Name)
		def, diags := p.evaluate(&lang.Release{Tag: t.Name, Commit: commit, Date: t.Date, N: t.N})
		p.say(p.placed(diags))
		p.defs[t.Name] = def
		if t.Name == p.s.Release.Text {
			p.def = def
			p.rel = plan.Release{ID: tag.ID(t.Name, commit), Tag: t.Name, Commit: commit, Date: t.Date, N: t.N}
		}
	}
	unreachable := p.match(p.s.Unreachable)
	p.match(p.s.Limit)
	p.match(p.s.Without)
	if p.res.Diags.HasErrors() {
		return false
	}
	machines := p.names
	if keeper := p.def.Service.Lock.Host; keeper != "" && !slices.Contains(machines, keeper) {
		machines = append(slices.Clone(machines), keeper)
	}
	p.fleet = sim.New(machines...)
	p.furnish()
	for _, name := range unreachable {
		p.fleet.Host(name).Unreachable = true
	}
	for _, s := range p.s.Slow {
		for _, name := range p.match([]lang.Text{s.Pattern}) {
			p.fleet.Host(name).Slow = s.Extra.Std()
		}
	}
	return !p.res.Diags.HasErrors()
}

// evaluate evaluates the definition for a release. Commands that list hosts
// are not run: their snapshots stand for them.
func (p *play) evaluate(r *lang.Release) (*lang.Definition, diag.List) {
	return p.cfg.Evaluate(lang.Inputs{Env: p.s.Env.Text, Service: p.s.Service.Text, Vars: p.vars, Release: r})
}

// commitOf is a commit for a tag, which need not exist.
func commitOf(tag string) string {
	sum := sha1.Sum([]byte(tag))
	return hex.EncodeToString(sum[:])
}

// furnish makes the hosts what the scenario says that they are: with the
// files of the definition as it speaks of the release that they run.
func (p *play) furnish() {
	const before = "earlier"
	for i := range p.def.Targets {
		t := &p.def.Targets[i]
		h := p.fleet.Host(t.Host.Name)
		h.Takes["stage"] = 200 * time.Millisecond // how long bytes take is nothing that a scenario is about
		h.Restless = t.Restart.Kind == "none" || t.Restart.Kind == ""
		name := p.runs[t.Host.Name]
		if name == "" {
			continue
		}
		commit := commitOf(name)
		id := tag.ID(name, commit)
		files := map[string]sim.File{}
		if old := p.defs[name]; i < len(old.Targets) {
			for _, f := range old.Targets[i].Files {
				made := sim.Text(f.Content, f.Mode)
				if f.Owner != "" {
					made.Owner = f.Owner
				}
				if f.Group != "" {
					made.Group = f.Group
				}
				files[f.Path] = made
			}
		}
		h.Set(func(st *sim.State) {
			st.Releases, st.Live, st.Running, st.Started = []string{id}, id, id, time.Now()
			st.History = []string{strings.Join([]string{fmt.Sprint(time.Now().Add(-time.Hour).Unix()), before, "good", id, "test@simulation", name, commit}, "\t")}
			st.Files, st.Saved[before] = files, files
		})
	}
}

// makePlan observes the fleet and makes the plan.
func (p *play) makePlan(d *deployer, kind plan.Kind) *plan.Plan {
	in := plan.Inputs{
		Kind: kind, Definition: p.def, Release: p.rel, Version: p.o.Version, Salt: []byte(plan.SimulatedSalt),
		Others: map[string]*lang.Definition{},
	}
	if kind == plan.Rollback {
		in.Definition, in.Release = p.open, plan.Release{}
		in.Others[p.rel.ID] = p.def
	}
	for name, def := range p.defs {
		if def != nil && name != p.rel.Tag {
			in.Others[tag.ID(name, commitOf(name))] = def
		}
	}
	for _, t := range p.s.Limit {
		in.Options.Limit = append(in.Options.Limit, t.Text)
	}
	for _, t := range p.s.Without {
		in.Options.Without = append(in.Options.Without, t.Text)
	}
	if p.s.BatchSize.N > 0 {
		in.Options.BatchSize = p.s.BatchSize.String()
	}
	limit, without := plan.Choose(in.Options.Limit, p.names), plan.Choose(in.Options.Without, p.names)
	var asked []exec.Question
	for _, q := range exec.Questions(in.Definition, "", kind) {
		if (limit == nil || limit[q.Host]) && !without[q.Host] {
			asked = append(asked, q)
		}
	}
	in.Facts = exec.Observe(context.Background(), d.conns, asked, nil)
	return plan.Make(in)
}

// secret gives the contents that the plan holds only as hashes.
func (p *play) secret(f *plan.File) (string, error) {
	for _, t := range p.def.Targets {
		for _, file := range t.Files {
			if file.Path == f.Path && f.Is(file.Content, p.plan.SaltBytes()) {
				return file.Content, nil
			}
		}
	}
	return "", errors.New("the content of " + f.Path + " is not what was planned")
}
