package exec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/remote"
	"shipit/lang"
)

// heard keeps what a Tail says, and tells when a line has come.
type tailed struct {
	mu    sync.Mutex
	lines []string
	came  chan string
}

func (h *tailed) add(text string) {
	h.mu.Lock()
	h.lines = append(h.lines, text)
	h.mu.Unlock()
	h.came <- text
}

func (h *tailed) wait(t *testing.T, want string) {
	t.Helper()
	for {
		select {
		case text := <-h.came:
			if text == want {
				return
			}
		case <-time.After(30 * time.Second):
			h.mu.Lock()
			defer h.mu.Unlock()
			t.Fatalf("%q did not come, but %q", want, h.lines)
		}
	}
}

func tailing(q LogQuery) (*tailed, Tail) {
	h := &tailed{came: make(chan string, 10_000)}
	return h, Tail{Query: q, On: func(_ int, l string) { h.add(l) }, Said: func(_ int, l string) { h.add("said: " + l) }}
}

func TestALogIsFollowedThroughItsRotationAndLetGo(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	log := filepath.Join(home, "it's.log")
	write := func(text string) {
		file, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	h, tail := tailing(LogQuery{Lines: 1, Follow: true})
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan int)
	go func() {
		over <- tail.Run(ctx, []Listener{{Fleet: f, Host: "h1", Target: remote.Target{Name: "h1"}}}, []LogPlace{{File: "it's.log"}})
	}()
	h.wait(t, "… it's.log is not there yet")
	write("one\n")
	h.wait(t, "one")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write("two\n")
	h.wait(t, "two")
	stop()
	if failed := <-over; failed != 0 {
		t.Errorf("%d hosts failed", failed)
	}
	for _, l := range h.lines {
		if strings.Contains(l, "said") || strings.Contains(l, "Terminated") {
			t.Errorf("it says %q", l)
		}
	}
}

func TestTheLastLinesOfALog(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	if err := os.WriteFile(filepath.Join(home, "log"), []byte("one\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		place LogPlace
		lines int
		want  string
	}{
		{LogPlace{File: "log"}, 2, "two three"},
		{LogPlace{File: "log"}, 0, ""},
		{LogPlace{File: "log"}, -1, "one two three"},
		{LogPlace{File: "nolog"}, 2, "nolog is not there said: the log cannot be read: exit status 1"},
		{LogPlace{}, 2, "said: the definition does not say where the service logs: name a file by --file, or a unit by --unit"},
	} {
		h, tail := tailing(LogQuery{Lines: c.lines})
		failed := tail.Run(t.Context(), []Listener{{Fleet: f, Host: "h1", Target: remote.Target{Name: "h1"}}}, []LogPlace{c.place})
		if got := strings.Join(h.lines, " "); got != c.want || (failed == 1) != strings.Contains(c.want, "said") {
			t.Errorf("%v: %q, %d failed", c.place, got, failed)
		}
	}
}

// A flaky host is lost in the middle, cannot be reached for a while, and is
// there again; then its key is refused.
type flaky struct {
	mu    sync.Mutex
	dials int
}

func (d *flaky) Dial(context.Context, remote.Target) (remote.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.dials++; d.dials {
	case 1, 4:
		return &flakyConn{d: d}, nil
	case 2, 3:
		return nil, &remote.DialError{Kind: remote.Unreachable, Err: errors.New("no route")}
	}
	return nil, &remote.DialError{Kind: remote.Auth, Err: errors.New("no key was accepted"), Help: "look"}
}

type flakyConn struct {
	losable
	d *flaky
}

func (c *flakyConn) Run(_ context.Context, cmd remote.Command) error {
	cmd.On(remote.Record{Kind: remote.Output, Step: typedStep, Text: cmd.Steps[1].Shell[strings.Index(cmd.Steps[1].Shell, "tail -n"):][:9]})
	c.lost = true
	return remote.ErrUnknown
}

func TestALostHostIsAskedAgainAndARefusedOneIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &flaky{}
		f := NewFleet(d)
		defer f.Close()
		h, tail := tailing(LogQuery{Lines: 7, Follow: true})
		failed := tail.Run(t.Context(), []Listener{{Fleet: f, Host: "h1", Target: remote.Target{Name: "h1"}}}, []LogPlace{{File: "log"}})
		got := strings.Join(h.lines, "\n")
		want := strings.Join([]string{
			"tail -n 7",
			"said: is lost (the host did not say how it ended); it is asked again every 2s or so",
			"said: is there again; lines in between may be missing", "tail -n 0",
			"said: is lost (the host did not say how it ended); it is asked again every 16s or so",
			"said: unreachable: no key was accepted (look)",
		}, "\n")
		if got != want || failed != 1 || d.dials != 5 {
			t.Errorf("%d failed, %d dials\n%s", failed, d.dials, got)
		}
	})
}

func TestWhereAServiceLogs(t *testing.T) {
	t.Parallel()
	check := func(kind string, attrs map[string]any) lang.Check {
		return lang.Check{Spec: lang.Spec{Kind: kind, Attrs: attrs}}
	}
	unit := lang.Restart{Spec: lang.Spec{Kind: "systemd", Attrs: map[string]any{"unit": "web.service"}}}
	for want, target := range map[string]lang.Target{
		"unit web.service": {Restart: unit, Checks: []lang.Check{check("systemd", map[string]any{"unit": "other"})}},
		"/var/log/web.log": {Restart: unit, Checks: []lang.Check{check("http", nil), check("log", map[string]any{"file": "/var/log/web.log"})}},
		"unit web":         {Restart: unit, Checks: []lang.Check{check("log", map[string]any{"unit": "web"})}},
		"unit worker":      {Checks: []lang.Check{check("systemd", map[string]any{"unit": "worker"})}},
		"unit ":            {Restart: lang.Restart{Spec: lang.Spec{Kind: "command"}}},
	} {
		if got := LogOf(target); got.String() != want || got.None() != (want == "unit ") {
			t.Errorf("%s, wanted %s", got, want)
		}
	}
	q := LogQuery{Lines: 5, Follow: true}
	if got := (LogPlace{Units: []string{"a b", "c"}}).Shell(q); !strings.Contains(got, "-u 'a b' -u c -n 5 -f\n") {
		t.Error(got)
	}
	q.Since = "-600 seconds"
	if got := (LogPlace{Units: []string{"c"}}).Shell(q); !strings.Contains(got, "-u c --since '-600 seconds' -f\n") {
		t.Error(got)
	}
}
