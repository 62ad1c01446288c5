package main

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// spoil makes a release that is on a host one that does not start.
func (h *host) spoil(tag string) {
	h.f.t.Helper()
	dirs, err := filepath.Glob(h.path("srv/hello/releases/" + strings.ReplaceAll(tag, "/", "-") + "-*"))
	if err != nil || len(dirs) != 1 {
		h.f.t.Fatalf("the directories of %s are %v, %v", tag, dirs, err)
	}
	conf := filepath.Join(dirs[0], "app.conf")
	if err := os.Remove(conf); err != nil {
		h.f.t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("start = fail\n"), 0o644); err != nil {
		h.f.t.Fatal(err)
	}
}

// TestE2EAnUndoGoesDeeperWithItsFiles: what is live was never good, so a
// failure goes back further, and the files go back as that release had them.
func TestE2EAnUndoGoesDeeperWithItsFiles(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	h := f.hosts[0]
	f.define(definition{})
	f.apply(0, first, "--var", "greeting=One")
	f.define(definition{rollback: "rollback {\n    on = []\n  }"})
	f.apply(5, sick, "--var", "greeting=Two")
	if info := h.runs(sick); info.Config != "Two from h1\n" {
		t.Fatalf("the service read %q", info.Config)
	}
	f.define(definition{})
	out := f.apply(4, dead, "--var", "greeting=Three")
	if strings.Contains(out, "are not known") {
		t.Errorf("the files were not looked for:\n%s", out)
	}
	if info := h.runs(first); info.Config != "One from h1\n" || h.has("etc/hello.conf") != "One from h1\n" {
		t.Errorf("the service read %q, the file holds %q", info.Config, h.has("etc/hello.conf"))
	}
}

// TestE2EAnUndoThatFailsHoldsUpNoOther: the old release does not start on one
// host; the other one goes back, and what to type is said for the first.
func TestE2EAnUndoThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{batch: "batch \"all\" {\n    size = \"100%\"\n  }"})
	f.apply(0, first)
	f.hosts[0].spoil(first)
	out := f.apply(5, dead)
	contains(t, out, "By hand, on h1", "ln -sfn releases/", "service hello restart", "(cd && pool in)")
	if strings.Contains(out, "By hand, on h2") {
		t.Errorf("h2 is back:\n%s", out)
	}
	f.hosts[1].runs(first)
	for i, want := range []string{"out\n", "in\n"} {
		if log := f.hosts[i].has("pool.log"); !strings.HasSuffix(log, want) {
			t.Errorf("%s was pooled %q", f.hosts[i].name, log)
		}
		f.hosts[i].holdsNoLock()
	}
}

// TestE2ERollbackToWhatDoesNotStart: it stops at the first host, tries it once
// and leaves the others alone.
func TestE2ERollbackToWhatDoesNotStart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.apply(0, second)
	pooled := f.hosts[0].has("pool.log")
	var before []helloInfo
	for _, h := range f.hosts {
		h.spoil(first)
		before = append(before, h.runs(second))
	}
	contains(t, f.shipit(5, "rollback", "hello.hcl", "--yes"), "By hand, on h1", "this release does not start")
	if log := strings.TrimPrefix(f.hosts[0].has("pool.log"), pooled); log != "out\n" {
		t.Errorf("h1 was pooled %q, want out once", log)
	}
	if after := f.hosts[1].runs(second); after != before[1] {
		t.Error("the second host was touched after the first had failed")
	}
	f.apply(0, second) // and from there it goes on
	for _, h := range f.hosts {
		h.runs(second)
		h.holdsNoLock()
	}
}

// TestE2EBusyboxHost: a host with the programs of busybox, and what the plan
// says that it lacks.
func TestE2EBusyboxHost(t *testing.T) {
	t.Parallel()
	busybox, err := osexec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is not installed")
	}
	f := emptyFleet(t)
	bin := f.path("busybox")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	command(t, f.dir, nil, busybox, "--install", "-s", bin)
	h := f.addHost(hostOptions{bin: bin})
	f.ready()
	f.define(guarded())
	contains(t, f.shipit(1, "apply", "hello.hcl", "--release", first, "--yes"), "h1", "it lacks", "head of coreutils", "timeout of coreutils")
	for _, name := range []string{"timeout", "flock", "setsid", "head"} {
		real, err := osexec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(bin, name))
		if err := os.Symlink(real, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.apply(0, first)
	contains(t, f.shipit(0, "plan", "hello.hcl", "--release", second), "release/")
	f.apply(0, second)
	h.runs(second)
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	h.runs(first)
	f.apply(4, dead)
	h.runs(first)
	h.holdsNoLock()
}
