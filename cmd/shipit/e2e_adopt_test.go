package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// An elder is what another tool left on a host, below its home.
type elder struct {
	path   string // that the tool looks after
	live   string // the release of it that runs
	link   string // what current says
	more   string // a script that makes the rest
	shared string // of the transport
}

// runsFrom makes a tree of another tool, in which the first release runs. The
// service looks where it always did.
func (h *host) runsFrom(e elder) (pid int) {
	h.f.t.Helper()
	command(h.f.t, h.home, append(gitEnv, "REPO="+h.f.path("def/hello.git"), "TAG="+first, "TREE="+e.path, "LIVE="+e.live, "LINK="+e.link), "sh", "-euc",
		`mkdir -p "$TREE/$LIVE"
git --git-dir="$REPO" archive "$TAG" | tar -x -C "$TREE/$LIVE"
commit=$(git --git-dir="$REPO" rev-parse "$TAG^{commit}")
ln -sfn "$PWD/$TREE/current" srv/app
cd "$TREE"
ln -s "$LINK" current
`+strings.ReplaceAll(e.more, "HOME", h.home))
	command(h.f.t, h.home, nil, h.path("etc/init.d/hello"), "restart")
	return h.runs(first).PID
}

// left lists what another tool left: names, links and contents.
func (h *host) left(e elder) string {
	h.f.t.Helper()
	return command(h.f.t, h.path(e.path), nil, "sh", "-euc",
		`find . \( -path ./.shipit -o -path './releases/release-*' -o -path ./current \) -prune -o ! -type d -print | sort | while IFS= read -r f; do
  if [ -L "$f" ]; then echo "$f -> $(readlink "$f")"; else sha256sum "$f"; fi
done`)
}

// TestE2ETreesOfOtherToolsAreTakenOver, of Capistrano, Deployer and scap, on
// one host, over SSH. The plan says what it takes over; the process that runs
// is left alone until the first activation; a failure and a rollback leave the
// link as it was, and nothing that the old tool left ever changes.
func TestE2ETreesOfOtherToolsAreTakenOver(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	h := f.addHost(hostOptions{})
	h.o.current = h.path("srv/app")
	h.writeTools()
	f.ready()
	commit := git(t, f.path("def/hello.git"), "rev-parse", first+"^{commit}")

	// begin defines the service where the old tool has it, and plans.
	begin := func(e elder, code int) string {
		f.define(definition{
			transport: fmt.Sprintf("transport \"push\" {\n    path   = %q\n    shared = [%s]\n  }", e.path, e.shared),
			// What is live when the new release has come.
			more: fmt.Sprintf("hook \"look\" {\n    at    = \"after_stage\"\n    shell = \"{ ls %s/releases; readlink %[1]s/current; cat run/hello.pid; } >staged\"\n  }", e.path),
		})
		return f.shipit(code, "plan", "hello.hcl", "--release", second)
	}
	// undisturbed: before and while the release came, the old one ran.
	undisturbed := func(e elder, pid int) {
		t.Helper()
		staged := strings.Split(strings.TrimSpace(h.has("staged")), "\n")
		if n := len(staged); n < 3 || !strings.Contains(strings.Join(staged[:n-2], " "), "release-") || staged[n-2] != e.link || staged[n-1] != strconv.Itoa(pid) {
			t.Errorf("when the release was staged there were %q, want current %s and process %d", staged, e.link, pid)
		}
	}
	// back: the old release runs, by the link as it was.
	back := func(e elder, old string) {
		t.Helper()
		h.runs(first)
		if link, err := os.Readlink(h.path(e.path + "/current")); link != e.link {
			t.Errorf("current is %q (%v), want %q", link, err, e.link)
		}
		if now := h.left(e); now != old {
			t.Errorf("the old tree was:\n%s\nand is:\n%s", old, now)
		}
	}

	cap := elder{
		path: "srv/cap", live: "releases/20150610120000", link: h.path("srv/cap/releases/20150610120000"), shared: `"log"`,
		more: `mkdir -p releases/20150609120000 repo shared/log shared/public/uploads
echo "$commit" >"$LIVE/REVISION"
echo "Branch main (at $commit) deployed as release 20150610120000 by ada" >revisions.log
echo old >shared/log/app.log
echo cat >shared/public/uploads/1.jpg
mkdir "$LIVE/public"
ln -s HOME/srv/cap/shared/log "$LIVE/log"
ln -s HOME/srv/cap/shared/public/uploads "$LIVE/public/uploads"`,
	}
	pid, old := h.runsFrom(cap), h.left(cap)
	contains(t, oneLine(begin(cap, 0)), "this tree was made by Capistrano and runs 20150610120000, commit "+commit[:12]+" by its REVISION",
		"moves nothing", "20150610120000 takes public/uploads from shared/", "Greet people warmly")
	if now := h.runs(first); now.PID != pid {
		t.Error("a plan restarted the service")
	}
	f.apply(4, dead)
	undisturbed(cap, pid)
	back(cap, old)
	pid = h.runs(first).PID
	f.apply(0, second)
	undisturbed(cap, pid)
	if now := h.runs(second); now.PID == pid {
		t.Error("the old process answers")
	}
	if log := h.has("srv/cap/current/log/app.log"); log != "old\n" {
		t.Errorf("the shared log says %q", log)
	}
	f.shipit(0, "plan", "hello.hcl", "--release", second, "--detailed-exitcode")
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	back(cap, old)

	dep := elder{
		path: "srv/dep", live: "releases/12", link: "releases/12",
		more: `mkdir -p .dep releases/11 shared
echo 12 >.dep/latest_release
echo ada >.dep/deploy.lock
echo "$commit" >"$LIVE/REVISION"`,
	}
	pid = h.runsFrom(dep)
	contains(t, oneLine(begin(dep, 1)), "a deploy of Deployer is at work or was interrupted", "(ada)", "rm "+h.path("srv/dep/.dep/deploy.lock"))
	command(t, h.home, nil, "rm", "srv/dep/.dep/deploy.lock")
	old = h.left(dep)
	contains(t, oneLine(begin(dep, 0)), "this tree was made by Deployer and runs 12, commit "+commit[:12])
	f.apply(0, second)
	undisturbed(dep, pid)
	h.runs(second)
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	back(dep, old)

	rev := "revs/" + commit
	scap := elder{
		path: "srv/scap-cache", live: rev, link: h.path("srv/scap-cache/" + rev),
		more: `mkdir cache
echo 'ref: refs/heads/main' >cache/HEAD
ln -s "$LIVE" .done
ln -s "scap-cache/$LIVE" ../scap`,
	}
	pid = h.runsFrom(scap)
	contains(t, oneLine(begin(scap, 1)), "the service's own link", "past current", "ln -s scap-cache/current")
	command(t, h.path("srv"), nil, "sh", "-c", "ln -s scap-cache/current scap.new && mv -T scap.new scap")
	old = h.left(scap)
	contains(t, oneLine(begin(scap, 0)), "this tree was made by scap and runs "+commit+", commit "+commit[:12])
	f.apply(0, second)
	undisturbed(scap, pid)
	h.runs(second)
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	back(scap, old)
}

// oneLine is what was said without the breaks of lines.
func oneLine(said string) string { return strings.Join(strings.Fields(said), " ") }
