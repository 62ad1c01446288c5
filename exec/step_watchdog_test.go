package exec

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

// guarded is a desk whose host arms a watchdog, under a lock that is held. Its
// time is over when the test says so, by due.
func guarded(t *testing.T) (*desk, *lock.Held) {
	t.Helper()
	s := newDesk(t)
	s.plan.Body.Rollback.Watchdog = lang.Duration(time.Hour)
	const start = `setsid /bin/sh "$w/script"`
	s.change = func(shell string) string {
		return strings.Replace(shell, start, `sed -i 's|\[ "$_up" -lt "$until" \]|[ ! -e `+s.home+`/due ]|' "$w/script"; `+start, 1)
	}
	sw := s.host.Switch
	s.host.Switch = append([]plan.Step{sw[0], {ID: "arm", Op: plan.OpArm}}, sw[1:]...)
	held, err := lock.Take(t.Context(), s.conn, lock.Taking{Dir: lock.Dir("my app"), Run: s.run, Owner: "ann@desk"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Release(context.Background()) })
	s.fence = held.Fence()
	return s, held
}

// due lets the time of the watchdog be over.
func (s *desk) due() {
	s.t.Helper()
	if script := s.read(lockDir + "/watchdog/script"); !strings.Contains(script, s.home+"/due") {
		s.t.Fatalf("the watchdog waits for something else:\n%s", script)
	}
	put(s.t, s.home, map[string]string{"due": ""})
}

// eventually waits for a while until ok.
func (s *desk) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			all, _ := osexec.Command("sh", "-c", "cd '"+s.home+"/my app/.shipit' && tail -n +1 history lock/* lock/watchdog/*; ls -lR lock").CombinedOutput()
			s.t.Fatalf("%s: that never came\n%s", what, all)
		}
	}
}

// last is the last line of the host's history, without its time.
func (s *desk) last() string {
	all := strings.Split(strings.TrimSpace(s.read("my app/.shipit/history")), "\n")
	_, rest, _ := strings.Cut(all[len(all)-1], "\t")
	return rest
}

func (s *desk) gone(path string) bool {
	_, err := os.Lstat(filepath.Join(s.home, path))
	return os.IsNotExist(err)
}

const lockDir = "my app/.shipit/lock"

// The connection goes with the deployer; the host undoes everything and is
// free afterwards.
func TestAWatchdogUndoesWhatNobodyConfirmed(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t)
	s.must(event.Switch, s.host.Switch)
	s.want("live", s.live(), "releases/v2")
	if s.gone(lockDir + "/watchdog/armed") {
		t.Fatal("the watchdog is not armed")
	}
	s.conn.Close()
	s.due()
	s.eventually("the host is back and free", func() bool { return s.gone(lockDir+"/run") && s.gone(lockDir+"/watchdog") })
	s.want("live", s.live(), "releases/v1")
	s.want("file", s.read("etc/conf"), oldConf)
	s.want("history", s.last(), "run-2\tundone\tv2\twatchdog\tv/2\tc2")
	if !s.gone("etc/fresh") {
		t.Error("a file that was new is still there")
	}
	if log := s.read("log"); !strings.HasSuffix(log, "out\nrestart one v/1\nin\n") {
		t.Errorf("the host did:\n%s", log)
	}
}

// While it is armed, nobody else gets the host.
func TestAWatchdogKeepsTheLockOfItsRun(t *testing.T) {
	t.Parallel()
	s, held := guarded(t)
	s.must(event.Switch, s.host.Switch)
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := lock.Take(t.Context(), s.conn, lock.Taking{Dir: lock.Dir("my app"), Run: "run-3", Owner: "bob@desk"})
	if err == nil || !strings.Contains(err.Error(), "run run-2 of ann@desk holds the lock") || !strings.Contains(err.Error(), "its watchdog takes the host back in") {
		t.Errorf("another run was told: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(s.home, lockDir, "watchdog")); err != nil { // so that its process ends
		t.Fatal(err)
	}
}

// Confirmed, it does nothing, and its process ends.
func TestAWatchdogThatWasConfirmedEnds(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t)
	s.must(event.Switch, s.host.Switch)
	confirm := []plan.Step{{ID: "confirm", Op: plan.OpConfirm}}
	s.must(event.Switch, confirm)
	s.want("history", s.last(), "run-2\tgood\tv2\tann@desk\tv/2\tc2")
	s.must(event.Switch, confirm) // the answer to the first was lost
	s.want("history", fmt.Sprint(s.states()), "[begun v2 live v2 good v2]")
	s.eventually("its process ends", func() bool { return s.gone(lockDir+"/watchdog") && s.unwatched() })
	s.want("live", s.live(), "releases/v2")
}

// What comes too late is told so, once the watchdog is through.
func TestAConfirmationThatComesTooLate(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t)
	s.must(event.Switch, s.host.Switch)
	s.due()
	s.eventually("the watchdog is at work", func() bool { return s.live() == "releases/v1" })
	err := s.do(event.Switch, []plan.Step{{ID: "confirm", Op: plan.OpConfirm}})
	if err == nil || !strings.Contains(err.Error(), "its watchdog was faster and took it back") {
		t.Errorf("it was told: %v", err)
	}
	s.want("history", s.last(), "run-2\tundone\tv2\twatchdog\tv/2\tc2")
	if s.gone(lockDir + "/run") {
		t.Error("the lock was taken from a deployer that is there")
	}
	if !s.wentBack() {
		t.Error("its outcome is not seen")
	}
	s.must(event.Undo, s.host.Undo) // as a deployer does that hears of a failed step
	s.want("live", s.live(), "releases/v1")
	if s.wentBack() {
		t.Error("what the deployer undid is said to be the watchdog's")
	}
}

// unwatched tells whether no watchdog runs.
func (s *desk) unwatched() bool {
	out, _ := osexec.Command("pgrep", "-f", s.home+".*watchdog/script").Output()
	return len(out) == 0
}

// wentBack asks whether the watchdog has taken the host back.
func (s *desk) wentBack() bool {
	s.t.Helper()
	back := false
	w := lock.Watchdog{Fence: *s.fence, Limit: time.Minute}
	err := s.conn.Run(s.t.Context(), remote.Command{
		Steps: []remote.Step{{ID: "outcome", Shell: w.Outcome("my app/.shipit/history")}},
		On:    func(r remote.Record) { back = back || r.Kind == remote.Fact && r.Key == lock.WentBack },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return back
}

// Whoever took the host over took that over, too.
func TestAWatchdogIsFenced(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t)
	s.must(event.Switch, s.host.Switch)
	if err := os.WriteFile(filepath.Join(s.home, lockDir, "run"), []byte("run-3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.due()
	s.eventually("its process ends", s.unwatched)
	s.want("live", s.live(), "releases/v2")
	s.want("run", s.read(lockDir+"/run"), "run-3\n")
}

// An undo that fails is told with the step, and the host is free.
func TestAWatchdogThatFailsSaysWhere(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t)
	for i := range s.host.Undo {
		if s.host.Undo[i].Op == plan.OpRestart {
			s.host.Undo[i].Spec = map[string]any{"shell": "exit 3"}
		}
	}
	s.must(event.Switch, s.host.Switch)
	s.conn.Close()
	s.due()
	s.eventually("the host is free", func() bool { return s.gone(lockDir + "/run") })
	s.want("mark", s.read(lockDir+"/watchdog/failed"), "run-2 restart\n")
	conn, err := remote.NewLocal(s.home).Dial(t.Context(), remote.Target{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var said []remote.Record
	q := Question{Host: "h", Path: "my app"}
	if err := conn.Run(t.Context(), remote.Command{Steps: []remote.Step{observeStep(q, false)}, On: func(r remote.Record) { said = append(said, r) }}); err != nil {
		t.Fatal(err)
	}
	if w := parseFacts(q, remote.Info{}, said).Watchdog; w == nil || *w != (plan.Watchdog{State: "failed", Run: "run-2", Step: "restart"}) {
		t.Errorf("observed was %+v", w)
	}
}

// The program of a watchdog runs in every shell that a host may have.
func TestAWatchdogRunsInEveryShell(t *testing.T) {
	t.Parallel()
	for _, sh := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"mksh"}} {
		t.Run(sh[0], func(t *testing.T) {
			t.Parallel()
			if _, err := osexec.LookPath(sh[0]); err != nil {
				t.Skip(sh[0] + " is not installed")
			}
			s, _ := guarded(t)
			s.change = nil
			s.must(event.Switch, s.host.Switch)
			script := s.read(lockDir + "/watchdog/script")
			if err := os.RemoveAll(filepath.Join(s.home, lockDir, "watchdog")); err != nil {
				t.Fatal(err)
			}
			put(t, s.home, map[string]string{lockDir + "/watchdog/script": strings.Replace(script, " after=3600 ", " after=0 ", 1)})
			cmd := osexec.Command("setsid", append(append([]string{"-w"}, sh...), lockDir+"/watchdog/script")...)
			cmd.Dir, cmd.Env = s.home, append(os.Environ(), "HOME="+s.home)
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "\036- hello\n" {
				t.Fatalf("%v\n%s", err, out)
			}
			s.want("live", s.live(), "releases/v1")
			s.want("history", s.last(), "run-2\tundone\tv2\twatchdog\tv/2\tc2")
		})
	}
}
