package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// whole insists that what is live, and every other release of the host, is
// what its manifest says, and that nothing half done lies about.
func (h *host) whole() {
	t := h.f.t
	t.Helper()
	const script = `cd "$1" || exit 0
[ ! -L current ] || [ -d "$(readlink current)" ] || { echo current dangles; exit 1; }
for d in releases/*; do
  [ -d "$d" ] || continue
  m=.shipit/manifest/${d#releases/}
  [ -f "$m" ] || { echo "$d has no manifest"; exit 1; }
  (cd "$d" && sed -n 's/^[fx] \([0-9a-f]*\)  /\1  /p' "../../$m" | sha256sum -c --quiet -) || { echo "$d is not what it should be"; exit 1; }
done`
	if out := command(t, "/", []string{"PATH=" + binPath, "LC_ALL=C"}, "sh", "-c", script+"\necho whole", "sh", h.path("srv/hello")); out != "whole" {
		t.Errorf("%s: %s", h.name, out)
	}
}

// TestE2EPartitionOfOneHost: what a host does that nobody can reach any more
// is unknown, and said after three missed signs of life; the others come to
// their end; once the network is back, the truth is found out.
func TestE2EPartitionOfOneHost(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	p := f.hosts[0].behindProxy()
	f.ready()
	f.raced = true
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{
		batch: "batch \"all\" {\n    size = \"100%\"\n    max_unreachable = 1\n  }",
		more: `hook "gate" {
    at     = "before_restart"
    shell  = "[ ${host.name} != h1 ] || { touch started; sleep 300; touch survived; }"
    within = "5m"
  }`,
	})
	run := f.start("apply", "hello.hcl", "--release", second, "--yes", "--connect-timeout", "2s", "--keepalive", "500ms")
	f.hosts[0].atWork("started")
	p.hold()
	contains(t, run.wants(5), "h1", "unknown", "A human is needed")
	f.hosts[1].runs(second)
	f.hosts[2].runs(second)
	p.heal()
	p.reset() // as routers do to what they do not know
	f.converges(second)
	if _, err := os.Stat(f.hosts[0].path("survived")); err == nil {
		t.Error("the hook went on after its connection was gone")
	}
	for _, h := range f.hosts {
		h.whole()
	}
}

// TestE2EHalfOpenConnections: a host that falls silent at whatever point of
// the conversation costs seconds and harms nobody else.
func TestE2EHalfOpenConnections(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	p := f.hosts[0].behindProxy()
	f.ready()
	f.define(definition{})
	for _, c := range []struct {
		cut  cut
		want string
	}{
		{cut{after: 1}, "does not speak SSH"},          // within the banner
		{cut{after: 300}, "h1"},                        // within the key exchange
		{cut{after: 2500}, "h1"},                       // within what it says of itself
		{cut{after: 900, up: true}, "h1"},              // within ours
		{cut{after: 4000, up: true}, "h1"},             // within the script
		{cut{after: 300, up: true, hole: true}, "h1"},  // the same, and nobody is told
		{cut{after: 1, hole: true}, "h1"},              //
		{cut{after: 4000, up: true, hole: true}, "h1"}, //
		{cut{after: 2500, hole: true}, "h1"},           //
	} {
		c.cut.times = 3 // logging in is tried again
		p.cutNext(c.cut)
		began := time.Now()
		out := f.shipit(1, "plan", "hello.hcl", "--release", first, "--connect-timeout", "2s", "--keepalive", "300ms")
		contains(t, out, c.want, "+ h2", "--without h1")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%+v cost %v", c.cut, took)
		}
	}
	p.cutNext(cut{})
	f.apply(0, first)
}

// TestE2ECutUploadsAreNoReleases: a release that breaks off on its way is
// sent again, and is never taken for one that came whole.
func TestE2ECutUploadsAreNoReleases(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	h := f.hosts[0]
	p := h.behindProxy()
	f.ready()
	f.define(definition{})
	f.apply(0, first)
	next := map[string]string{first: second, second: first}
	live := first
	for _, c := range []cut{
		{after: 40000, up: true},
		{after: 46000, up: true},
		{after: 50000, up: true},
		{after: 56000, up: true},
		{after: 62000, up: true},
		{after: 48000, up: true, hole: true},
		{after: 12000}, // the lock that is left behind runs out
	} {
		c.times = 1
		p.cutNext(c)
		run := f.start("apply", "hello.hcl", "--release", next[live], "--yes", "--connect-timeout", "2s", "--keepalive", "300ms", "--wait", "30s")
		code := run.wait()
		p.cutNext(cut{})
		t.Logf("%+v: exit code %d", c, code)
		h.whole()
		switch code {
		case 0:
			live = next[live]
		case 1, 4, 5:
		default:
			t.Errorf("%+v: exit code %d:\n%s", c, code, run.output())
		}
		if code == 5 { // then nobody may know; the next run finds out
			f.converges(first)
			live = first
		}
		h.runs(live)
	}
	f.apply(0, second, "--wait", "30s")
	h.runs(second)
	h.whole()
}

// TestE2ESlowNetworks: a far and narrow line takes longer, and that is all.
func TestE2ESlowNetworks(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	p := f.hosts[0].behindProxy()
	f.ready()
	f.define(definition{})
	p.slow(40*time.Millisecond, 200_000)
	f.apply(0, first)
	if n := p.connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	f.hosts[0].runs(first)
	f.hosts[0].whole()
}

// TestE2EFrozenHost: a host that stands still for a while is waited for.
func TestE2EFrozenHost(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{more: gate})
	run := f.start("apply", "hello.hcl", "--release", second, "--yes")
	h := f.hosts[0]
	h.atWork("started")
	frozen := append([]int{h.pid}, connections(t, h.pid)...)
	for _, pid := range frozen {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	h.touch("go")
	time.Sleep(3 * time.Second)
	for _, pid := range frozen {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	f.hosts[1].touch("go")
	run.wants(0)
	h.runs(second)
}

// TestE2EADeployerThatSleptIsFenced: one that stood still for longer than its
// lease, while another deployed, wakes up and changes nothing more.
func TestE2EADeployerThatSleptIsFenced(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	f.define(definition{checks: versionCheck + `
  check "command" "wait" {
    preflight = false
    from   = "deployer"
    shell  = "touch started; until [ -e go ]; do sleep 0.1; done"
    within = "5m"
    timeout = "4m"
  }
`})
	sleeper := f.start("apply", "hello.hcl", "--release", second, "--yes")
	eventually(t, "the check waits", func() error {
		_, err := os.Stat(f.path("def/started"))
		return err
	})
	sleeper.signal(syscall.SIGSTOP)
	defer func() { _ = sleeper.cmd.Process.Signal(syscall.SIGCONT) }()
	f.define(definition{})
	eventually(t, "another run gets the lock", func() error {
		run := f.start("apply", "hello.hcl", "--release", first, "--yes")
		if code := run.wait(); code != 0 {
			time.Sleep(time.Second)
			return fmt.Errorf("exit code %d: %s", code, run.output())
		}
		return nil
	})
	was := f.hosts[0].runs(first)
	f.write("def/go", "")
	sleeper.signal(syscall.SIGCONT)
	if code := sleeper.wait(); code == 0 {
		t.Errorf("the run that was taken over ended well:\n%s", sleeper.output())
	}
	contains(t, sleeper.output(), "belongs to another run")
	if f.hosts[0].runs(first) != was {
		t.Error("the run that was taken over changed h1")
	}
	f.hosts[1].runs(first)
	for _, h := range f.hosts {
		h.whole()
		h.holdsNoLock()
	}
}

// TestE2EDeployerWithoutRoomForItsJournal: no run begins that could not be
// written down, and one that cannot be written down any more ends.
func TestE2EDeployerWithoutRoomForItsJournal(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	f.apply(0, first)
	if err := os.Rename(f.path("state"), f.path("state.good")); err != nil {
		t.Fatal(err)
	}
	f.write("state", "a file, where there should be a directory\n")
	contains(t, f.apply(1, second), "cannot record the run, so nothing was started")
	if err := os.Remove(f.path("state")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.path("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if canMount() != nil {
		return
	}
	if err := syscall.Mount("tmpfs", f.path("state"), "tmpfs", 0, "size=128k,mode=700"); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(f.path("state"), syscall.MNT_DETACH) })
	f.define(definition{more: gate})
	run := f.start("apply", "hello.hcl", "--release", second, "--yes")
	f.hosts[0].atWork("started")
	rest := make([]byte, 4096)
	file, err := os.Create(f.path("state/fill"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = file.Write(rest)
	}
	file.Close()
	f.hosts[0].touch("go")
	f.hosts[1].touch("go")
	if code := run.wait(); code == 0 {
		t.Errorf("a run without a journal ended well:\n%s", run.output())
	}
	contains(t, run.output(), "cannot write the journal", "no space left on device")
	f.hosts[1].runs(first) // nothing new began
	for _, h := range f.hosts {
		h.whole()
		_ = os.Remove(h.path("go"))
	}
	if err := os.Remove(filepath.Join(f.path("state"), "fill")); err != nil {
		t.Fatal(err)
	}
	f.converges(second)
}

// TestE2EOutputOfHostsIsBounded: what a host prints without end is cut, and
// what it prints to move cursors does not.
func TestE2EOutputOfHostsIsBounded(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.define(definition{more: `hook "talks" {
    at     = "before_restart"
    shell  = "head -c 30000000 /dev/zero | tr '\\0' x; yes '\\033[2Jno' | head -n 200000; printf '\\033]0;title\\007::set-output name=x::y\\n'; exit 137"
    within = "60s"
  }`})
	out := f.apply(5, first)
	contains(t, out, "hook.talks")
	if strings.ContainsAny(out, "\x1b\x07") || strings.Contains(out, "\n::set-output") {
		t.Errorf("it reached the terminal: %q", out)
	}
	if len(out) > 64<<10 {
		t.Errorf("%d bytes of output", len(out))
	}
}
