package release_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/release"
	"shipit/exec/tag"
)

// TestMain makes git the same everywhere.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_AUTHOR_DATE": "2015-06-10T12:00:00Z",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_COMMITTER_DATE": "2015-06-10T12:00:00Z",
		// As a hook would leave it: shipit must not believe it.
		"GIT_DIR": "/nonexistent",
	} {
		os.Setenv(name, value)
	}
	os.Exit(m.Run())
}

// A fixture is a git repository that a test writes by the git program.
type fixture struct {
	t   testing.TB
	dir string
}

func newRepo(t testing.TB, args ...string) fixture {
	t.Helper()
	f := fixture{t, filepath.Join(realTemp(t), "deploy")}
	if err := os.Mkdir(f.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f.git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return f
}

// realTemp is a directory whose path has no symbolic links in it.
func realTemp(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (f fixture) git(args ...string) string {
	f.t.Helper()
	cmd := osexec.Command("git", args...)
	cmd.Dir = f.dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GIT_DIR=") })
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (f fixture) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// commit makes a commit that changes the file "version", and returns its id.
func (f fixture) commit(subject string) string {
	f.t.Helper()
	f.write("version", subject+"\n")
	f.git("add", "-A")
	f.git("commit", "-q", "-m", subject)
	return f.git("rev-parse", "HEAD")
}

func (f fixture) open() *release.Repo {
	f.t.Helper()
	return open(f.t, f.dir, "")
}

func open(t testing.TB, repo, cache string) *release.Repo {
	t.Helper()
	r, err := release.Open(t.Context(), repo, cache)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var dated = mustScheme("release/{date}/{n}")

func mustScheme(s string) tag.Scheme {
	scheme, err := tag.ParseScheme(s)
	if err != nil {
		panic(err)
	}
	return scheme
}

func TestReleasesAreOrderedAsVersions(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	first := f.commit("first")
	f.git("tag", "release/2015-06-09/1")
	second := f.commit("second")
	f.git("tag", "-a", "-m", "ship it", "release/2015-06-10/9")
	f.git("tag", "-a", "-m", "ship it again", "release/2015-06-10/10")
	f.git("tag", "release/2015-06-10/011")
	f.git("tag", "v1.0.0")
	f.git("tag", "-m", "a tree", "release/2015-06-11/1", "HEAD^{tree}")
	f.git("branch", "release/2015-06-12/1")

	got, err := f.open().Releases(t.Context(), dated)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2015, 6, 10, 12, 0, 0, 0, time.UTC)
	tree := f.git("rev-parse", second+"^{tree}")
	want := []release.Release{
		{
			Tag: tag.Tag{Name: "release/2015-06-10/10", Date: "2015-06-10", N: 10}, ID: "release-2015-06-10-10-" + second[:12],
			Commit: second, Tree: tree, Subject: "second", Author: "Ada", When: noon, Annotated: true, Object: f.git("rev-parse", "release/2015-06-10/10"),
		},
		{
			Tag: tag.Tag{Name: "release/2015-06-10/9", Date: "2015-06-10", N: 9}, ID: "release-2015-06-10-9-" + second[:12],
			Commit: second, Tree: tree, Subject: "second", Author: "Ada", When: noon, Annotated: true, Object: f.git("rev-parse", "release/2015-06-10/9"),
		},
		{
			Tag: tag.Tag{Name: "release/2015-06-09/1", Date: "2015-06-09", N: 1}, ID: "release-2015-06-09-1-" + first[:12],
			Commit: first, Tree: f.git("rev-parse", first+"^{tree}"), Subject: "first", Author: "Ada", When: noon, Object: first,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A prerelease is deployed by those who name it.
func TestResolveMeansNoPrerelease(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.commit("first")
	versions := mustScheme("v{semver}")
	for _, tt := range []struct{ tag, newest, passed string }{
		{"v0.1.0-rc.1", "v0.1.0-rc.1", ""}, // there is nothing else
		{"v0.1.0-rc.2", "v0.1.0-rc.2", ""},
		{"v0.1.0", "v0.1.0", ""},
		{"v0.2.0-rc.1", "v0.1.0", "v0.2.0-rc.1"},
		{"v0.2.0-rc.2", "v0.1.0", "v0.2.0-rc.2"},
		{"v0.1.1", "v0.1.1", "v0.2.0-rc.2"},
		{"v0.2.0+build-1", "v0.2.0+build-1", ""},
	} {
		f.git("tag", tt.tag)
		for name, want := range map[string][2]string{"": {tt.newest, tt.passed}, tt.tag: {tt.tag, ""}} {
			got, err := f.open().Resolve(t.Context(), versions, name)
			if err != nil || got.Tag.Name != want[0] || got.Passed != want[1] {
				t.Errorf("after %s: Resolve(%q) = %q past %q, %v, want %q", tt.tag, name, got.Tag.Name, got.Passed, err, want)
			}
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.commit("first")
	r := f.open()
	if _, err := r.Resolve(t.Context(), dated, ""); !errors.Is(err, release.ErrNoReleases) || !strings.Contains(err.Error(), "shipit tag") {
		t.Errorf("of an empty repository: %v", err)
	}
	for _, name := range []string{"release/2015-06-09/1", "release/2015-06-10/1", "release/2015-06-10/3", "v1.0.0"} {
		f.git("tag", name)
	}
	for name, want := range map[string]string{"": "release/2015-06-10/3", "release/2015-06-09/1": "release/2015-06-09/1"} {
		got, err := r.Resolve(t.Context(), dated, name)
		if err != nil || got.Tag.Name != want {
			t.Errorf("Resolve(%q) = %q, %v, want %q", name, got.Tag.Name, err, want)
		}
	}
	for name, want := range map[string]string{
		"release/2015-06-10/2": "near it is release/2015-06-10/1 and release/2015-06-10/3, the newest is release/2015-06-10/3",
		"release/2014-01-01/1": "near it is release/2015-06-09/1, the newest",
		"release/2016-01-01/1": "near it is release/2015-06-10/3, the newest",
		"v1.0.0":               "is not of the scheme release/{date}/{n}",
		"v2":                   "shipit releases lists",
		"--upload-pack=x":      "is not a tag of the scheme",
	} {
		_, err := r.Resolve(t.Context(), dated, name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Resolve(%q): %v, want %q", name, err, want)
		}
		if _, ok := errors.AsType[*release.UnknownTagError](err); ok != strings.HasPrefix(name, "release/") {
			t.Errorf("Resolve(%q): UnknownTagError is %v", name, ok)
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.write("sub/file", "x")
	empty := realTemp(t)
	for repo, want := range map[string]string{
		"":                                    "empty",
		"--upload-pack=touch x":               "write ./ before a path",
		filepath.Join(empty, "nowhere"):       "no such file",
		empty:                                 "not a git repository",
		filepath.Join(f.dir, "sub"):           "inside the repository",
		"https://ada:secret@example.org/x":    "credential helper",
		"ext::sh -c 'touch pwned; false'":     "not allowed",
		"file://" + filepath.Join(empty, "x"): "does not",
	} {
		_, err := release.Open(t.Context(), repo, filepath.Join(empty, "cache"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", repo, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) tells the password: %v", repo, err)
		}
	}
}

func TestOpenBareAndWorkTree(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.commit("first")
	f.git("tag", "release/2015-06-10/1")
	bare := filepath.Join(realTemp(t), "bare.git")
	f.git("clone", "-q", "--bare", f.dir, bare)
	link := filepath.Join(realTemp(t), "link")
	if err := os.Symlink(bare, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.dir, bare, link, filepath.Join(f.dir, ".git")} {
		got, err := open(t, path, "").Resolve(t.Context(), dated, "")
		if err != nil || got.Subject != "first" {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	a := f.commit("a")
	b := f.commit("b")
	c := f.commit("c")
	f.git("checkout", "-q", "-b", "side", a)
	d := f.commit("d")
	r := f.open()
	commit := func(id, subject string) release.Commit {
		return release.Commit{ID: id, Subject: subject, Author: "Ada"}
	}
	tests := []struct {
		name, from, to string
		limit          int
		want           release.Log
	}{
		{"forward", a, c, 0, release.Log{Commits: []release.Commit{commit(c, "c"), commit(b, "b")}, Total: 2}},
		{"cut", a, c, 1, release.Log{Commits: []release.Commit{commit(c, "c")}, Total: 2}},
		{"back", c, a, 0, release.Log{Back: true, Commits: []release.Commit{commit(c, "c"), commit(b, "b")}, Total: 2}},
		{"the same", a, a, 0, release.Log{}},
		{"diverged", c, d, 0, release.Log{Commits: []release.Commit{commit(d, "d")}, Total: 1, Lost: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Log(t.Context(), tt.from, tt.to, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	missing := strings.Repeat("1", 40)
	if _, err := r.Log(t.Context(), missing, a, 0); err == nil || !strings.Contains(err.Error(), "commit 111111111111 is not in") {
		t.Errorf("of a missing commit: %v", err)
	}
	if _, err := r.Log(t.Context(), "--output=x", a, 0); err == nil || !strings.Contains(err.Error(), "is not the id of a commit") {
		t.Errorf("of an option: %v", err)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	state := func() release.State {
		t.Helper()
		got, err := f.open().State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got, want := state(), (release.State{Root: f.dir}); got != want {
		t.Errorf("before the first commit: %+v, want %+v", got, want)
	}
	id := f.commit("first")
	if got, want := state(), (release.State{Root: f.dir, Commit: id}); got != want {
		t.Errorf("clean: %+v, want %+v", got, want)
	}
	f.git("clone", "-q", "--bare", f.dir, f.dir+".git")
	f.git("remote", "add", "origin", f.dir+".git")
	f.git("fetch", "-q", "origin")
	id = f.commit("second")
	if got, want := state(), (release.State{Root: f.dir, Commit: id, Unpushed: true}); got != want {
		t.Errorf("unpushed: %+v, want %+v", got, want)
	}
	f.git("push", "-q", "origin", "main")
	f.write("sub/new", "x")
	if got, want := state(), (release.State{Root: f.dir, Commit: id, Dirty: true}); got != want {
		t.Errorf("dirty: %+v, want %+v", got, want)
	}
	got, ok, err := release.StateOf(t.Context(), filepath.Join(f.dir, "sub"))
	if want := (release.State{Root: f.dir, Commit: id, Dirty: true}); err != nil || !ok || got != want {
		t.Errorf("of a directory inside: %+v, %v, %v, want %+v", got, ok, err, want)
	}
	if _, ok, err := release.StateOf(t.Context(), t.TempDir()); ok || err != nil {
		t.Errorf("of no repository: %v, %v", ok, err)
	}
	bare, err := open(t, f.dir+".git", "").State(t.Context())
	if want := (release.State{Root: f.dir + ".git", Commit: id}); err != nil || bare != want {
		t.Errorf("of a bare repository: %+v, %v, want %+v", bare, err, want)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	id := f.commit("first")
	f.git("tag", "release/2015-06-10/1")
	before := files(t, f.dir)
	r := f.open()
	if _, err := r.Resolve(t.Context(), dated, ""); err != nil {
		t.Error(err)
	}
	if _, err := r.State(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.Tree(t.Context(), id); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, files(t, f.dir)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// files are all files below dir, with their sizes and times of change.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		found[path] = fmt.Sprint(info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestACancelledContextEndsGit(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	r := f.open()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the operator left")
	cancel(reason)
	if _, err := r.Releases(ctx, dated); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

// A repository that would have git run its author's programs runs none.
func TestHooksAndConfiguredProgramsDoNotRun(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	id := f.commit("first")
	f.git("tag", "release/2015-06-10/1")
	pwned := filepath.Join(realTemp(t), "pwned")
	script := filepath.Join(realTemp(t), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch "+pwned+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	hooks := filepath.Join(f.dir, ".git", "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"pre-push", "reference-transaction", "post-index-change"} {
		if err := os.Symlink(script, filepath.Join(hooks, hook)); err != nil {
			t.Fatal(err)
		}
	}
	f.git("config", "core.fsmonitor", script)
	f.git("config", "core.pager", script)
	f.git("config", "gpg.program", script)
	f.git("config", "log.showSignature", "true")
	r := f.open()
	if _, err := r.State(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.Log(t.Context(), id, id, 0); err != nil {
		t.Error(err)
	}
	if err := r.CreateTag(t.Context(), release.TagRequest{Name: "release/2015-06-10/2", Commit: id}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(pwned); err == nil {
		t.Error("a program of the repository ran")
	}
}

func TestParallelOpensShareAMirror(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.commit("first")
	f.git("tag", "release/2015-06-10/1")
	cache := realTemp(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r, err := release.Open(t.Context(), "file://"+f.dir, cache)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := r.Resolve(t.Context(), dated, "release/2015-06-10/1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
