package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// artifacts makes an archive of each release beside the definition, and a list
// of their digests.
func (f *fleet) artifacts(dir string, tags ...string) {
	f.t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.t.Fatal(err)
	}
	for _, tag := range tags {
		name := "hello-" + strings.ReplaceAll(tag, "/", "-") + ".tar.gz"
		git(f.t, f.path("def/hello.git"), "archive", "--prefix=hello/", "-o", filepath.Join(dir, name), tag)
	}
	writeTo(f.t, f.path("def/SHA256SUMS"), command(f.t, dir, nil, "sh", "-c", "sha256sum *")+"\n")
}

// TestE2EHostsFetchByHTTP: the hosts fetch what the definition's list says, and
// nothing else.
func TestE2EHostsFetchByHTTP(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	dir := filepath.Join(t.TempDir(), "artifacts")
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	transport := `transport "http" {
    path   = "srv/hello"
    url    = "` + s.URL + `/hello-${replace(release.tag, "/", "-")}.tar.gz"
    sha256 = checksum(file("SHA256SUMS"), "hello-${replace(release.tag, "/", "-")}.tar.gz")
    strip  = 1
  }`
	f.define(definition{transport: transport})
	f.artifacts(dir, first, second)
	f.apply(0, first)
	f.apply(0, second)
	for _, h := range f.hosts {
		h.runs(second)
	}
	// A release that the list does not have is no release.
	contains(t, f.apply(1, sick), "list has no line for", "SHA256SUMS")
	// One that was built anew is not what was reviewed; what runs is untouched.
	f.artifacts(dir, sick)
	writeTo(t, filepath.Join(dir, "hello-"+strings.ReplaceAll(sick, "/", "-")+".tar.gz"), "something else")
	contains(t, f.apply(1, sick), "has the SHA-256", "and the plan says")
	for _, h := range f.hosts {
		h.runs(second)
	}
	s.Close()
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	for _, h := range f.hosts {
		h.runs(first)
	}
}

// TestE2EHostsFetchByRsync, over SSH-free paths of the machine that they are on.
func TestE2EHostsFetchByRsync(t *testing.T) {
	t.Parallel()
	if _, err := osexec.LookPath("rsync"); err != nil {
		t.Skip("rsync is not installed")
	}
	f := newFleet(t, 2)
	dir := t.TempDir()
	f.define(definition{transport: `transport "rsync" {
    path   = "srv/hello"
    source = "` + dir + `/${release.tag}"
  }`})
	for _, tag := range []string{first, second} {
		if err := os.MkdirAll(filepath.Join(dir, tag), 0o755); err != nil {
			t.Fatal(err)
		}
		command(t, f.path("def/hello.git"), nil, "sh", "-c", `git archive "$1" | tar -x -C "$2"`, "sh", tag, filepath.Join(dir, tag))
	}
	f.apply(0, first)
	f.apply(0, second)
	for _, h := range f.hosts {
		h.runs(second)
	}
	writeTo(t, filepath.Join(dir, sick, "VERSION"), "built by somebody else\n")
	contains(t, f.apply(1, sick), "is not commit")
	for _, h := range f.hosts {
		h.runs(second)
	}
}
