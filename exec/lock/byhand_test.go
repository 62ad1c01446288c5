package lock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipit/exec/lock"
	"shipit/exec/remote"
)

func hold(id, owner string, length time.Duration) lock.Hold {
	return lock.Hold{Dir: dir, ID: id, Owner: owner, Reason: "switchover", For: length}
}

func TestAHoldKeepsRunsAwayWithoutAProcess(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		if _, err := lock.Put(t.Context(), conn, hold("hold-1", "ann@desk", time.Hour)); err != nil {
			t.Fatal(err)
		}
		h := refused(t, conn, taking("run-1"))
		if !h.Hold || h.Owner != "ann@desk" || h.Reason != "switchover" || h.Left < 59*time.Minute || h.Left > time.Hour {
			t.Errorf("the hold shows as %+v", h)
		}
		// A wait that is shorter is refused at once: it cannot help.
		tk := taking("run-1")
		tk.Wait = 30 * time.Minute
		if h := refused(t, conn, tk); !h.Hold {
			t.Errorf("who waits is refused because of %+v", h)
		}
		var held *lock.HeldError
		if _, err := lock.Put(t.Context(), conn, hold("hold-2", "bob@desk", time.Hour)); !errors.As(err, &held) {
			t.Errorf("another's hold got %v", err)
		}
		had, err := lock.Put(t.Context(), conn, hold("hold-3", "ann@desk", 2*time.Hour))
		if err != nil || had.Left < 59*time.Minute || had.Reason != "switchover" {
			t.Errorf("holding again: %+v, %v", had, err)
		}
		if atWork, err := lock.Break(t.Context(), conn, dir, "hold-3"); err != nil || atWork {
			t.Errorf("releasing it: %v, %v", atWork, err)
		}
		release(t, take(t, conn, taking("run-1")))
	})
}

// A hold is judged by what the host's own clocks say, whichever way they move.
func TestAHoldAndTheHostsClocks(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		up, boot := clock(t)
		now := int(time.Now().Unix())
		for name, c := range map[string]struct {
			lease string // boot id, uptime when it was written, length, end
			stands,
			longest time.Duration // it has left; 0 is none
		}{
			"in the middle":                     {fmt.Sprint(boot, " ", up-100, " 3600 ", now+3500), 3400 * time.Second, 3500 * time.Second},
			"over":                              {fmt.Sprint(boot, " ", up-3700, " 3600 ", now-100), 0, 0},
			"the wall clock was put forward":    {fmt.Sprint(boot, " ", up-100, " 3600 ", now-86400), 3400 * time.Second, 3500 * time.Second},
			"the wall clock was put back":       {fmt.Sprint(boot, " ", up-3700, " 3600 ", now+86400), 0, 0},
			"rebooted":                          {fmt.Sprint("another-boot ", 999999, " ", up+7200, " ", now+3500), 3400 * time.Second, 3500 * time.Second},
			"rebooted, and over":                {fmt.Sprint("another-boot ", 999999, " ", up+7200, " ", now-1), 0, 0},
			"rebooted into a clock of long ago": {fmt.Sprint("another-boot ", 999999, " ", up+60, " ", now+86400), time.Second, 60 * time.Second},
			"torn":                              {boot + " 12", 0, 0},
			"not a number":                      {boot + " 08x 3600 1", 0, 0},
			"octal":                             {boot + " 08 0900 1", 0, 0},
		} {
			d := filepath.Join(home, dir)
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{"generation": "4", "run": "hold-1", "owner": "ann@desk", "since": "1", "reason": "", "lease.4": c.lease} {
				if err := os.WriteFile(filepath.Join(d, file), []byte(text+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			h, ok, _ := look(t, conn, dir)
			if !ok || h.Alive != (c.longest > 0) || h.Left < c.stands || h.Left > c.longest {
				t.Errorf("%s: %+v", name, h)
			}
			tk := taking("run-1")
			if c.longest > 0 {
				refused(t, conn, tk)
			} else {
				release(t, take(t, conn, tk))
			}
		}
	})
}

// A hold is put before all who wait; they get the lock when it is released.
func TestAHoldComesBeforeWhoWaits(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		first := take(t, conn, taking("run-1"))
		tk := taking("run-2")
		tk.Wait = time.Hour
		w := wait(t, conn, tk)
		w.place(t)
		var held *lock.HeldError
		if _, err := lock.Put(t.Context(), conn, hold("hold-1", "ann@desk", time.Minute)); !errors.As(err, &held) {
			t.Fatalf("a hold while a run is at work got %v", err)
		}
		// The lock is the hold's from one moment to the next, as if the run had
		// ended in between.
		if _, err := lock.Break(t.Context(), conn, dir, "nobody"); !errors.As(err, &held) || held.Holder.Run != "run-1" {
			t.Fatalf("breaking what is not there: %v", err)
		}
		release(t, first)
		second := w.lock(t)
		third := wait(t, conn, func() lock.Taking { tk := taking("run-3"); tk.Wait = time.Hour; return tk }())
		third.place(t)
		queue := filepath.Join(home, lock.Host, "queue")
		if left, _ := filepath.Glob(filepath.Join(queue, "[0-9]*")); len(left) != 1 {
			t.Fatalf("the queue holds %v", left)
		}
		up, boot := clock(t)
		ahead := filepath.Join(queue, "1000000000.ahead") // keeps run-3 from the lock
		text := fmt.Sprintf("%s %d 600\nahead\nbob@desk\n1\n\n%s\n", boot, up, dir)
		whole := filepath.Join(queue, ".ahead") // half a ticket is a lease that has run out, and removed
		if err := os.WriteFile(whole, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(whole, ahead); err != nil {
			t.Fatal(err)
		}
		release(t, second)
		if _, err := lock.Put(t.Context(), conn, hold("hold-2", "ann@desk", time.Minute)); err != nil {
			t.Fatalf("the queue is in the way of a hold: %v", err)
		}
		if err := os.Remove(ahead); err != nil {
			t.Fatal(err)
		}
		for p := third.place(t); !p.Holder.Hold; p = third.place(t) {
		}
		if _, err := lock.Break(t.Context(), conn, dir, "hold-2"); err != nil {
			t.Fatal(err)
		}
		release(t, third.lock(t))
	})
}

// What is broken is fenced, also while a script of it is at work: that one
// goes on to its end, and nobody takes the lock before.
func TestABrokenRunChangesNothingMore(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		l := take(t, conn, taking("run-1"))
		started, done := make(chan struct{}), make(chan error, 1)
		go func() {
			done <- conn.Run(context.WithoutCancel(t.Context()), remote.Command{
				Fence: l.Fence(),
				Steps: []remote.Step{{ID: "work", Shell: "until [ -e go ]; do sleep 0.05; done; echo x >>written"}},
				On: func(r remote.Record) {
					if r.Kind == remote.Begin {
						close(started)
					}
				},
			})
		}()
		<-started
		atWork, err := lock.Break(t.Context(), conn, dir, "run-1")
		if err != nil || !atWork {
			t.Fatalf("%v, %v; a step is at work", atWork, err)
		}
		refused(t, conn, taking("run-2"))
		if err := os.WriteFile(filepath.Join(home, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("the step that was at work ended with %v", err)
		}
		err = conn.Run(t.Context(), remote.Command{Fence: l.Fence(), Steps: []remote.Step{{ID: "next", Shell: "echo y >>written"}}})
		if !errors.Is(err, remote.ErrFenced) {
			t.Errorf("its next step ended with %v", err)
		}
		select {
		case <-l.Lost():
		case <-time.After(20 * time.Second):
			t.Error("it does not know that its lock is lost")
		}
		again := taking("run-1")
		again.Was = l.Generation
		back := take(t, conn, again)
		if back.Generation == l.Generation+1 {
			t.Error("its generation says that nobody was there in between")
		}
		release(t, back)
		if b, _ := os.ReadFile(filepath.Join(home, "written")); string(b) != "x\n" {
			t.Errorf("written: %q", b)
		}
		release(t, take(t, conn, taking("run-2")))
	})
}

func TestTheLockOfAnotherUserSaysWhatToDo(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		if os.Getuid() == 0 {
			t.Skip("root may write everywhere")
		}
		d := filepath.Join(home, dir)
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(d, 0o755) })
		_, err := lock.Take(t.Context(), conn, taking("run-1"))
		if err == nil || !strings.Contains(err.Error(), "cannot write into "+dir+", which belongs to ") || !strings.Contains(err.Error(), "chown -R ") {
			t.Errorf("error is %v", err)
		}
	})
}
