package tui_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shipit/exec/plan"
	"shipit/exec/view/live"
	"shipit/exec/view/tui"
)

var noon = time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)

// terminal is both ends of a pseudo-terminal.
func terminal(t *testing.T) (far, near *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	far = os.NewFile(uintptr(fd), "ptmx")
	near, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return far, near
}

// nothing is what keys can do in these tests.
type nothing struct{}

func (nothing) Can(live.Action) string { return "" }
func (nothing) Do(live.Wish) error     { return nil }

func newView(near *os.File) *tui.View {
	p := &plan.Plan{}
	for i := range 50 {
		p.Body.Hosts = append(p.Body.Hosts, plan.Host{Name: fmt.Sprintf("h%d", i), Action: plan.Update})
	}
	return tui.New(p, "run1", tui.Options{
		In: near, Out: near, Environ: []string{"TERM=xterm"}, Now: func() time.Time { return noon }, Actions: nothing{},
	})
}

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// TestAScreenThatIsLeftAtOnceLeavesNothing: what it drew went with it.
func TestAScreenThatIsLeftAtOnceLeavesNothing(t *testing.T) {
	t.Parallel()
	far, near := terminal(t)
	var mu sync.Mutex
	var shown strings.Builder
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := far.Read(buf)
			mu.Lock()
			shown.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	before := modes(t, near)
	v := newView(near)
	if err := v.Open(); err != nil {
		t.Fatal(err)
	}
	v.Close()
	v.Close()
	<-v.Left()
	if v.Shown() || v.Err() != nil {
		t.Errorf("it is open (%t) or was lost: %v", v.Shown(), v.Err())
	}
	if after := modes(t, near); after != before {
		t.Errorf("the terminal is not as it was: %+v, and was %+v", after, before)
	}
	if _, err := near.WriteString("the report\n"); err != nil {
		t.Fatal(err)
	}
	for {
		mu.Lock()
		text := shown.String()
		mu.Unlock()
		first, left, ended := strings.Cut(text, "\x1b[?1049l")
		if !strings.Contains(left, "the report") {
			time.Sleep(time.Millisecond)
			continue
		}
		_, drawn, begun := strings.Cut(first, "\x1b[?1049h")
		if !begun || !ended || !strings.Contains(drawn, "quit") || strings.Contains(left, "quit") {
			t.Errorf("the picture is not on the other screen: %q", text)
		}
		return
	}
}
