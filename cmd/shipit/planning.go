package main

import (
	"context"
	"fmt"
	"io"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/tag"
	"shipit/lang"
)

// planFlags choose what a plan is about.
type planFlags struct {
	definitionFlags
	sshFlags
	Limit     []string `placeholder:"HOST" help:"Only these hosts: names, globs, ranges like rb10[01-04]."`
	Without   []string `placeholder:"HOST" help:"Leave these hosts out, and record that in the plan."`
	BatchSize string   `placeholder:"N|N%" help:"Override the size of the sized batches."`
}

// planned is a plan with what it was made from, ready to be applied by the
// same process over the same connections.
type planned struct {
	plan  *plan.Plan
	fleet *exec.Fleet
	root  string        // that relative paths of the plan start at
	repo  *release.Repo // nil for a rollback
	def   *lang.Definition
	close func()
}

// deploy plans the release tagName, or the newest where it is "".
func (f *planFlags) deploy(ctx context.Context, w *world, tagName string) (*planned, error) {
	s, err := f.load(w)
	if err != nil {
		return nil, err
	}
	spec := s.def.Service.Release
	repo, err := openRepo(ctx, w, s.base(), spec.Repo)
	if err != nil {
		return nil, err
	}
	scheme, err := tag.ParseScheme(spec.Scheme)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Range, err)
	}
	rel, err := repo.Resolve(ctx, scheme, tagName)
	if err != nil {
		return nil, err
	}
	s.def, err = f.evaluate(w, s, &lang.Release{Tag: rel.Tag.Name, Commit: rel.Commit, Date: rel.Tag.Date, N: rel.Tag.N})
	if err != nil {
		return nil, err
	}
	in := plan.Inputs{Kind: plan.Deploy, Release: plan.Release{
		ID: rel.ID, Tag: rel.Tag.Name, Commit: rel.Commit, Tree: rel.Tree, Subject: rel.Subject, Date: rel.Tag.Date, N: rel.Tag.N,
	}}
	return f.make(ctx, w, s, repo, in)
}

// rollback plans the way back: to each host's last good release, or to the
// release whose tag is to. It needs no repository.
func (f *planFlags) rollback(ctx context.Context, w *world, to string) (*planned, error) {
	s, err := f.load(w)
	if err != nil {
		return nil, err
	}
	in := plan.Inputs{Kind: plan.Rollback}
	in.Options.To = to
	return f.make(ctx, w, s, nil, in)
}

// make observes the hosts and makes the plan.
func (f *planFlags) make(ctx context.Context, w *world, s *source, repo *release.Repo, in plan.Inputs) (*planned, error) {
	if f.BatchSize != "" {
		if _, err := lang.ParseSize(f.BatchSize); err != nil {
			return nil, exit(exitUsage, fmt.Errorf("--batch-size: %w", err))
		}
	}
	fleet, closeFleet := f.dial(w)
	facts, err := observe(ctx, w, fleet, exec.Questions(s.def, s.base(), in.Kind))
	if err != nil {
		closeFleet()
		return nil, err
	}
	in.Definition, in.Facts, in.Version, in.Salt = s.def, facts, version, salt()
	in.Options.Limit, in.Options.Without, in.Options.BatchSize = f.Limit, f.Without, f.BatchSize
	if state, ok, err := release.StateOf(ctx, s.base()); err == nil && ok {
		in.Git = plan.Git{Commit: state.Commit, Dirty: state.Dirty}
	}
	if in.Others, err = f.others(s, facts); err != nil {
		closeFleet()
		return nil, err
	}
	if repo != nil {
		in.Logs = logs(ctx, repo, facts, in.Release)
		if in.NeedKiB, in.NeedFrom, err = needs(ctx, repo, s.def.Service.Transport.Spec, facts, in.Release); err != nil {
			closeFleet()
			return nil, err
		}
	}
	return &planned{plan: plan.Make(in), fleet: fleet, root: s.base(), repo: repo, def: s.def, close: closeFleet}, nil
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
			def, diags := s.cfg.Evaluate(lang.Inputs{Env: f.Env, Vars: s.vars, Release: &lang.Release{Tag: r.Tag, Commit: r.Commit, Date: t.Date, N: t.N}, Inventory: s.inventory})
			if !diags.HasErrors() { // a definition that fits only the new release is no reason to refuse it
				out[id] = def
			}
		}
	}
	return out, nil
}

// saved tells what to do with the plan in file.
func saved(w io.Writer, p *plan.Plan, file string) {
	fmt.Fprintf(w, "Saved %s (%s).\n", file, short(p.Digest))
	if len(p.Problems()) == 0 {
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
