package transport_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

func TestGitFetchesLaterReleasesIntoTheSameCache(t *testing.T) {
	t.Parallel()
	o := transporttest.NewOrigin(t)
	h, tr := transporttest.NewHost(t), kind(t, "git", nil, nil)
	for i, text := range []string{"one", "two"} {
		r := o.Commit("v"+text, tree{"f": text})
		if err := h.Stage(tr, transport.Delivery{Repo: o.Dir, Release: r}); err != nil {
			t.Fatal(transporttest.Told(err))
		}
		if got := transporttest.Files(t, h.Path("releases", r.ID))["f"]; got != "-rw-r--r-- "+text {
			t.Errorf("release %d has %q", i, got)
		}
	}
	// A commit that no tag names is found in a branch.
	r := o.Commit("gone", tree{"f": "three"})
	o.Git("tag", "-d", "gone")
	r.Tag = ""
	if err := h.Stage(tr, transport.Delivery{Repo: o.Dir, Release: r}); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	// And what is fetched already needs nobody.
	if err := os.RemoveAll(h.Path("releases", r.ID)); err != nil {
		t.Fatal(err)
	}
	if err := h.Stage(tr, transport.Delivery{Repo: filepath.Join(o.Dir, "not", "there"), Release: r}); err != nil {
		t.Error(transporttest.Told(err))
	}
}

func TestGitRefusesAMovedTag(t *testing.T) {
	t.Parallel()
	o := transporttest.NewOrigin(t)
	h := transporttest.NewHost(t)
	r := o.Commit("v1", tree{"f": "one"})
	r.Commit = strings.Repeat("0123456789", 4)
	err := h.Stage(kind(t, "git", nil, nil), transport.Delivery{Repo: o.Dir, Release: r})
	if err == nil || !strings.Contains(transporttest.Told(err), "commit "+r.Commit+" of tag v1 is not at ") {
		t.Errorf("error is %s", transporttest.Told(err))
	}
	r = o.Commit("v2", tree{"f": "two"})
	r.Tree = strings.Repeat("0", 40)
	err = h.Stage(kind(t, "git", nil, nil), transport.Delivery{Repo: o.Dir, Release: r})
	if err == nil || !strings.Contains(transporttest.Told(err), "has another tree than the plan says") {
		t.Errorf("error is %s", transporttest.Told(err))
	}
	h.NothingLeft()
	if left, _ := filepath.Glob(h.Path("releases", "*")); len(left) > 0 {
		t.Errorf("releases appeared: %v", left)
	}
}

func TestGitRunsNoHookAndNoFilter(t *testing.T) {
	t.Parallel()
	o := transporttest.NewOrigin(t)
	h := transporttest.NewHost(t)
	r := o.Commit("v1", tree{".gitattributes": "* filter=evil\n", "f": "one"})
	if err := os.MkdirAll(filepath.Join(o.Dir, ".git/hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"post-checkout", "pre-upload"} {
		if err := os.WriteFile(filepath.Join(o.Dir, ".git/hooks", hook), []byte("#!/bin/sh\ntouch "+h.Home+"/pwned\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Stage(kind(t, "git", nil, nil), transport.Delivery{Repo: o.Dir, Release: r}); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	if _, err := os.Stat(filepath.Join(h.Home, "pwned")); err == nil {
		t.Error("a hook ran")
	}
}

func TestGitBringsSubmodules(t *testing.T) {
	t.Parallel()
	sub := transporttest.NewOrigin(t)
	sub.Commit("s1", tree{"lib": "library\n"})
	o := transporttest.NewOrigin(t)
	o.Commit("v0", tree{"f": "one"})
	o.Git("submodule", "--quiet", "add", sub.Dir, "vendor/lib")
	o.Git("commit", "-q", "-m", "with a submodule")
	o.Git("tag", "v1")
	r := transport.Release{ID: "v1", Tag: "v1", Commit: o.Git("rev-parse", "HEAD"), Tree: o.Git("rev-parse", "HEAD^{tree}")}
	h := transporttest.NewHost(t)
	if err := h.Stage(kind(t, "git", map[string]any{"submodules": true}, nil), transport.Delivery{Repo: o.Dir, Release: r}); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	got := transporttest.Files(t, h.Path("releases", "v1"))
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
		tr := kind(t, "git", map[string]any{"origin": c.origin}, nil)
		s, _, _, err := tr.Step(t.Context(), transport.Delivery{Repo: c.repo, Release: rel("c")})
		if err != nil || !strings.Contains(s.Shell, "origin="+remote.Quote(c.want)+" ") {
			t.Errorf("origin %q of %q is not %q (%v)", c.origin, c.repo, c.want, err)
		}
	}
	tr := kind(t, "git", map[string]any{"origin": "host"}, nil)
	if _, _, _, err := tr.Step(t.Context(), transport.Delivery{Repo: "/srv/git/b"}); err == nil {
		t.Error("a path on the deployer was given another host")
	}
}
