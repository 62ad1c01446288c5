package lock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shipit/exec/lock"
	"shipit/exec/remote"
)

// host is this machine with a home directory of its own.
func host(t *testing.T) (remote.Conn, string) {
	t.Helper()
	home := t.TempDir()
	conn, err := remote.NewLocal(home).Dial(t.Context(), remote.Target{Name: "local"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, home
}

func taking(run string) lock.Taking {
	return lock.Taking{
		Dir: "srv/app/.shipit/lock", Run: run, Owner: "ann@desk", Reason: "because; of $(this)\n'odd'",
		Lease: time.Minute, Beat: 200 * time.Millisecond, Patience: 10 * time.Second,
	}
}

func release(t *testing.T, l *lock.Held) {
	t.Helper()
	if err := l.Release(t.Context()); err != nil {
		t.Fatalf("release: %v", err)
	}
}

func holder(t *testing.T, r remote.Runner) (lock.Holder, bool) {
	t.Helper()
	var records []remote.Record
	err := r.Run(t.Context(), remote.Command{
		Steps: []remote.Step{{ID: "look", Shell: lock.Look("srv/app/.shipit/lock")}},
		On:    func(r remote.Record) { records = append(records, r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return lock.Holds(records)
}

func TestHeldLockNamesItsHolder(t *testing.T) {
	t.Parallel()
	conn, _ := host(t)
	l, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = lock.Take(t.Context(), conn, taking("run-2"))
	var held *lock.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("a second run got %v, want a HeldError", err)
	}
	h := held.Holder
	if h.Run != "run-1" || h.Owner != "ann@desk" || !h.Alive || h.Reason != "because; of $(this) 'odd'" {
		t.Errorf("holder is %+v", h)
	}
	if ago := time.Since(time.Unix(h.Since, 0)); ago < 0 || ago > time.Minute {
		t.Errorf("held since %v ago", ago)
	}
	release(t, l)
	if h, ok := holder(t, conn); ok {
		t.Errorf("after the release %+v holds the lock", h)
	}
	l, err = lock.Take(t.Context(), conn, taking("run-2"))
	if err != nil {
		t.Fatal(err)
	}
	if l.Generation != 2 {
		t.Errorf("generation %d, want 2: it never goes back", l.Generation)
	}
	release(t, l)
	release(t, l)
}

func TestSameRunIsRefusedToo(t *testing.T) {
	t.Parallel()
	conn, _ := host(t)
	l, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer release(t, l)
	var held *lock.HeldError
	if _, err = lock.Take(t.Context(), conn, taking("run-1")); !errors.As(err, &held) {
		t.Errorf("a second process of the same run got %v, want a HeldError", err)
	}
}

func TestRunThatLostItsConnectionTakesAgain(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	first, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	again := taking("run-1")
	again.Was = first.Generation
	second, err := lock.Take(t.Context(), conn, again)
	if err != nil {
		t.Fatalf("our own lease is in the way: %v", err)
	}
	if second.Generation != first.Generation+1 {
		t.Errorf("generation %d after %d", second.Generation, first.Generation)
	}
	select {
	case <-first.Lost():
	case <-time.After(10 * time.Second):
		t.Error("the first lease does not know that it is lost")
	}
	release(t, first)
	// What the first one did at its end has not freed the second's lock.
	if _, err := os.Stat(filepath.Join(home, "srv/app/.shipit/lock/run")); err != nil {
		t.Error(err)
	}
	release(t, second)
}

func TestOneOfTwoTakersGetsTheLock(t *testing.T) {
	t.Parallel()
	conn, _ := host(t)
	for round := range 20 {
		var got []*lock.Held
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				l, err := lock.Take(t.Context(), conn, taking(fmt.Sprintf("run-%d-%d", round, i)))
				var held *lock.HeldError
				switch {
				case err == nil:
					mu.Lock()
					got = append(got, l)
					mu.Unlock()
				case !errors.As(err, &held):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("round %d: %d of 2 takers have the lock", round, len(got))
		}
		release(t, got[0])
	}
}

func TestStepsRunUnderTheLock(t *testing.T) {
	t.Parallel()
	conn, _ := host(t)
	tk := taking("run-1")
	tk.Steps = []remote.Step{{ID: "observe", Shell: `fact holder "$(cat srv/app/.shipit/lock/run)"`}}
	var said string
	tk.On = func(r remote.Record) {
		if r.Kind == remote.Fact {
			said += r.Key + "=" + r.Text
		}
	}
	l, err := lock.Take(t.Context(), conn, tk)
	if err != nil {
		t.Fatal(err)
	}
	release(t, l)
	if said != "holder=run-1" {
		t.Errorf("the step said %q", said)
	}
	tk.Steps[0].Shell, tk.Lease = "die no", 3*time.Second
	if _, err = lock.Take(t.Context(), conn, tk); err == nil {
		t.Fatal("a failed step still took the lock")
	}
	waitFree(t, conn)
}

func waitFree(t *testing.T, conn remote.Runner) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		h, ok := holder(t, conn)
		if !ok || !h.Alive {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the lock is still held: %+v", h)
		}
	}
}

func TestLostConnectionFreesTheLock(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	other, err := remote.NewLocal(home).Dial(t.Context(), remote.Target{Name: "local"})
	if err != nil {
		t.Fatal(err)
	}
	tk := taking("run-1")
	tk.Lease = 3 * time.Second
	l, err := lock.Take(t.Context(), other, tk)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	<-l.Lost()
	waitFree(t, conn)
	l2, err := lock.Take(t.Context(), conn, taking("run-2"))
	if err != nil {
		t.Fatal(err)
	}
	release(t, l2)
	release(t, l)
}

// The script alone, whose deployer says nothing more and does not go away:
// a machine that was cut off.
func TestSilentDeployerLosesTheLock(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	tk := taking("run-1")
	tk.Lease, tk.Beat = time.Second, time.Hour
	l, err := lock.Take(t.Context(), conn, tk)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("the holder does not notice that nobody confirms its lease")
	}
	waitFree(t, conn)
	if _, err := os.Stat(filepath.Join(home, "srv/app/.shipit/lock/guard")); err != nil {
		t.Error(err)
	}
	release(t, l)
}

func TestKilledHoldersLockCanBeTaken(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	// A holder that could clean up nothing: its lease is all that is left.
	dir := filepath.Join(home, "srv/app/.shipit/lock")
	sh := `d=$0
mkdir -p "$d"; cd "$d"
echo 7 >generation; echo dead-run >run; echo bob@desk >owner; date +%s >since; echo >reason; : >guard
read -r up _ </proc/uptime
printf '%s %s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$((${up%%.*} - 60))" 20 >lease.7`
	if out, err := exec.Command("/bin/sh", "-c", sh, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if h, ok := holder(t, conn); !ok || h.Alive || h.Run != "dead-run" {
		t.Errorf("the dead holder shows as %+v, %v", h, ok)
	}
	l, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	if l.Generation != 8 {
		t.Errorf("generation %d, want 8", l.Generation)
	}
	release(t, l)
}

func TestLeaseOfAnotherBootIsDead(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	dir := filepath.Join(home, "srv/app/.shipit/lock")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"generation": "3", "run": "old", "lease.3": "some-other-boot 999999999 20"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	release(t, l)
}

func TestFenceRefusesARunThatWasTakenOver(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	first, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(l *lock.Held) error {
		return conn.Run(t.Context(), remote.Command{
			Fence: l.Fence(),
			Steps: []remote.Step{{ID: "write", Shell: "echo x >>written"}},
		})
	}
	if err := write(first); err != nil {
		t.Fatalf("the holder is refused: %v", err)
	}
	release(t, first)
	if err := write(first); !errors.Is(err, remote.ErrFenced) {
		t.Errorf("without the lock: %v, want ErrFenced", err)
	}
	second, err := lock.Take(t.Context(), conn, taking("run-2"))
	if err != nil {
		t.Fatal(err)
	}
	defer release(t, second)
	if err := write(first); !errors.Is(err, remote.ErrFenced) {
		t.Errorf("after a takeover: %v, want ErrFenced", err)
	}
	if b, _ := os.ReadFile(filepath.Join(home, "written")); string(b) != "x\n" {
		t.Errorf("written %q, want once", b)
	}
}

// Whoever holds the guard is at work: no lease that ran out lets another in.
func TestNobodyTakesOverWhileAScriptRuns(t *testing.T) {
	t.Parallel()
	conn, _ := host(t)
	tk := taking("run-1")
	l, err := lock.Take(t.Context(), conn, tk)
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		done <- conn.Run(ctx, remote.Command{
			Fence: l.Fence(),
			Steps: []remote.Step{{ID: "work", Shell: "rm -f srv/app/.shipit/lock/lease.*; sleep 60"}},
			On: func(r remote.Record) {
				if r.Kind == remote.Begin {
					close(started)
				}
			},
		})
	}()
	<-started
	var held *lock.HeldError
	if _, err := lock.Take(t.Context(), conn, taking("run-2")); !errors.As(err, &held) {
		t.Errorf("while a script runs, another run got %v", err)
	}
	cancel()
	<-done
	release(t, l)
}

func TestUnwritablePathIsAClearError(t *testing.T) {
	t.Parallel()
	conn, home := host(t)
	if err := os.WriteFile(filepath.Join(home, "srv"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := lock.Take(t.Context(), conn, taking("run-1"))
	if err == nil || !strings.Contains(err.Error(), "cannot make srv/app/.shipit/lock") {
		t.Errorf("error is %v", err)
	}
}
