package exec

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

// An elder is a tree of another tool, with a real shell as its host and a real
// run to take it over. HOME in it is the host's home.
type elder struct {
	t     *testing.T
	home  string
	path  string
	check string
	runs  int
}

func (s *elder) definition(keep int) *lang.Definition {
	return &lang.Definition{
		File: "web.hcl", Env: lang.Environment{Name: "production"},
		Service: lang.Service{
			Name:      "web",
			Release:   lang.ReleaseSpec{Scheme: "release/{n}", Keep: keep},
			Transport: lang.Transport{Spec: lang.Spec{Kind: "git"}, Path: s.path, Shared: []string{"log"}},
			Batches:   []lang.Batch{{Name: "all", Size: lang.Size{N: 1}}},
			Rollback:  lang.Rollback{On: []string{"check"}, Scope: "run", To: "last_good"},
			Lock:      lang.Lock{Scope: "service"},
		},
		Targets: []lang.Target{{
			Host:    lang.Host{Name: "h"},
			Restart: lang.Restart{Spec: lang.Spec{Kind: "command", Attrs: map[string]any{"shell": "cat " + s.path + "/current/name >>log"}}},
			Checks: []lang.Check{{
				Spec: lang.Spec{Kind: "command", Name: "up", Attrs: map[string]any{"shell": s.check}}, At: "host", From: "host",
				Within: lang.Duration(20 * time.Second), Every: lang.Duration(time.Minute), Timeout: lang.Duration(20 * time.Second), Successes: 1, // asked once
			}},
		}},
	}
}

func (s *elder) plan(kind plan.Kind, want plan.Release) *plan.Plan {
	s.t.Helper()
	f := NewFleet(remote.NewLocal(s.home))
	defer f.Close()
	def := s.definition(2)
	return plan.Make(plan.Inputs{
		Kind: kind, Definition: def, Facts: Observe(s.t.Context(), f, Questions(def, "", kind), nil),
		Release: want, As: newRelease, Version: "test", Salt: []byte("0123456789abcdef"),
	})
}

// brought puts a release of shipit there, as staging leaves it.
func (s *elder) brought(r plan.Release) {
	put(s.t, filepath.Join(s.home, s.path), map[string]string{"releases/" + r.ID + "/name": r.Tag + "\n", ".shipit/manifest/" + r.ID: ""})
}

func (s *elder) apply(p *plan.Plan) event.Outcome {
	s.t.Helper()
	s.runs++
	f := NewFleet(remote.NewLocal(s.home))
	defer f.Close()
	if problems := p.Problems(); len(problems) > 0 {
		s.t.Fatal(strings.Join(problems, "\n"))
	}
	res, err := Apply(s.t.Context(), Options{Plan: p, Fleet: f, Journal: &memory{}, Views: &memory{}, Run: fmt.Sprintf("run-%d", s.runs), By: "ann@desk"})
	if err != nil {
		s.t.Fatal(err)
	}
	return res.Outcome
}

func (s *elder) current(want string) {
	s.t.Helper()
	got, err := os.Readlink(filepath.Join(s.home, s.path, "current"))
	if err != nil || got != want {
		s.t.Errorf("current is %q (%v), want %q", got, err, want)
	}
}

const sha = "0123456789abcdef0123456789abcdef01234567"

// TestATreeOfAnotherToolIsAdopted: the first run leaves what ran where it is,
// a failure and a rollback leave current exactly as it was, a second plan is
// empty, and nothing of the old tool is ever pruned.
func TestATreeOfAnotherToolIsAdopted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, link, tool, id, commit string
		files                        map[string]string
	}{
		"capistrano": {
			path: "srv/web", link: "HOME/srv/web/releases/20260102030405", tool: "Capistrano", id: "20260102030405", commit: sha,
			files: map[string]string{
				"releases/20260102030405/name": "old\n", "releases/20260102030405/REVISION": sha + "\n", "releases/20260101000000/name": "older\n",
				"repo/HEAD": "", "revisions.log": "", "shared/log/": "", "shared/public/uploads/": "",
				"releases/20260102030405/log":            "-> HOME/srv/web/shared/log",
				"releases/20260102030405/public/uploads": "-> HOME/srv/web/shared/public/uploads",
			},
		},
		"deployer": {
			path: "srv/web", link: "releases/12", tool: "Deployer", id: "12", commit: sha,
			files: map[string]string{"releases/12/name": "old\n", "releases/12/REVISION": sha + "\n", "releases/11/name": "", ".dep/latest_release": "12\n"},
		},
		"scap": {
			path: "srv/web-cache", link: "HOME/srv/web-cache/revs/" + sha, tool: "scap", id: sha, commit: sha,
			files: map[string]string{"revs/" + sha + "/name": "old\n", ".done": "-> revs/" + sha, "cache/HEAD": "", "../web": "-> web-cache/current"},
		},
		"mina with a slash at the end": {
			path: "srv/web", link: "./releases/7/", tool: "Mina", id: "7",
			files: map[string]string{"releases/7/name": "old\n", "scm/HEAD": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			s := &elder{t: t, home: home, path: c.path, check: "true"}
			link := strings.ReplaceAll(c.link, "HOME", home)
			files := map[string]string{"current": "-> " + link}
			for file, text := range c.files {
				files[file] = strings.ReplaceAll(text, "HOME", home)
			}
			put(t, filepath.Join(home, c.path), files)
			s.brought(oldRelease)
			s.brought(newRelease)
			p := s.plan(plan.Deploy, oldRelease)
			h := p.Body.Hosts[0]
			if h.From != (plan.Release{ID: c.id, Commit: c.commit, Link: link}) || h.Back != h.From || h.Action != plan.Update {
				t.Fatalf("from %+v, back %+v, %s %s", h.From, h.Back, h.Action, h.Problem)
			}
			said := strings.Join(p.Body.Notes, "\n")
			for _, want := range []string{"made by " + c.tool + " and runs " + c.id, "moves nothing"} {
				if !strings.Contains(said, want) {
					t.Errorf("the notes lack %q:\n%s", want, said)
				}
			}
			if lost := strings.Contains(said, "public/uploads from shared/"); lost != (name == "capistrano") || strings.Contains(said, "log from shared/") {
				t.Errorf("of shared paths it says:\n%s", said)
			}
			old := contentsOf(t, filepath.Join(home, c.path), c.files)

			s.check = "! grep release " + c.path + "/current/name"
			if got := s.apply(s.plan(plan.Deploy, oldRelease)); got != event.RolledBack {
				t.Errorf("a failure ends %s", got)
			}
			s.current(link)
			s.check = "true"
			if got := s.apply(s.plan(plan.Deploy, oldRelease)); got != event.Done {
				t.Errorf("the first run ends %s", got)
			}
			s.current("releases/" + oldRelease.ID)
			if p := s.plan(plan.Deploy, oldRelease); p.Changes() || len(p.Body.Notes) > 0 || len(p.Problems()) > 0 {
				t.Errorf("a second plan is not empty: %v %v", p.Body.Notes, p.Problems())
			}
			if got := s.apply(s.plan(plan.Rollback, plan.Release{})); got != event.Done {
				t.Errorf("the rollback ends %s", got)
			}
			s.current(link)
			if got := s.apply(s.plan(plan.Deploy, newRelease)); got != event.Done {
				t.Errorf("the next run ends %s", got)
			}
			s.current("releases/" + newRelease.ID)
			if diff := cmp.Diff(old, contentsOf(t, filepath.Join(home, c.path), c.files)); diff != "" {
				t.Errorf("the old tree changed:\n%s", diff)
			}
		})
	}
}

// contentsOf is what the files of a tree say.
func contentsOf(t *testing.T, dir string, files map[string]string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for file := range files {
		text, err := osexec.Command("sh", "-c", `if [ -L "$1" ]; then readlink "$1"; else [ -d "$1" ] || cat "$1"; fi`, "sh", filepath.Join(dir, file)).CombinedOutput()
		if err != nil {
			t.Fatal(file, err, string(text))
		}
		out[file] = string(text)
	}
	return out
}

// TestATreeThatCannotBeAdoptedIsRefused, with what to type.
func TestATreeThatCannotBeAdoptedIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path  string
		files map[string]string
		says  []string
	}{
		"a directory":        {"web", map[string]string{"current/name": "old\n"}, []string{"is no symbolic link", "mv -T current releases/before && ln -s releases/before current"}},
		"deployer at work":   {"web", map[string]string{"current": "-> releases/1", "releases/1/name": "", ".dep/deploy.lock": "alice\n"}, []string{"a deploy of Deployer", "(alice)", "rm HOME/web/.dep/deploy.lock"}},
		"capistrano's lock":  {"web", map[string]string{"current": "-> releases/1", "releases/1/name": "", "repo/HEAD": "", "shared/deploy-lock.yml": ":username: bob\n"}, []string{"a deploy of Capistrano", ":username: bob"}},
		"scap's own link":    {"web-cache", map[string]string{"current": "-> revs/" + sha, "revs/" + sha + "/name": "", "../web": "-> web-cache/revs/" + sha}, []string{"HOME/web points to web-cache/revs/" + sha, "ln -s web-cache/current HOME/web.new && mv -T HOME/web.new HOME/web"}},
		"scap's final path":  {"web", map[string]string{"": "-> web-cache/revs/" + sha, "../web-cache/revs/" + sha + "/name": ""}, []string{"path (web) is a link to a release", "let path of the transport be HOME/web-cache"}},
		"current as path":    {"web/current", map[string]string{"": "-> releases/1", "../releases/1/name": ""}, []string{"let path of the transport be HOME/web"}},
		"somewhere else":     {"web", map[string]string{"current": "-> /etc"}, []string{`points to "/etc"`, "a directory in releases/"}},
		"a name that breaks": {"web", map[string]string{"current": "-> releases/a\nb", "releases/a\nb/name": ""}, []string{"no release of shipit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(home, c.path), c.files)
			s := &elder{t: t, home: home, path: c.path, check: "true"}
			h := s.plan(plan.Deploy, newRelease).Body.Hosts[0]
			if h.Action != plan.Refuse {
				t.Fatalf("it is %s", h.Action)
			}
			for _, want := range c.says {
				if want = strings.ReplaceAll(want, "HOME", home); !strings.Contains(h.Problem, want) {
					t.Errorf("it does not say %q:\n%s", want, h.Problem)
				}
			}
		})
	}
}
