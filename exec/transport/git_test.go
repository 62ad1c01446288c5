package transport_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/remote"
	"shipit/exec/transport"
)

// origin is a repository on disk.
type origin struct {
	t   *testing.T
	dir string
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{t, filepath.Join(t.TempDir(), "origin of 'it'")}
	if err := os.Mkdir(o.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o.git("init", "-q", "-b", "main")
	return o
}

func (o *origin) git(args ...string) string {
	o.t.Helper()
	cmd := exec.Command("git", append([]string{
		"-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always",
	}, args...)...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit replaces the tree and tags it.
func (o *origin) commit(tag string, t tree) transport.Release {
	o.t.Helper()
	o.git("rm", "-rq", "--ignore-unmatch", ".")
	for path, text := range t {
		p := filepath.Join(o.dir, path)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			o.t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, p)
		} else if strings.HasPrefix(text, "#!") {
			err = os.WriteFile(p, []byte(text), 0o755)
		} else {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			o.t.Fatal(err)
		}
	}
	o.git("add", "-A")
	o.git("commit", "-q", "--allow-empty", "-m", "commit "+tag)
	o.git("tag", "-a", "-m", tag, tag)
	return transport.Release{
		ID: strings.ReplaceAll(tag, "/", "-"), Tag: tag,
		Commit: o.git("rev-parse", "HEAD"), Tree: o.git("rev-parse", "HEAD^{tree}"),
	}
}

func gitKind(t *testing.T, spec map[string]any) transport.Transport {
	t.Helper()
	tr, err := transport.New("git", spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func (h *host) fetch(tr transport.Transport, repo string, r transport.Release) error {
	h.t.Helper()
	s, data, _, err := tr.Step(h.t.Context(), transport.Delivery{Run: "run-1", Path: "my app", Repo: repo, Release: r})
	if err != nil || data != nil {
		h.t.Fatalf("data %v, error %v", data, err)
	}
	return h.conn.Run(h.t.Context(), remote.Command{Steps: []remote.Step{s}})
}

func TestGitChecksOutWhatPushSends(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	r := o.commit("release/2026-01-02/1", one)
	h, pushed := newHost(t), newHost(t)
	if err := h.fetch(gitKind(t, map[string]any{"shared": []any{"log"}}), o.dir, r); err != nil {
		t.Fatal(told(err))
	}
	pushed.mustStage(push(t, newRepo(map[string]tree{"c1": one}), "log"), "c1", "")
	if diff := cmp.Diff(files(t, pushed.path("releases", "v-c1")), files(t, h.path("releases", r.ID))); diff != "" {
		t.Errorf("push (-) and git (+) differ:\n%s", diff)
	}
	// The same manifest: either can be the base of a later push.
	a, _ := os.ReadFile(pushed.path(".shipit/manifest/v-c1"))
	b, _ := os.ReadFile(h.path(".shipit/manifest", r.ID))
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Error(diff)
	}
	h.nothingLeft()
}

func TestGitFetchesLaterReleasesIntoTheSameCache(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	h, tr := newHost(t), gitKind(t, nil)
	for i, text := range []string{"one", "two"} {
		r := o.commit("v"+text, tree{"f": text})
		if err := h.fetch(tr, o.dir, r); err != nil {
			t.Fatal(told(err))
		}
		if got := files(t, h.path("releases", r.ID))["f"]; got != "-rw-r--r-- "+text {
			t.Errorf("release %d has %q", i, got)
		}
	}
	// A commit that no tag names is found in a branch.
	r := o.commit("gone", tree{"f": "three"})
	o.git("tag", "-d", "gone")
	r.Tag = ""
	if err := h.fetch(tr, o.dir, r); err != nil {
		t.Fatal(told(err))
	}
	// And what is fetched already needs nobody.
	if err := os.RemoveAll(h.path("releases", r.ID)); err != nil {
		t.Fatal(err)
	}
	if err := h.fetch(tr, filepath.Join(o.dir, "not", "there"), r); err != nil {
		t.Error(told(err))
	}
}

func TestGitRefusesAMovedTag(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	h := newHost(t)
	r := o.commit("v1", tree{"f": "one"})
	r.Commit = strings.Repeat("0123456789", 4)
	err := h.fetch(gitKind(t, nil), o.dir, r)
	if err == nil || !strings.Contains(told(err), "commit "+r.Commit+" of tag v1 is not at ") {
		t.Errorf("error is %s", told(err))
	}
	r = o.commit("v2", tree{"f": "two"})
	r.Tree = strings.Repeat("0", 40)
	err = h.fetch(gitKind(t, nil), o.dir, r)
	if err == nil || !strings.Contains(told(err), "has another tree than the plan says") {
		t.Errorf("error is %s", told(err))
	}
	h.nothingLeft()
	if left, _ := filepath.Glob(h.path("releases", "*")); len(left) > 0 {
		t.Errorf("releases appeared: %v", left)
	}
}

func TestGitRunsNoHookAndNoFilter(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	h := newHost(t)
	r := o.commit("v1", tree{".gitattributes": "* filter=evil\n", "f": "one"})
	if err := os.MkdirAll(filepath.Join(o.dir, ".git/hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"post-checkout", "pre-upload"} {
		if err := os.WriteFile(filepath.Join(o.dir, ".git/hooks", hook), []byte("#!/bin/sh\ntouch "+h.home+"/pwned\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.fetch(gitKind(t, nil), o.dir, r); err != nil {
		t.Fatal(told(err))
	}
	if _, err := os.Stat(filepath.Join(h.home, "pwned")); err == nil {
		t.Error("a hook ran")
	}
}

func TestGitBringsSubmodules(t *testing.T) {
	t.Parallel()
	sub := newOrigin(t)
	sub.commit("s1", tree{"lib": "library\n"})
	o := newOrigin(t)
	o.commit("v0", tree{"f": "one"})
	o.git("submodule", "--quiet", "add", sub.dir, "vendor/lib")
	o.git("commit", "-q", "-m", "with a submodule")
	o.git("tag", "v1")
	r := transport.Release{ID: "v1", Tag: "v1", Commit: o.git("rev-parse", "HEAD"), Tree: o.git("rev-parse", "HEAD^{tree}")}
	h := newHost(t)
	if err := h.fetch(gitKind(t, map[string]any{"submodules": true}), o.dir, r); err != nil {
		t.Fatal(told(err))
	}
	got := files(t, h.path("releases", "v1"))
	if got["vendor/lib/lib"] != "-rw-r--r-- library\n" {
		t.Errorf("the submodule is not there: %v", got)
	}
	if _, ok := got["vendor/lib/.git"]; ok {
		t.Error("the submodule's .git is in the release")
	}
}

func TestGitOrigin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ origin, repo, want string }{
		{"", "https://git.example.org/a/b", "https://git.example.org/a/b"},
		{"deploy1001.example", "https://git.example.org/a/b", "https://deploy1001.example/a/b"},
		{"deploy1001.example", "ssh://git@git.example.org:29418/a/b", "ssh://git@deploy1001.example:29418/a/b"},
		{"deploy1001.example", "git@git.example.org:a/b.git", "git@deploy1001.example:a/b.git"},
		{"deploy1001.example", "git.example.org:a/b.git", "deploy1001.example:a/b.git"},
		{"https://mirror.example/b", "https://git.example.org/a/b", "https://mirror.example/b"},
		{"/srv/git/b", "git@git.example.org:a/b", "/srv/git/b"},
	} {
		tr := gitKind(t, map[string]any{"origin": c.origin})
		s, _, _, err := tr.Step(t.Context(), transport.Delivery{Repo: c.repo, Release: rel("c")})
		if err != nil || !strings.Contains(s.Shell, "origin="+remote.Quote(c.want)+" ") {
			t.Errorf("origin %q of %q is not %q (%v)", c.origin, c.repo, c.want, err)
		}
	}
	tr := gitKind(t, map[string]any{"origin": "host"})
	if _, _, _, err := tr.Step(t.Context(), transport.Delivery{Repo: "/srv/git/b"}); err == nil {
		t.Error("a path on the deployer was given another host")
	}
}
