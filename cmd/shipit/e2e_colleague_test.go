package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"shipit/exec/journal"
)

// A colleague is a user of the deployer's machine, with a home and a key of
// his own, and in the group that shares the directory of runs.
type colleague struct {
	f    *fleet
	name string
	cred *syscall.Credential
	env  []string
}

const deployers = 54321 // the group

// colleague is the user of that name.
func (f *fleet) colleague(name string) *colleague {
	t := f.t
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Skipf("there is no user %s here", name)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	home := f.path("home-" + name)
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(home, ".ssh/id_ed25519")
	if err := os.WriteFile(key, []byte(f.read("keys/login")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{home, filepath.Dir(key), key} {
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return &colleague{f, name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{deployers}}, []string{
		"HOME=" + home, "USER=" + name, "XDG_STATE_HOME=" + home + "/state", "XDG_CACHE_HOME=" + home + "/cache",
		"SHIPIT_STATE=" + f.path("runs"),
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", // the repository is root's
	}}
}

func (c *colleague) start(env []string, args ...string) *process {
	c.f.t.Helper()
	return c.f.startAs(c.cred, append(c.env, env...), args...)
}

// TestE2EAColleagueResumesARun: in a directory that a group shares, whoever is
// in it goes on with a run whose process died, and who began it sees that.
func TestE2EAColleagueResumesARun(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be two users")
	}
	f := newFleet(t, 1)
	f.open()
	anna, bob := f.colleague("daemon"), f.colleague("games")
	f.define(definition{ssh: fmt.Sprintf("user = %q\n    known_hosts = \"known_hosts\"", f.user)})
	for path, mode := range map[string]os.FileMode{"def": 0o755, "def/hello.hcl": 0o644, "def/known_hosts": 0o644} {
		if err := os.Chmod(f.path(path), mode); err != nil {
			t.Fatal(err)
		}
	}
	runs := f.path("runs")
	if err := os.Mkdir(runs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(runs, 0, deployers); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(runs, 0o770|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	apply := func(tag string) []string { return []string{"apply", "hello.hcl", "--release", tag, "--yes"} }

	anna.start(nil, apply(first)...).wants(0)
	p := anna.start([]string{"SHIPIT_FAULT=switch.after"}, apply(second)...)
	if p.wait() != -1 {
		t.Fatalf("it did not die:\n%s", p.output())
	}
	contains(t, bob.start(nil, "runs").wants(0), "interrupted", anna.name+"@")
	run := newestOf(t, runs, 2)
	f.insistBy(func() *process { return bob.start(nil, "resume", run) })
	f.hosts[0].runs(second)
	f.hosts[0].holdsNoLock()
	contains(t, anna.start(nil, "explain", run).wants(0), "resumed by "+bob.name+"@")
	contains(t, anna.start(nil, "rollback", run, "--yes").wants(0), "Rollback complete")
	f.hosts[0].runs(first)
}

// newestOf is the newest of so many runs. Their names tell only the second.
func newestOf(t *testing.T, dir string, many int) string {
	t.Helper()
	runs, err := journal.List(dir)
	if err != nil || len(runs) != many {
		t.Fatalf("%+v, %v; want %d runs", runs, err, many)
	}
	return runs[0].Run
}
