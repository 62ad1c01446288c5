package exec

import (
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"shipit/exec/check"
	"shipit/exec/restart"
	"shipit/lang"
)

// serviceScripts are what hosts run of every kind of check and restart.
func serviceScripts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, attrs := range map[string]map[string]any{
		"http": {
			"url": "http://h/x y", "status": []any{int64(200), "3xx"}, "contains": "it's", "matches": "a|'b'", "json": map[string]any{`.a[0]."b c"`: "it's"},
			"expect_headers": map[string]any{"X-A": "$1"}, "insecure": true,
		},
		"http headers": {"url": "http://h/", "headers": map[string]any{"A": "b"}},
		"tcp":          {"port": int64(80)},
		"systemd":      {"unit": "x.service"},
		"command":      {"shell": "echo it's"},
		"log":          {"file": "a b", "must_not": "it's", "max": int64(3), "window": "5s"},
		"log journal":  {"unit": "x.service", "must": "up"},
	} {
		kind, _, _ := strings.Cut(name, " ")
		s, err := check.Host(lang.Check{Spec: lang.Spec{Kind: kind, Name: "x", Attrs: attrs}, Within: lang.Duration(time.Minute)}, check.Place{Dir: "a b", Run: "r"})
		if err != nil {
			t.Fatal(name, err)
		}
		out["check "+name] = s.Shell()
		out["before "+name] = s.Before
	}
	for name, attrs := range map[string]map[string]any{
		"systemd":        {"units": []any{"a.service", "b.service"}},
		"systemd reload": {"unit": "a.service", "reload": true},
		"service":        {"name": "x"},
		"signal unit":    {"unit": "x.service", "signal": "USR2"},
		"signal file":    {"pid_file": "a b"},
		"command":        {"run": []any{"x", "it's"}},
		"none":           {},
	} {
		kind, _, _ := strings.Cut(name, " ")
		s, err := restart.New(lang.Restart{Spec: lang.Spec{Kind: kind, Attrs: attrs}})
		if err != nil {
			t.Fatal(name, err)
		}
		out["restart "+name] = s.Shell
	}
	return out
}

// TestServiceScriptsAreClean has shellcheck read every kind's script, and
// every shell of this machine parse it.
func TestServiceScriptsAreClean(t *testing.T) {
	t.Parallel()
	for name, sh := range serviceScripts(t) {
		// A step is the body of a subshell, and an attempt that of a function.
		text := "#!/bin/sh\nstep() {\n" + sh + "\n:\n}\nstep\n"
		if checker, err := osexec.LookPath("shellcheck"); err == nil {
			cmd := osexec.Command(checker, "-s", "sh", "-S", "warning", "-e", "SC1007,SC2034,SC2154", "-")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
		for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
			path, err := osexec.LookPath(shell[0])
			if err != nil {
				continue
			}
			cmd := osexec.Command(path, append(shell[1:], "-n")...)
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s in %s: %v\n%s", name, shell[0], err, out)
			}
		}
	}
}
