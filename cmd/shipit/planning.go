package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/tag"
	"shipit/exec/transport"
	"shipit/lang"
)

// planFlags choose what a plan is about.
type planFlags struct {
	fleetFlags
	Limit           []string `placeholder:"HOST" help:"Only these hosts: names, globs, ranges like rb10[01-04]."`
	Without         []string `placeholder:"HOST" help:"Leave these hosts out, and record that in the plan."`
	BatchSize       string   `placeholder:"N|N%" help:"Override the size of the sized batches."`
	Parallel        string   `placeholder:"N|N%" help:"At most so many hosts of a slice out of service at once."`
	PauseAfter      string   `placeholder:"BATCH|N" help:"Ask, as for a confirmation, after this batch or after so many hosts."`
	Outside         string   `name:"outside-window" placeholder:"REASON" help:"Apply whatever the deploy windows say; the reason is recorded."`
	IgnorePreflight bool     `help:"Go on although a check says no before the first change, and record that in the plan."`
}

// planned is a plan with what it was made from, ready to be applied by the
// same process over the same connections.
type planned struct {
	plan   *plan.Plan
	fleet  *exec.Fleet
	root   string         // that relative paths of the plan start at
	repo   *release.Repo  // nil for a rollback
	files  *release.Files // nil where releases come from the repository
	def    *lang.Definition
	state  *lang.Spec // where its definition wants runs recorded; nil is nowhere in particular
	one    bool       // of several services of its definition
	result string     // how it was applied, once it was
	run    string     // its id, once there is one

	outside string // why it is applied outside of its windows, where the plan does not say
}

// allPlanned is the plans of a command, in the order in which they are
// applied.
type allPlanned struct {
	plans  []*planned
	pool   *pool
	values valueFlags // that a process of its own needs to read sensitive values again
}

func (a *allPlanned) set() *plan.Set {
	var plans []*plan.Plan
	for _, p := range a.plans {
		plans = append(plans, p.plan)
	}
	return plan.NewSet(plans...)
}

// A wish is what is to be planned for one service.
type wish struct {
	*source
	*inquiry
	repo  *release.Repo  // nil for a rollback
	files *release.Files // nil where releases come from the repository
	in    plan.Inputs
}

// deploy plans the release tagName, or the newest where it is "", for every
// service. That the plans will be applied at once lets the hosts be ready.
func (f *planFlags) deploy(ctx context.Context, w *world, tagName string, applied bool) (*allPlanned, error) {
	services, err := f.chosen(w)
	if err != nil {
		return nil, err
	}
	repos := map[string]*release.Repo{}
	var wishes []*wish
	for _, s := range services {
		spec := s.def.Service.Release
		at := s.base() + "\x00" + spec.Repo
		if repos[at] == nil {
			if repos[at], err = openRepo(ctx, w, s.base(), spec.Repo); err != nil {
				return nil, err
			}
		}
		scheme, err := tag.ParseScheme(spec.Scheme)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", spec.Range, err)
		}
		rel, err := repos[at].Resolve(ctx, scheme, tagName)
		if err != nil {
			return nil, err
		}
		by, err := s.trusted(ctx, repos[at], rel)
		if err != nil {
			return nil, err
		}
		s.def, err = f.evaluate(w, s, &lang.Release{Tag: rel.Tag.Name, Commit: rel.Commit, Date: rel.Tag.Date, N: rel.Tag.N})
		if err != nil {
			return nil, err
		}
		x := &wish{source: s, repo: repos[at], in: plan.Inputs{Kind: plan.Deploy, Release: plan.Release{
			ID: rel.ID, Tag: rel.Tag.Name, Commit: rel.Commit, Tree: rel.Tree, Subject: rel.Subject, Date: rel.Tag.Date, N: rel.Tag.N, Signer: by,
		}}}
		if rel.Passed != "" {
			x.in.Remarks = []string{fmt.Sprintf("%s is newer, a prerelease: --release %[1]s deploys it", rel.Passed)}
		}
		if x.files, err = openFiles(ctx, s.base(), s.def.Service.Transport.Spec); err != nil {
			return nil, err
		}
		if x.files != nil {
			x.in.Release = made(x.in.Release, x.files)
		}
		wishes = append(wishes, x)
	}
	return f.makeAll(ctx, w, wishes, applied)
}

// rollback plans the way back: to each host's last good release, or to the
// release whose tag is to. It needs no repository. What comes after another
// service goes back before it.
func (f *planFlags) rollback(ctx context.Context, w *world, to string) (*allPlanned, error) {
	if f.IgnorePreflight {
		return nil, exit(exitUsage, errors.New("a rollback asks no check before the first change; leave --ignore-preflight out"))
	}
	services, err := f.chosen(w)
	if err != nil {
		return nil, err
	}
	var wishes []*wish
	for _, s := range slices.Backward(services) {
		in := plan.Inputs{Kind: plan.Rollback}
		in.Options.To = to
		wishes = append(wishes, &wish{source: s, in: in})
	}
	return f.makeAll(ctx, w, wishes, false)
}

// chosen are the services that have hosts among those of --limit.
func (f *planFlags) chosen(w *world) ([]*source, error) {
	services, err := f.loadAll(w)
	if err != nil || len(services) == 1 {
		return services, err
	}
	for _, option := range []struct {
		name     string
		patterns []string
	}{{"--limit", f.Limit}, {"--without", f.Without}} {
		for _, p := range option.patterns {
			if !slices.ContainsFunc(services, func(s *source) bool { return len(meant([]string{p}, s.def)) > 0 }) {
				return nil, exit(exitUsage, fmt.Errorf("%s %s: no service has such a host", option.name, p))
			}
		}
	}
	return slices.DeleteFunc(services, func(s *source) bool {
		out := len(f.Limit) > 0 && len(meant(f.Limit, s.def)) == 0
		if out {
			fmt.Fprintf(w.stderr, "service %s is left out: --limit names none of its hosts\n", s.service)
		}
		return out
	}), nil
}

// meant are the patterns that mean a host of the service.
func meant(patterns []string, def *lang.Definition) []string {
	var hosts, out []string
	for _, t := range def.Targets {
		hosts = append(hosts, t.Host.Name)
	}
	for _, p := range patterns {
		if len(plan.Choose([]string{p}, hosts)) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// asked are the questions to the hosts that the plan is about: others are not
// even dialled, so that a dead host which is left out costs nothing.
func (f *planFlags) asked(qs []exec.Question) []exec.Question {
	hosts := make([]string, len(qs))
	for i, q := range qs {
		hosts[i] = q.Host
	}
	limit, without := plan.Choose(f.Limit, hosts), plan.Choose(f.Without, hosts)
	return slices.DeleteFunc(qs, func(q exec.Question) bool {
		return limit != nil && !limit[q.Host] || without[q.Host]
	})
}

// makeAll observes the hosts of all services and makes the plans.
func (f *planFlags) makeAll(ctx context.Context, w *world, wishes []*wish, applied bool) (_ *allPlanned, err error) {
	for _, option := range []struct{ name, size string }{{"--batch-size", f.BatchSize}, {"--parallel", f.Parallel}} {
		if option.size == "" {
			continue
		}
		if _, err := lang.ParseSize(option.size); err != nil {
			return nil, exit(exitUsage, fmt.Errorf("%s: %w", option.name, err))
		}
	}
	all := &allPlanned{pool: f.dial(w), values: f.valueFlags}
	defer func() {
		if err != nil {
			all.pool.close()
		}
	}()
	var inquiries []*inquiry
	for _, x := range wishes {
		x.inquiry = all.pool.inquire(x.source, x.in.Kind)
		x.questions = f.asked(x.questions)
		for i := range x.questions {
			x.questions[i].Two = applied
		}
		inquiries = append(inquiries, x.inquiry)
	}
	if err := observe(ctx, w, inquiries...); err != nil {
		return nil, err
	}
	for _, x := range wishes {
		p, err := f.make(ctx, x, len(wishes) > 1)
		if err != nil {
			return nil, err
		}
		all.plans = append(all.plans, p)
	}
	return all, nil
}

// make makes the plan of one service.
func (f *planFlags) make(ctx context.Context, x *wish, several bool) (*planned, error) {
	in := x.in
	in.Definition, in.Facts, in.Version, in.Salt = x.def, x.facts, version, salt()
	in.Options.Limit, in.Options.Without, in.Options.BatchSize = f.Limit, f.Without, f.BatchSize
	in.Options.Parallel, in.Options.PauseAfter, in.Options.Outside = f.Parallel, f.PauseAfter, f.Outside
	in.Options.IgnorePreflight = f.IgnorePreflight
	if several { // patterns for other services say nothing here
		in.Options.Limit, in.Options.Without = meant(f.Limit, x.def), meant(f.Without, x.def)
	}
	if state, ok, err := release.StateOf(ctx, x.base()); err == nil && ok {
		in.Git = plan.Git{Commit: state.Commit, Dirty: state.Dirty}
	}
	var err error
	if in.Others, err = f.others(x.source, x.facts); err != nil {
		return nil, err
	}
	if x.repo != nil {
		in.Logs = logs(ctx, x.repo, x.facts, in.Release)
		var src transport.Source = x.repo
		if x.files != nil {
			src = x.files
			in.Remarks = append(in.Remarks, learn(ctx, x.files, x.fleet, x.questions, func(host string) string { return baseOn(x.facts, host, in.Release.ID) })...)
		}
		if err := needs(ctx, src, x.def.Service.Transport.Spec, &in); err != nil {
			return nil, err
		}
	}
	return &planned{plan: plan.Make(in), fleet: x.fleet, root: x.base(), repo: x.repo, files: x.files, def: x.def, state: x.cfg.State(), one: len(x.cfg.Services()) > 1}, nil
}

// logs are the commits between what hosts run and the wanted release.
func logs(ctx context.Context, repo *release.Repo, facts plan.Facts, to plan.Release) []plan.Log {
	var out []plan.Log
	seen := map[string]bool{to.ID: true, "": true}
	for _, h := range facts.Hosts {
		if seen[h.Live] {
			continue
		}
		seen[h.Live] = true
		from := h.Named(h.Live)
		l := plan.Log{From: h.Live, FromTag: from.Tag}
		if from.Commit == "" {
			l.Problem = "nothing on the host says which commit it is"
		} else if log, err := repo.Log(ctx, from.Commit, to.Commit, 20); err != nil {
			l.Problem = err.Error()
		} else {
			l.Back, l.Total = log.Back, log.Total
			for _, c := range log.Commits {
				l.Commits = append(l.Commits, plan.Commit{ID: c.ID, Subject: c.Subject, Author: c.Author})
			}
		}
		out = append(out, l)
	}
	return out
}

// contents gives the engine the contents that a plan does not hold, from the
// evaluated definition.
func contents(def *lang.Definition, p *plan.Plan) func(*plan.File) (string, error) {
	return func(f *plan.File) (string, error) {
		if def != nil {
			for _, t := range def.Targets {
				for _, file := range t.Files {
					if file.Path == f.Path && f.Is(file.Content, p.SaltBytes()) {
						return file.Content, nil
					}
				}
			}
		}
		return "", fmt.Errorf("the content of %s is not what was planned: a sensitive value is another one now", f.Path)
	}
}

// others evaluates the definition for the releases that hosts may go back to,
// so that a check asks for what will run there.
func (f *planFlags) others(s *source, facts plan.Facts) (map[string]*lang.Definition, error) {
	scheme, err := tag.ParseScheme(s.def.Service.Release.Scheme)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.def.Service.Release.Range, err)
	}
	out := map[string]*lang.Definition{}
	for _, h := range facts.Hosts {
		for _, id := range h.Releases {
			r := h.Named(id)
			if out[id] != nil || r.Tag == "" {
				continue
			}
			t, _ := scheme.Parse(r.Tag)
			def, diags := s.cfg.Evaluate(lang.Inputs{Env: f.Env, Service: s.service, Vars: s.vars, Release: &lang.Release{Tag: r.Tag, Commit: r.Commit, Date: t.Date, N: t.N}, Inventory: s.inventory})
			if !diags.HasErrors() { // a definition that fits only the new release is no reason to refuse it
				out[id] = def
			}
		}
	}
	return out, nil
}

// saved tells what to do with the plans in file.
func saved(w io.Writer, set *plan.Set, file string) {
	fmt.Fprintf(w, "Saved %s (%s).\n", file, short(set.Digest))
	if len(set.Problems()) == 0 {
		fmt.Fprintf(w, "Apply exactly this with:\n  shipit apply %s\n", file)
	}
}

// short is a digest as people compare it.
func short(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}
