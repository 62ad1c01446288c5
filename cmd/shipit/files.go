package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/transport"
	"shipit/lang"
)

// openFiles reads the directory or the archive that the releases of a service
// are made of, nil where they come from its repository.
func openFiles(ctx context.Context, base string, by lang.Spec) (*release.Files, error) {
	from := by.Text("from")
	if by.Kind != "push" || from == "" {
		return nil, nil
	}
	path := from
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, filepath.FromSlash(path))
	}
	f, err := release.OpenFiles(ctx, from, path, by.Int("strip"))
	if err != nil && by.Range.File != "" {
		err = fmt.Errorf("%s: %w", by.Range, err)
	}
	return f, err
}

// made is a release of files: the commit says where they come from, the
// digest what they are, and the id both.
func made(r plan.Release, f *release.Files) plan.Release {
	r.Digest = f.Digest()
	r.ID += "." + r.Digest[:8]
	return r
}

// filesOfPlan reads again what a saved plan's release was made of. It must
// be the same.
func filesOfPlan(ctx context.Context, base string, p *plan.Plan) (*release.Files, error) {
	want := p.Body.Release.Digest
	if want == "" {
		return nil, nil
	}
	for _, h := range p.Body.Hosts {
		for _, s := range h.Stage {
			if s.Op != plan.OpStage {
				continue
			}
			f, err := openFiles(ctx, base, lang.Spec{Kind: s.Kind, Attrs: s.Spec})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.At, err)
			}
			if f.Digest() != want {
				_ = f.Close()
				return nil, exit(exitStale, fmt.Errorf("%s is not what was planned: its digest was %.12s and is %.12s; plan again, or bring back what was reviewed",
					f.Name, want, f.Digest()))
			}
			return f, nil
		}
	}
	return nil, nil // every host has it already
}

// learn asks one host of each release that is live somewhere what it consists
// of, so that only the difference is sent. Where nobody can say, all is sent.
func learn(ctx context.Context, f *release.Files, fleet *exec.Fleet, qs []exec.Question, live func(host string) string) (problems []string) {
	asked := map[string]bool{"": true}
	for _, q := range qs {
		id := live(q.Host)
		if asked[id] || f.Knows(id) {
			continue
		}
		asked[id] = true
		manifest, err := exec.Manifest(ctx, fleet, q, id)
		if err == nil {
			err = f.Learn(id, manifest)
		}
		if err != nil {
			problems = append(problems, err.Error()+"; all of the release is sent to hosts that run it")
		}
	}
	return problems
}

// baseOn is what a host runs that lacks the release id, "" where nobody knows.
func baseOn(facts plan.Facts, host, id string) string {
	for _, h := range facts.Hosts {
		if h.Name == host && h.Live != id && !slices.Contains(h.Releases, id) && slices.Contains(h.Releases, h.Live) {
			return h.Live
		}
	}
	return ""
}

// learn is that for the hosts that a plan brings its release to.
func (p *planned) learn(ctx context.Context) (problems []string) {
	if p.files == nil {
		return nil
	}
	return learn(ctx, p.files, p.fleet, exec.QuestionsOf(p.plan, p.root), func(host string) string {
		h := p.plan.Host(host)
		if h == nil || len(h.Stage) == 0 || h.From.ID == h.To.ID {
			return ""
		}
		return h.From.ID
	})
}

// source is what the releases of a plan are brought from.
func (p *planned) source() transport.Source {
	switch {
	case p.files != nil:
		return p.files
	case p.repo != nil:
		return p.repo
	}
	return nil
}

// travels says of a release made of files what it is and what would be sent.
func travels(f *release.Files, to plan.Release, all burden, from map[string]burden, facts plan.Facts) []string {
	out := []string{fmt.Sprintf("the release is made of %s: %s (sha256 %s)", f.Name, all, to.Digest)}
	var parts []string
	for _, h := range facts.Hosts {
		b, known := from[h.Live]
		if !known {
			continue
		}
		delete(from, h.Live)
		parts = append(parts, fmt.Sprintf("%s to hosts that run %s", b, h.Named(h.Live).Name()))
	}
	if len(parts) > 0 {
		out = append(out, "what travels: "+strings.Join(parts, ", ")+", all of it to others")
	}
	if f.Private > 0 {
		out = append(out, fmt.Sprintf("%s of %s may be read here by their owner only, but on the hosts by everybody, as all of a release", count(f.Private, "file"), f.Name))
	}
	return out
}
