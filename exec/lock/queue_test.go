package lock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"shipit/exec/lock"
	"shipit/exec/remote"
)

const dir = "srv/app/.shipit/lock"

// shells runs a test under each shell that a host may have as /bin/sh.
func shells(t *testing.T, test func(t *testing.T, conn remote.Conn, home string)) {
	t.Helper()
	t.Parallel()
	for _, sh := range []string{"dash", "bash --posix", "busybox sh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(strings.Fields(sh)[0]); err != nil {
				t.Skip(err)
			}
			home := t.TempDir()
			conn, err := remote.NewLocalShell(home, sh).Dial(t.Context(), remote.Target{Name: "local"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			test(t, conn, home)
		})
	}
}

func take(t *testing.T, conn remote.Runner, tk lock.Taking) *lock.Held {
	t.Helper()
	l, err := lock.Take(t.Context(), conn, tk)
	if err != nil {
		t.Fatalf("%s: %v", tk.Run, err)
	}
	return l
}

// refused fails the test unless the lock is another's, and says whose.
func refused(t *testing.T, conn remote.Runner, tk lock.Taking) lock.Holder {
	t.Helper()
	l, err := lock.Take(t.Context(), conn, tk)
	var held *lock.HeldError
	if !errors.As(err, &held) {
		if err == nil {
			release(t, l)
		}
		t.Fatalf("%s got %v, want a HeldError", tk.Run, err)
	}
	return held.Holder
}

// look is what the host says of a service's lock.
func look(t *testing.T, conn remote.Runner, dir string) (lock.Holder, bool, []lock.Ticket) {
	t.Helper()
	var said []remote.Record
	err := conn.Run(t.Context(), remote.Command{
		Steps: []remote.Step{{ID: "look", Shell: lock.Look(dir)}},
		On:    func(r remote.Record) { said = append(said, r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, ok := lock.Holds(said)
	return h, ok, lock.Tickets(said)
}

// waiter waits for a lock and tells how it went.
type waiter struct {
	got    chan *lock.Held
	failed chan error
	stands chan lock.Place
	stop   context.CancelFunc
}

func wait(t *testing.T, conn remote.Runner, tk lock.Taking) *waiter {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &waiter{got: make(chan *lock.Held, 1), failed: make(chan error, 1), stands: make(chan lock.Place, 100), stop: cancel}
	if tk.Wait == 0 {
		tk.Wait = time.Minute
	}
	tk.Waiting = func(p lock.Place) { w.stands <- p }
	go func() {
		if l, err := lock.Take(ctx, conn, tk); err != nil {
			w.failed <- err
		} else {
			w.got <- l
		}
	}()
	return w
}

func (w *waiter) place(t *testing.T) lock.Place {
	t.Helper()
	select {
	case p := <-w.stands:
		return p
	case err := <-w.failed:
		select { // it may have waited before
		case p := <-w.stands:
			w.failed <- err
			return p
		default:
		}
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("nobody said that it waits")
	}
	panic("unreachable")
}

func (w *waiter) lock(t *testing.T) *lock.Held {
	t.Helper()
	select {
	case l := <-w.got:
		return l
	case err := <-w.failed:
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("its turn did not come")
	}
	panic("unreachable")
}

func TestWhoCameFirstIsServedFirst(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		first := take(t, conn, taking("run-1"))
		two := wait(t, conn, taking("run-2"))
		if p := two.place(t); p.Place != 1 || p.Of != 1 || p.Holder.Run != "run-1" || p.Holder.Reason == "" {
			t.Errorf("run-2 stands at %+v", p)
		}
		three := wait(t, conn, taking("run-3"))
		if p := three.place(t); p.Place != 2 || p.Of != 2 {
			t.Errorf("run-3 stands at %+v", p)
		}
		if _, _, queue := look(t, conn, dir); len(queue) != 2 || queue[0].Run != "run-2" || queue[1].Run != "run-3" || queue[0].Owner != "ann@desk" {
			t.Errorf("the queue is %+v", queue)
		}
		release(t, first)
		l := two.lock(t)
		if p := three.place(t); p.Holder.Run != "run-2" && p.Holder.Run != "" {
			t.Errorf("run-3 waits for %+v", p)
		}
		select {
		case <-three.got:
			t.Fatal("two hold the lock")
		default:
		}
		release(t, l)
		release(t, three.lock(t))
		if _, _, queue := look(t, conn, dir); len(queue) != 0 {
			t.Errorf("the queue is %+v", queue)
		}
		left, _ := filepath.Glob(filepath.Join(home, lock.Host, "queue", "*"))
		hidden, _ := filepath.Glob(filepath.Join(home, lock.Host, "queue", ".*"))
		if len(left)+len(hidden) > 2 || len(left) > 0 { // "." and ".." may be among the hidden
			t.Errorf("the queue's directory holds %v %v", left, hidden)
		}
	})
}

func TestNobodyGetsAheadOfWhoWaits(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		queue := filepath.Join(home, lock.Host, "queue")
		if err := os.MkdirAll(queue, 0o755); err != nil {
			t.Fatal(err)
		}
		up, boot := clock(t)
		ticket := func(name string, since int, which string) {
			text := fmt.Sprintf("%s %d 20\n%s\nbob@desk\n%d\nmine\n%s\n", boot, up-since, name, time.Now().Unix(), which)
			if err := os.WriteFile(filepath.Join(queue, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		ticket("1000000007.other", 0, "srv/other/.shipit/lock")
		release(t, take(t, conn, taking("run-1"))) // who waits for another service is not in the way
		ticket("1000000008.run-8", 0, dir)
		var held *lock.HeldError
		if _, err := lock.Take(t.Context(), conn, taking("run-2")); !errors.As(err, &held) || held.Before != 1 {
			t.Errorf("before somebody who waits, another run got %v", err)
		}
		// Power loss, kill -9: nobody renews the ticket.
		ticket("1000000008.run-8", 60, dir)
		release(t, take(t, conn, taking("run-3")))
		if _, err := os.Stat(filepath.Join(queue, "1000000008.run-8")); err == nil {
			t.Error("the dead ticket is still there")
		}
	})
}

// clock is the host's uptime and boot id.
func clock(t *testing.T) (up int, boot string) {
	t.Helper()
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Skip(err)
	}
	if _, err := fmt.Sscanf(string(b), "%d", &up); err != nil {
		t.Fatal(err)
	}
	b, _ = os.ReadFile("/proc/sys/kernel/random/boot_id")
	return up, strings.TrimSpace(string(b))
}

func TestAWaitThatEndsLeavesNoTicket(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		first := take(t, conn, taking("run-1"))
		defer release(t, first)
		gone := func(what string) {
			t.Helper()
			for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				left, _ := filepath.Glob(filepath.Join(home, lock.Host, "queue", "*"))
				if len(left) == 0 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("after %s there is still %v", what, left)
				}
			}
		}
		two := wait(t, conn, taking("run-2"))
		two.place(t)
		two.stop() // Ctrl-C
		if err := <-two.failed; !errors.Is(err, context.Canceled) {
			t.Errorf("an interrupted wait ends with %v", err)
		}
		gone("an interrupt")

		other, err := remote.NewLocal(home).Dial(t.Context(), remote.Target{Name: "local"})
		if err != nil {
			t.Fatal(err)
		}
		three := wait(t, other, taking("run-3"))
		three.place(t)
		other.Close() // SIGKILL: the connection is gone
		<-three.failed
		gone("a kill")

		short := taking("run-4")
		short.Wait = time.Second
		four := wait(t, conn, short)
		four.place(t)
		var held *lock.HeldError
		if err := <-four.failed; !errors.As(err, &held) || held.Holder.Run != "run-1" {
			t.Errorf("a wait that was too short ends with %v", err)
		}
		gone("the wait")

		// A deployer that is there and says nothing: a machine that was cut off.
		silent := taking("run-5")
		silent.Lease, silent.Beat = time.Second, time.Hour
		five := wait(t, conn, silent)
		five.place(t)
		if err := <-five.failed; err == nil {
			t.Error("a silent waiter has the lock")
		}
		gone("silence")
	})
}

// A run on the whole host and a run of a service exclude each other, two of
// different services do not.
func TestAGlobalLockExcludesEveryService(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		of := func(service, run string, global bool) lock.Taking {
			tk := taking(run)
			tk.Dir, tk.Global = lock.Dir("srv/"+service), global
			return tk
		}
		a := take(t, conn, of("a", "run-a", false))
		b := take(t, conn, of("b", "run-b", false))
		if h := refused(t, conn, of("c", "run-c", true)); h.Run != "run-a" && h.Run != "run-b" {
			t.Errorf("the whole host was refused because of %+v", h)
		}
		w := wait(t, conn, of("c", "run-c", true))
		w.place(t)
		if h := refused(t, conn, of("d", "run-d", false)); h.Run == "run-d" { // else it would starve
			t.Error("run-d got ahead of a run that waits for the whole host")
		}
		release(t, a)
		release(t, b)
		c := w.lock(t)
		for _, tk := range []lock.Taking{of("a", "run-a2", false), of("c", "run-c2", false), of("b", "run-b2", true)} {
			if h := refused(t, conn, tk); h.Run != "run-c" || !h.Global {
				t.Errorf("%s was refused because of %+v", tk.Run, h)
			}
		}
		if h, ok, _ := look(t, conn, lock.Dir("srv/b")); !ok || h.Run != "run-c" || !h.Global || !h.Alive {
			t.Errorf("service b sees %+v", h)
		}
		release(t, c)
		release(t, take(t, conn, of("a", "run-a3", false)))
		if _, ok, _ := look(t, conn, lock.Dir("srv/b")); ok {
			t.Error("the whole host is still locked")
		}
	})
}

// A run that was away for too long is fenced by whoever takes the whole host,
// and the other way round.
func TestAGlobalLockFencesWhoseLeaseRanOut(t *testing.T) {
	shells(t, func(t *testing.T, conn remote.Conn, home string) {
		of := func(service, run string, global bool) lock.Taking {
			tk := taking(run)
			tk.Dir, tk.Global = lock.Dir("srv/"+service), global
			return tk
		}
		expire := func(service string) {
			leases, _ := filepath.Glob(filepath.Join(home, lock.Dir("srv/"+service), "lease.*"))
			for _, l := range leases {
				if err := os.WriteFile(l, []byte("before-the-boot 1 20\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		fenced := func(l *lock.Held) {
			t.Helper()
			err := conn.Run(t.Context(), remote.Command{Fence: l.Fence(), Steps: []remote.Step{{ID: "x", Shell: ":"}}})
			if !errors.Is(err, remote.ErrFenced) {
				t.Errorf("it may still write: %v", err)
			}
		}
		// The first beat of the old holder may still be on its way.
		after := func(expire func(), tk lock.Taking) *lock.Held {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); ; {
				expire()
				l, err := lock.Take(t.Context(), conn, tk)
				if err == nil {
					return l
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s: %v", tk.Run, err)
				}
			}
		}
		quiet := func(tk lock.Taking) lock.Taking { tk.Beat, tk.Lease = time.Hour, time.Minute; return tk }
		a := take(t, conn, quiet(of("a", "run-a", false)))
		g := after(func() { expire("a") }, quiet(of("g", "run-g", true)))
		fenced(a)
		b := after(func() { expire("g") }, of("b", "run-b", false))
		fenced(g)
		// It comes back, and sees that another was there.
		again := of("g", "run-g", true)
		again.Was = g.Generation
		if h := refused(t, conn, again); h.Run != "run-b" {
			t.Errorf("it was refused because of %+v", h)
		}
		release(t, b)
		if l := take(t, conn, again); l.Generation == g.Generation+1 {
			t.Error("its generation says that nobody was there in between")
		} else {
			release(t, l)
		}
		release(t, a)
		release(t, g)
	})
}

// Many want the lock at once, some for the whole host: never two at a time,
// and all of them in the end.
func TestManyWaitersAreNeverTwo(t *testing.T) {
	t.Parallel()
	conn, _ := host(t)
	var mu sync.Mutex
	var inside, served []string
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			tk := taking(fmt.Sprintf("run-%d", i))
			tk.Dir, tk.Global, tk.Wait = lock.Dir(fmt.Sprintf("srv/%d", i%2)), i%2 == 0, time.Minute
			l, err := lock.Take(t.Context(), conn, tk)
			if err != nil {
				t.Errorf("%s: %v", tk.Run, err)
				return
			}
			mu.Lock()
			if len(inside) > 0 {
				t.Errorf("%s came in while %v held the lock", tk.Run, inside)
			}
			inside = append(inside, tk.Run)
			served = append(served, tk.Run)
			mu.Unlock()
			time.Sleep(20 * time.Millisecond)
			mu.Lock()
			inside = slices.DeleteFunc(inside, func(r string) bool { return r == tk.Run })
			mu.Unlock()
			release(t, l)
		})
	}
	wg.Wait()
	if len(served) != 8 {
		t.Errorf("served: %v", served)
	}
}
