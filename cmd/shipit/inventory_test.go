package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func never() bool { return false }

func TestInventoryRunsTheCommandOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := lister(dir, never)
	for range 3 {
		text, err := list([]string{"sh", "-c", "echo ran >>count; pwd; echo oops >&2"})
		if err != nil {
			t.Fatal(err)
		}
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(string(text)); got != real {
			t.Errorf("the output is %q, want the directory %q", got, real)
		}
	}
	count, err := os.ReadFile(filepath.Join(dir, "count"))
	if err != nil || string(count) != "ran\n" {
		t.Errorf("it ran %q times (%v)", count, err)
	}
}

func TestInventoryFailuresSayWhy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		argv []string
		want string
	}{
		"no program":    {[]string{"no-such-program"}, `there is no program "no-such-program"`},
		"no file":       {[]string{"./none"}, `there is no program "./none"`},
		"fails":         {[]string{"sh", "-c", "echo first >&2; printf 'no\\033[2J inventory.\\n' >&2; exit 4"}, `it ended with 4: no\x1b[2J inventory`},
		"too much":      {[]string{"sh", "-c", "yes"}, "it printed more than 16 MiB"},
		"too slow":      {[]string{"sh", "-c", "sleep 60"}, "it took longer than 100ms and was stopped"},
		"holds on":      {[]string{"sh", "-c", "sleep 60 & exit 3"}, "it took longer than"},
		"not a program": {[]string{"/"}, "it could not be run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &inventory{dir: t.TempDir(), limit: 10 * time.Second, stopped: never}
			if name == "too slow" || name == "holds on" {
				v.limit = 100 * time.Millisecond
			}
			_, err := v.list(test.argv)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestInventoryEndsWithAnInterrupt(t *testing.T) {
	t.Parallel()
	v := &inventory{dir: t.TempDir(), limit: time.Hour, stopped: func() bool { return true }}
	if _, err := v.list([]string{"sleep", "600"}); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
}
