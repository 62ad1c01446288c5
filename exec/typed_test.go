package exec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/remote"
	"shipit/exec/sim"
)

// typed runs a command on hosts of this machine and keeps what they print.
func typed(t *testing.T, ctx context.Context, n int, c Typed) (heard []Heard, lines [][]string, home string) {
	t.Helper()
	f, home := local(t)
	var hosts []Listener
	for i := range n {
		name := "h" + string(rune('1'+i))
		hosts = append(hosts, Listener{Fleet: f, Host: name, Target: remote.Target{Name: name}, Paths: []string{"app"}})
	}
	lines = make([][]string, n)
	var mu sync.Mutex
	c.On = func(i int, line string) {
		mu.Lock()
		defer mu.Unlock()
		lines[i] = append(lines[i], line)
	}
	if c.Within == 0 {
		c.Within = time.Minute
	}
	return Everywhere(ctx, hosts, c, nil), lines, home
}

func TestATypedCommandGetsItsArgumentsAsTheyAre(t *testing.T) {
	t.Parallel()
	words := []string{"$HOME", "a b", "*", "it's", "`id`", "", "-x", "ü\n2", `\n`}
	heard, lines, _ := typed(t, t.Context(), 2, Typed{Argv: append([]string{"printf", "[%s]\n"}, words...)})
	want := strings.Split("["+strings.Join(words, "]\n[")+"]", "\n")
	for i := range heard {
		if !heard[i].OK() || heard[i].Host != "h"+string(rune('1'+i)) || heard[i].Took <= 0 {
			t.Errorf("%+v", heard[i])
		}
		if diff := cmp.Diff(want, lines[i]); diff != "" {
			t.Error(diff)
		}
	}
}

func TestATypedCommandHasNoInput(t *testing.T) {
	t.Parallel()
	heard, lines, _ := typed(t, t.Context(), 1, Typed{Argv: []string{"cat"}})
	if !heard[0].OK() || len(lines[0]) > 0 {
		t.Errorf("%+v %q", heard, lines)
	}
}

func TestHowATypedCommandEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, shell string
		within      time.Duration
		end         Ending
		code        int
		lines       []string
	}{
		{"well", "echo a; echo b >&2", 0, Exited, 0, []string{"a", "b"}},
		{"with a code", "exit 3", 0, Exited, 3, nil},
		{"with the code of a deadline", "echo x; exit 124", 0, Exited, 124, []string{"x", "no end within 60 s"}},
		{"too late", "echo x; sleep 600", 5 * time.Second, Late, 0, []string{"x"}},
		{"after much output", "yes | head -n 400000 >/dev/null; echo end", 0, Exited, 0, []string{"end"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			heard, lines, _ := typed(t, t.Context(), 1, Typed{Argv: []string{"sh", "-c", c.shell}, Within: c.within})
			if h := heard[0]; h.End != c.end || h.Code != c.code || (h.Why != "") != (c.end != Exited) {
				t.Errorf("%+v", h)
			}
			if diff := cmp.Diff(c.lines, lines[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnInterruptEndsATypedCommandOnTheHost(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, home := local(t)
	hosts := []Listener{{Fleet: f, Host: "a", Target: remote.Target{Name: "a"}}, {Fleet: f, Host: "b", Target: remote.Target{Name: "b"}}}
	c := Typed{
		Argv: []string{"sh", "-c", "sleep 600 & echo $! >pid; echo up; wait"}, Within: time.Minute, Width: 1,
		On: func(int, string) { cancel() },
	}
	heard := Everywhere(ctx, hosts, c, nil)
	if heard[0].End != Stopped || heard[1].End != NotStarted {
		t.Errorf("%+v", heard)
	}
	pid, err := os.ReadFile(filepath.Join(home, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("what it started still runs: %s", stat)
	}
}

func TestATypedCommandTellsOfALock(t *testing.T) {
	t.Parallel()
	f, _ := local(t)
	target := remote.Target{Name: "h"}
	place := Place{Fleet: f, Lock: HostLock{Question: Question{Host: "h", Target: target, Path: "app"}}}
	if err := PutHold(t.Context(), []Place{place}, Hold{ID: "hold-1", Owner: "ann@desk", Reason: "maintenance", For: time.Minute}); err != nil {
		t.Fatal(err)
	}
	l := Listener{Fleet: f, Host: "h", Target: target, Paths: []string{"other", "app"}}
	heard := Everywhere(t.Context(), []Listener{l}, Typed{Argv: []string{"true"}, Within: time.Minute}, nil)
	if h := heard[0]; !h.OK() || h.Lock == nil || h.Lock.Owner != "ann@desk" {
		t.Errorf("%+v", h)
	}
}

// TestHostsThatCannotBeAskedCostTheirDeadlineOnce: a silent one holds up
// nobody, and each end is told as it comes.
func TestHostsThatCannotBeAskedCostTheirDeadlineOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet := sim.New("off", "silent1", "silent2")
		fleet.Host("off").Unreachable = true
		fleet.Host("silent1").Silent = true
		fleet.Host("silent2").Silent = true
		f := NewFleet(fleet)
		defer f.Close()
		var hosts []Listener
		for _, name := range fleet.Names() {
			hosts = append(hosts, Listener{Fleet: f, Host: name, Target: remote.Target{Name: name}})
		}
		began := time.Now()
		var order []string
		heard := Everywhere(t.Context(), hosts, Typed{Argv: []string{"true"}, Within: time.Minute}, func(h Heard) { order = append(order, h.Host) })
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if order[0] != "off" || len(order) != 3 {
			t.Errorf("told in the order %v", order)
		}
		for _, h := range heard {
			if h.End != Unreached || h.Why == "" || h.Help == "" {
				t.Errorf("%+v", h)
			}
		}
	})
}

func TestWhatBecameOfATypedCommandIsSorted(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeoutCause(t.Context(), 0, errors.New("no end within 1s"))
	defer stop()
	<-late.Done()
	for _, c := range []struct {
		ctx, bounded context.Context
		err          error
		want         Ending
	}{
		{t.Context(), t.Context(), &remote.DialError{Err: errors.New("refused")}, Unreached},
		{t.Context(), t.Context(), remote.ErrUnknown, Unknown},
		{ended, late, errors.Join(context.Canceled, remote.ErrUnknown), Unknown},
		{ended, late, context.Canceled, Stopped},
		{ended, ended, context.Canceled, NotStarted},
		{t.Context(), late, context.DeadlineExceeded, Late},
		{t.Context(), t.Context(), errors.New("no place for another session"), NotStarted},
	} {
		var h Heard
		h.fail(c.ctx, c.bounded, c.err)
		if h.End != c.want || h.Why == "" {
			t.Errorf("%v: %+v, want %s", c.err, h, c.want)
		}
	}
}

func TestNoMoreHostsThanWidthAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, most, order := 0, 0, []int{}
	allOf(20, 3, func(i int) {
		mu.Lock()
		now++
		most = max(most, now)
		order = append(order, i)
		mu.Unlock()
		time.Sleep(time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
	})
	slices.Sort(order)
	if most > 3 || len(slices.Compact(order)) != 20 {
		t.Errorf("%d at once, %v", most, order)
	}
}
