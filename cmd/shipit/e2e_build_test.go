package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// build makes what a build of a tag would leave.
func (f *fleet) build(tag string) {
	f.t.Helper()
	dir := f.path("def/build")
	if err := os.RemoveAll(dir); err != nil {
		f.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "var/empty"), 0o755); err != nil {
		f.t.Fatal(err)
	}
	command(f.t, f.path("def/hello.git"), nil, "sh", "-c", `git archive "$1" | tar -x -C "$2"`, "sh", tag, dir)
}

// TestE2EPushOfABuild: what a build left is planned by its digest, and that
// and nothing else is brought.
func TestE2EPushOfABuild(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{transport: `transport "push" {
    path = "srv/hello"
    from = "build"
  }`})
	f.build(first)
	contains(t, f.apply(0, first), "the release is made of build: ")
	for _, h := range f.hosts {
		h.runs(first)
	}
	if out := f.shipit(0, "plan", "hello.hcl", "--release", first); !strings.Contains(out, "Nothing to do") && !strings.Contains(out, "nothing to do") {
		t.Errorf("the same build is something else:\n%s", out)
	}

	f.build(second)
	contains(t, f.shipit(0, "plan", "hello.hcl", "--release", second, "--out", "p.plan"), "what travels: ", " to hosts that run "+first)
	version := filepath.Join(f.path("def/build"), "VERSION")
	planned, err := os.ReadFile(version)
	if err != nil {
		t.Fatal(err)
	}
	writeTo(t, version, "built anew\n")
	contains(t, f.shipit(exitStale, "apply", "p.plan", "--yes"), "build is not what was planned")
	writeTo(t, version, string(planned))
	f.shipit(0, "apply", "p.plan", "--yes")
	for _, h := range f.hosts {
		h.runs(second)
		if info, err := os.Stat(h.path("srv/hello/current/var/empty")); err != nil || !info.IsDir() {
			t.Errorf("%s: the empty directory: %v", h.name, err)
		}
	}

	// Another build of the same commit is another release.
	writeTo(t, filepath.Join(f.path("def/build"), "extra"), "x\n")
	f.apply(0, second)
	for _, h := range f.hosts {
		h.runs(second)
		if _, err := os.Stat(h.path("srv/hello/current/extra")); err != nil {
			t.Errorf("%s: %v", h.name, err)
		}
	}
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	for _, h := range f.hosts {
		if _, err := os.Stat(h.path("srv/hello/current/extra")); err == nil {
			t.Errorf("%s did not go back", h.name)
		}
	}

	if err := os.Symlink("/etc/passwd", f.path("def/build/bad")); err != nil {
		t.Fatal(err)
	}
	contains(t, f.apply(1, second), `hello.hcl:`, `cannot make a release of build`, `the link "bad" to "/etc/passwd" leads out of the release`)
}
