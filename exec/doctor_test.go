package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/remote"
)

func TestAHostIsExaminedWithoutAChange(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	q := Question{Host: "h", Target: remote.Target{Name: "h"}, Path: "srv/my app", Programs: []string{"sh", "no-such-program"}, Drift: true}
	e := Examine(t.Context(), f, []Question{q}, nil)[0]
	if e.Facts.Unreachable != "" {
		t.Fatal(e.Facts.Unreachable)
	}
	if diff := cmp.Diff([]string{"no-such-program"}, e.Facts.Missing); diff != "" {
		t.Error(diff)
	}
	h := e.Health
	if !strings.HasPrefix(h.Kernel, "Linux ") || h.Sh == "" || h.Shell == "" || h.Login == "" || h.Used < 0 || h.Mount == "" || h.Versions["flock"] == "" {
		t.Errorf("%+v", h)
	}
	if mode, _, dir, _ := cutPlace(h.Place); mode == "" || !strings.HasPrefix(dir, "/") {
		t.Errorf("place %q", h.Place)
	}
	if h.Skew.Abs() > h.Error || h.Error > time.Minute {
		t.Errorf("our own clock is %v ± %v before ours", h.Skew, h.Error)
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("examining wrote %v", left)
	}
}

func cutPlace(text string) (mode, owner, dir string, ok bool) {
	f := strings.SplitN(text, " ", 4)
	if len(f) < 4 {
		return "", "", "", false
	}
	return f[0], f[1], f[3], true
}

// TestADoctorSurvivesOddHosts: neither names of directories nor programs that
// hang or lie about their version stop the examination.
func TestADoctorSurvivesOddHosts(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	put(t, home, map[string]string{"-n/$(touch pwned)/x y/": ""})
	q := Question{Host: "h", Target: remote.Target{Name: "h"}, Path: "-n/$(touch pwned)/x y/srv", Drift: true}
	e := Examine(t.Context(), f, []Question{q}, nil)[0]
	if e.Facts.Unreachable != "" || !strings.HasSuffix(e.Health.Place, "/-n/$(touch pwned)/x y") {
		t.Errorf("%s %q", e.Facts.Unreachable, e.Health.Place)
	}
	if _, err := os.Stat(filepath.Join(home, "pwned")); err == nil {
		t.Error("a directory's name was run")
	}
}

func TestTheClockOfAHostIsJudgedWithinTheWayThereAndBack(t *testing.T) {
	t.Parallel()
	asked := time.Unix(1000, 0)
	for _, c := range []struct {
		said       string
		took       time.Duration
		by, within time.Duration
	}{
		{"1000.050000000", 100 * time.Millisecond, 0, 50 * time.Millisecond},
		{"1012.050000000", 100 * time.Millisecond, 12 * time.Second, 50 * time.Millisecond},
		{"0988.000000000", 0, -12 * time.Second, 0},
		{"1000.N", 100 * time.Millisecond, 450 * time.Millisecond, 550 * time.Millisecond},
		{"1000.%N", 0, 500 * time.Millisecond, 500 * time.Millisecond},
		{"1000", 0, 500 * time.Millisecond, 500 * time.Millisecond},
		{"", time.Second, 0, 0},
		{"99999999999999999999.1", time.Second, 0, 0},
	} {
		by, within := skew(c.said, asked, asked.Add(c.took))
		if by != c.by || within != c.within {
			t.Errorf("%q after %v: %v ± %v, want %v ± %v", c.said, c.took, by, within, c.by, c.within)
		}
	}
}

func TestHealthOfAHostThatLies(t *testing.T) {
	t.Parallel()
	fact := func(key, text string) remote.Record { return remote.Record{Kind: remote.Fact, Key: key, Text: text} }
	h := parseHealth([]remote.Record{
		fact("use", "/dev/x 10 9 1 90% /"), fact("usei", "nonsense"), fact("maxsessions", "a lot"),
		fact("os", "\x1b[2JDebian\n"), fact("version.git", "git version 2.43.0 (Apple)\n"), fact("version.sudo", "sudo: unknown option\n"),
		fact("version.curl", "curl 8.5.0 (x86_64)"), fact("clock", "never"),
	}, time.Time{}, time.Time{})
	if h.Used != 90 || h.UsedInodes != -1 || h.MaxSessions != -1 || h.System != `\x1b[2JDebian` {
		t.Errorf("%+v", h)
	}
	if diff := cmp.Diff(map[string]string{"git": "2.43.0", "curl": "8.5.0"}, h.Versions); diff != "" {
		t.Error(diff)
	}
}
