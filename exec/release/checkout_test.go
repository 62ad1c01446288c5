package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/release"
)

func TestCheckOutIsOneDirectoryACommit(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	commit := func(text string) string {
		f.write("a.hcl", text)
		f.git("add", "a.hcl")
		f.git("commit", "-q", "-m", text)
		return f.git("rev-parse", "HEAD")
	}
	first := commit("one")
	f.git("tag", "v1")
	second := commit("two")
	base := filepath.Join(realTemp(t), "trees")
	for _, c := range []struct{ ref, commit, text string }{{"v1", first, "one"}, {"main", second, "two"}, {first, first, "one"}, {"main", second, "two"}} {
		dir, got, err := release.CheckOut(t.Context(), f.dir, c.ref, base)
		if err != nil || got != c.commit {
			t.Fatalf("CheckOut(%s): %s, %v, want %s", c.ref, got, err, c.commit)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "a.hcl")); err != nil || string(text) != c.text {
			t.Errorf("CheckOut(%s) has %q, %v, want %q", c.ref, text, err, c.text)
		}
	}
	f.git("tag", "-f", "v1") // it moves, and main is rewritten
	f.git("reset", "-q", "--hard", first)
	third := commit("three")
	for ref, want := range map[string]string{"v1": second, "main": third} {
		if _, got, err := release.CheckOut(t.Context(), f.dir, ref, base); err != nil || got != want {
			t.Errorf("CheckOut(%s) finds %s, %v, want %s", ref, got, err, want)
		}
	}
	entries, err := os.ReadDir(base)
	if err != nil || len(entries) != 5 {
		t.Errorf("it leaves %v, %v, want three trees, a mirror and its lock", entries, err)
	}
	for _, entry := range entries { // without what was fetched, a tree is whole
		if len(entry.Name()) != len(first) {
			if err := os.RemoveAll(filepath.Join(base, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	alone := exec.Command("git", "log", "--format=%s", first)
	alone.Env = append(os.Environ(), "GIT_DIR="+filepath.Join(base, first, ".git"))
	if out, err := alone.CombinedOutput(); err != nil {
		t.Errorf("a tree does not stand by itself: %v\n%s", err, out)
	}
	for _, ref := range []string{"nothing", "--all"} {
		if _, _, err := release.CheckOut(t.Context(), f.dir, ref, base); err == nil || !strings.Contains(err.Error(), "no such branch") {
			t.Errorf("CheckOut(%s): %v", ref, err)
		}
	}
}
