package plan

import (
	"fmt"
	"strings"

	"shipit/lang"
	"shipit/lang/diag"
)

// The fleet of most tests: a service with everything, and hosts that say they
// are fine.

var (
	r1 = Release{ID: "release-1-111111111111", Tag: "release/1", Commit: strings.Repeat("1", 40)}
	r2 = Release{ID: "release-2-222222222222", Tag: "release/2", Commit: strings.Repeat("2", 40)}
	r3 = Release{ID: "release-3-333333333333", Tag: "release/3", Commit: strings.Repeat("3", 40)}
)

func at(line int) diag.Range {
	return diag.Range{File: "web.hcl", Start: diag.Pos{Line: line, Column: 1}}
}

// definition is a service on n hosts that is drained, restarted and checked,
// evaluated for the release want.
func definition(n int, want Release) *lang.Definition {
	def := &lang.Definition{
		File:    "web.hcl",
		Env:     lang.Environment{Name: "production"},
		Sources: []lang.Source{{Path: "web.hcl", SHA256: "ab"}},
		Service: lang.Service{
			Name:      "web",
			Release:   lang.ReleaseSpec{Repo: "https://git.example.org/web", Scheme: "release/{n}", Keep: 3},
			Transport: lang.Transport{Spec: lang.Spec{Kind: "git", Attrs: map[string]any{"submodules": true}, Range: at(5)}, Path: "/srv/web"},
			Batches:   []lang.Batch{{Name: "fleet", Size: lang.Size{N: 2}, Range: at(7)}},
			Rollback:  lang.Rollback{On: []string{"check"}, Scope: "run", To: "last_good", Range: at(30)},
			Lock:      lang.Lock{Scope: "service"},
		},
	}
	for i := range n {
		name := fmt.Sprintf("web%02d", i+1)
		def.Targets = append(def.Targets, lang.Target{
			Host: lang.Host{Name: name, Address: name + ".example.org", Labels: map[string]string{"dc": []string{"a", "b"}[i%2]}},
			Files: []lang.File{{
				Path: "/etc/web.conf", Content: "workers: 8\n", Owner: "root", Group: "web", Mode: "0640", Restart: true, Range: at(12),
			}},
			Drain: &lang.Drain{
				Out: lang.Command{Argv: []string{"pool", "out", name}}, In: lang.Command{Argv: []string{"pool", "in", name}}, Range: at(15),
			},
			Restart: lang.Restart{Spec: lang.Spec{Kind: "systemd", Attrs: map[string]any{"unit": "web.service"}, Range: at(18)}},
			Checks: []lang.Check{
				{
					Spec: lang.Spec{Kind: "http", Name: "info", Range: at(20), Attrs: map[string]any{
						"url": "http://" + name + "/_info", "status": 200, "contains": `"version":"` + want.Tag + `"`,
					}},
					At: "host", From: "host", Successes: 1,
				},
				{
					Spec: lang.Spec{Kind: "command", Name: "spec", Range: at(25), Attrs: map[string]any{"run": []any{"checker", name}}},
					At:   "batch", From: "deployer", Successes: 1,
				},
			},
		})
	}
	return def
}

// ran is the history of a host on which each release was deployed in turn,
// by runs named run1, run2 and so on.
func ran(releases ...Release) []Record {
	var h []Record
	for i, r := range releases {
		rec := Record{Time: int64(1000 * (i + 1)), Run: fmt.Sprintf("run%d", i+1), Release: r.ID, By: "me@here", Tag: r.Tag, Commit: r.Commit}
		for _, state := range []string{"staged", "live", "good"} {
			rec.State = state
			rec.Time++
			h = append(h, rec)
		}
	}
	return h
}

// text is a managed file on a host.
func text(content string) FileFact {
	return FileFact{Exists: true, SHA256: sum(content), Content: content, Mode: "0640", Owner: "root", Group: "web"}
}

// host is a healthy host on which the releases were deployed in turn; the
// last one runs. Its managed file is as the definition wants it.
func host(name string, releases ...Release) HostFacts {
	f := HostFacts{
		Name: name, HostKey: "ssh-ed25519 SHA256:" + name, Login: "deploy", UID: 1000,
		Path: "/srv/web", FreeKiB: 1 << 20, FreeInodes: 1 << 20,
		History: ran(releases...),
		Files:   map[string]FileFact{"/etc/web.conf": text("workers: 8\n")},
		Units:   map[string]Unit{"web.service": {Load: "loaded", Active: "active"}},
		Sudo:    map[string]bool{"systemctl restart web.service": true},
		Saved:   map[string]map[string]FileFact{},
	}
	for i, r := range releases {
		f.Releases = append(f.Releases, r.ID)
		f.Live = r.ID
		f.Saved[fmt.Sprintf("run%d", i+1)] = map[string]FileFact{"/etc/web.conf": text("workers: 8\n")}
	}
	return f
}

// fleet is n equal hosts.
func fleet(n int, releases ...Release) Facts {
	var f Facts
	for i := range n {
		f.Hosts = append(f.Hosts, host(fmt.Sprintf("web%02d", i+1), releases...))
	}
	return f
}

func deploy(def *lang.Definition, facts Facts, want Release) Inputs {
	return Inputs{
		Kind: Deploy, Definition: def, Facts: facts, Release: want,
		Version: "0.4.0", Salt: []byte("0123456789abcdef"),
	}
}

func back(def *lang.Definition, facts Facts, to string) Inputs {
	in := deploy(def, facts, Release{})
	in.Kind, in.As, in.Options.To = Rollback, r3, to
	return in
}

// ids are the ids of steps, on one line.
func ids(steps []Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

func hookAt(moment string) lang.Hook {
	return lang.Hook{Name: "h-" + moment, At: moment, Run: lang.Command{Argv: []string{"true"}}}
}
