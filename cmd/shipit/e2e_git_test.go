package main

import (
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveGit serves the repositories below dir over HTTP, as git's own CGI
// program does it.
func serveGit(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	backend := filepath.Join(command(t, "/", gitEnv, "git", "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("git cannot serve HTTP here: %v", err)
	}
	s := httptest.NewServer(&cgi.Handler{
		Path: backend, Root: "/",
		Env: append([]string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}, gitEnv...),
	})
	t.Cleanup(s.Close)
	return s
}

const gitTransport = "transport \"git\" {\n    path = \"srv/hello\"\n  }"

// TestE2EHostsFetchByGit: the hosts and the deployer fetch from a server.
func TestE2EHostsFetchByGit(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	s := serveGit(t, f.path("def"))
	d := definition{transport: strings.Replace(gitTransport, "\n  }", fmt.Sprintf("\n    origin = %q\n  }", f.path("def/hello.git")), 1)}
	f.define(d) // a path that the hosts can read
	f.apply(0, first)
	f.define(definition{transport: gitTransport, repo: s.URL + "/hello.git"})
	f.apply(0, second)
	for _, h := range f.hosts {
		h.runs(second)
		if _, err := os.Stat(h.path("srv/hello/current/.git")); err == nil {
			t.Errorf("%s: the release holds .git", h.name)
		}
		if got, err := os.Readlink(h.path("srv/hello/current/link")); got != "VERSION" {
			t.Errorf("%s: link is %q (%v)", h.name, got, err)
		}
	}

	// A rollback needs neither the server, nor a repository or cache here.
	s.Close()
	for _, gone := range []string{"def/hello.git", "cache"} {
		if err := os.RemoveAll(f.path(gone)); err != nil {
			t.Fatal(err)
		}
	}
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	for _, h := range f.hosts {
		h.runs(first)
	}
}

// TestE2ETagThatMovedIsRefused: a tag names one commit for ever.
func TestE2ETagThatMovedIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	s := serveGit(t, f.path("def"))
	f.define(definition{transport: gitTransport, repo: s.URL + "/hello.git"})
	f.shipit(0, "plan", "hello.hcl", "--release", first, "--out", "first.shipit-plan.json")
	commit := git(t, f.path("def/hello.git"), "rev-parse", first+"^{commit}")
	git(t, f.path("def/hello.git"), "tag", "-f", "-a", "-m", "moved", first, sick+"^{commit}")
	contains(t, f.apply(1, first), first, "moved", commit[:12])
	if f.hosts[0].has("srv/hello/.shipit/history") != "" {
		t.Error("the host was touched")
	}
	// Nor is a plan applied whose commit its tag does not name any more.
	contains(t, f.shipit(8, "apply", "first.shipit-plan.json", "--yes"), first, "moved", commit[:12])
	if f.hosts[0].has("srv/hello/.shipit/history") != "" {
		t.Error("the host was touched by the saved plan")
	}
}

// TestE2ESubmodules: a release is whole, whichever transport brings it.
func TestE2ESubmodules(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	s := serveGit(t, f.path("def"))
	work := f.path("work")
	lib := f.path("lib")
	git(t, "/", "init", "-q", "-b", "main", lib)
	commitFiles(t, lib, "Begin", map[string]string{"lib.txt": "from the submodule\n"})
	git(t, "/", "clone", "-q", "--bare", lib, f.path("def/lib.git"))
	git(t, "/", "init", "-q", "-b", "main", work)
	git(t, work, "submodule", "--quiet", "add", s.URL+"/lib.git", "vendor/lib")
	commitFiles(t, work, "Use a library", map[string]string{"VERSION": first + "\n", "app.conf": "health = ok\n"})
	git(t, work, "tag", "-a", "-m", "one", first)
	git(t, "/", "clone", "-q", "--bare", work, f.path("def/app.git"))

	// A push would bring half of it: refused before anything changes.
	f.define(definition{repo: s.URL + "/app.git"})
	contains(t, f.shipit(1, "plan", "hello.hcl", "--release", first), "submodules (vendor/lib)")

	d := definition{repo: s.URL + "/app.git", transport: strings.Replace(gitTransport, "\n  }", "\n    submodules = true\n  }", 1)}
	f.define(d)
	f.apply(0, first)
	f.hosts[0].runs(first)
	if got := f.hosts[0].has("srv/hello/current/vendor/lib/lib.txt"); got != "from the submodule\n" {
		t.Errorf("the submodule's file holds %q", got)
	}
	f.shipit(0, "plan", "hello.hcl", "--release", first, "--detailed-exitcode")
}
