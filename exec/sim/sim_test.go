package sim

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/remote"
)

func dial(t *testing.T, f *Fleet, name string) remote.Conn {
	t.Helper()
	c, err := f.Dial(t.Context(), remote.Target{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func step(op string, args map[string]string) remote.Step {
	return remote.Step{ID: op, Op: op, Args: args}
}

// The errors of Run are those that remote.Runner promises.
func TestRunEndsAsARunnerPromises(t *testing.T) {
	t.Parallel()
	release := map[string]string{"release": "r1", "run": "run-1"}
	for _, c := range []struct {
		name  string
		fault func(*Host)
		check func(error) bool
	}{
		{"well", func(*Host) {}, func(err error) bool { return err == nil }},
		{"a step says no", func(h *Host) { h.FailAt("stage", 1, "no space") }, func(err error) bool {
			var no *remote.StepError
			return errors.As(err, &no) && no.Step == "stage" && no.Code == 1 && len(no.Output) == 1 && no.Output[0] == "no space"
		}},
		{"stopped", func(h *Host) { h.HangAt("stage") }, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"silent", func(h *Host) { h.SilentAt("stage") }, func(err error) bool { return errors.Is(err, remote.ErrUnknown) }},
		{"cut off", func(h *Host) { h.DropAt("stage", true) }, func(err error) bool { return errors.Is(err, remote.ErrUnknown) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := New("a")
				c.fault(f.Host("a"))
				conn := dial(t, f, "a")
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := conn.Run(ctx, remote.Command{Steps: []remote.Step{step("stage", release), step("activate", release)}})
				if !c.check(err) {
					t.Errorf("it ended with %v", err)
				}
				if live := f.Host("a").State().Live; (live == "r1") != (err == nil) {
					t.Errorf("current is %q after %v", live, err)
				}
			})
		})
	}
}

func TestACutConnectionRunsNothingMoreAndTheHostCanBeDialledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := New("a")
		conn := dial(t, f, "a")
		f.Host("a").Drop()
		err := conn.Run(t.Context(), remote.Command{Steps: []remote.Step{step("drain", nil)}})
		if err == nil || errors.Is(err, remote.ErrUnknown) || f.Count("a", "drain") != 0 {
			t.Errorf("it ended with %v\n%s", err, f)
		}
		if err := dial(t, f, "a").Run(t.Context(), remote.Command{Steps: []remote.Step{step("drain", nil)}}); err != nil {
			t.Error(err)
		}
	})
}

func TestAFenceHoldsForTheRunThatHasTheHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := New("a")
		conn := dial(t, f, "a")
		f.Host("a").Steal("run-1", "me@here")
		drain := []remote.Step{step("drain", nil)}
		for fence, want := range map[remote.Fence]error{
			{Run: "run-1", Generation: 1}: nil,
			{Run: "run-1", Generation: 0}: remote.ErrFenced,
			{Run: "run-2", Generation: 1}: remote.ErrFenced,
		} {
			if err := conn.Run(t.Context(), remote.Command{Steps: drain, Fence: &fence}); !errors.Is(err, want) {
				t.Errorf("fence %+v: %v, want %v", fence, err, want)
			}
		}
		if f.Count("a", "drain") != 1 {
			t.Errorf("a fenced step ran:\n%s", f)
		}
	})
}

func TestALeaseThatIsNotRenewedRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := New("a")
		conn := dial(t, f, "a")
		args := map[string]string{"run": "run-1", "owner": "me@here", "lease": "20s"}
		in, out := io.Pipe()
		ended := make(chan error)
		go func() {
			ended <- conn.Run(t.Context(), remote.Command{Steps: []remote.Step{step("lock", args), step("hold", args)}, Hold: in})
		}()
		for range 10 {
			time.Sleep(5 * time.Second)
			out.Write([]byte("."))
			if f.Host("a").LockedBy() != "run-1" {
				t.Fatal("the lock is lost though it was renewed")
			}
		}
		begun := time.Now()
		err := <-ended
		if took := time.Since(begun); err != nil || took > 30*time.Second || f.Host("a").LockedBy() != "" {
			t.Errorf("after %s: %v, locked by %q", took, err, f.Host("a").LockedBy())
		}
		out.Close()
	})
}

func TestTheTimelineCountsWhoIsOutOfServiceAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := New("a", "b")
		for _, name := range f.Names() {
			f.Host(name).Set(func(st *State) { st.Running = "r1" })
		}
		a, b := dial(t, f, "a"), dial(t, f, "b")
		for _, x := range []struct {
			conn remote.Conn
			op   string
		}{{a, "drain"}, {a, "undrain"}, {b, "drain"}, {b, "undrain"}} {
			if err := x.conn.Run(t.Context(), remote.Command{Steps: []remote.Step{step(x.op, nil)}}); err != nil {
				t.Fatal(err)
			}
		}
		if f.MostOut() != 1 {
			t.Errorf("%d at once, want 1:\n%s", f.MostOut(), f)
		}
		for _, conn := range []remote.Conn{a, b} {
			if err := conn.Run(t.Context(), remote.Command{Steps: []remote.Step{step("drain", nil)}}); err != nil {
				t.Fatal(err)
			}
		}
		if f.MostOut() != 2 {
			t.Errorf("%d at once, want 2:\n%s", f.MostOut(), f)
		}
	})
}

func TestAnOperationThatNobodyKnowsIsABug(t *testing.T) {
	t.Parallel()
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, "internal error") {
			t.Errorf("it said %v", r)
		}
	}()
	f := New("a")
	_ = dial(t, f, "a").Run(t.Context(), remote.Command{Steps: []remote.Step{step("explode", nil)}})
}
