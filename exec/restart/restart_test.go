package restart_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipit/exec/remote"
	"shipit/exec/restart"
	"shipit/lang"
)

// run restarts on this machine with programs of a test first in PATH; the
// error is what the step said.
func run(t *testing.T, home, kind string, attrs map[string]any) error {
	t.Helper()
	return runShell(t, home, kind, attrs, func(sh string) string { return sh })
}

func runShell(t *testing.T, home, kind string, attrs map[string]any, change func(string) string) error {
	t.Helper()
	s, err := restart.New(lang.Restart{Spec: lang.Spec{Kind: kind, Attrs: attrs}, Within: lang.Duration(20 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := remote.NewLocal(home).Dial(t.Context(), remote.Target{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	program(t, home, "sudo", `[ "$1 $2" = "-n --" ] && shift 2 && exec "$@"`) // for who is not root
	shell := "PATH=$PWD/bin:$PATH\n" + change(s.Shell)
	err = conn.Run(t.Context(), remote.Command{Steps: []remote.Step{{ID: "restart", Shell: shell}}})
	var no *remote.StepError
	if errors.As(err, &no) {
		return errors.New(strings.Join(no.Output, "\n"))
	}
	return err
}

// waitFor waits until a file is there.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if b, _ := os.ReadFile(path); len(b) > 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the service does not start")
		}
	}
}

// program puts a program into the home's bin.
func program(t *testing.T, home, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "bin", name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func judge(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%v, want %q", err, want)
	}
}

func calls(t *testing.T, home string) string {
	b, _ := os.ReadFile(filepath.Join(home, "calls"))
	return string(b)
}

// systemctl is one that remembers what it was told. RESTART is what a restart
// does to the files active and pid.
const systemctl = `case "$*" in
  *show*MainPID*) printf 'MainPID=%s\nActiveState=%s\nResult=%s\n' "$(cat pid)" "$(cat active)" "$(cat result 2>/dev/null || echo exit-code)" ;;
  *show*) echo "ActiveState=$(cat active)" ;;
  *) echo "$*" >>calls; case "$*" in *" restart "* | *" reload "* | *" kill "*) RESTART ;; esac ;;
esac
`

func TestSystemd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		restart string
		attrs   map[string]any
		want    string
		calls   string
	}{
		"good": {"echo 8 >pid", map[string]any{"unit": "x.service"}, "", "--no-pager restart x.service\n"},
		"two": {
			"echo 8$2 >pid; echo $(($(cat n 2>/dev/null || echo 10) + 1)) >n; cp n pid",
			map[string]any{"units": []any{"a.service", "b.service"}},
			"",
			"--no-pager restart a.service\n--no-pager restart b.service\n",
		},
		"reload": {":", map[string]any{"unit": "x.service", "reload": true}, "", "--no-pager reload x.service\n"},
		"too often": {
			"[ -e again ] && echo 8 >pid && exit; echo start-limit-hit >result; echo >again; exit 1",
			map[string]any{"unit": "x.service"},
			"",
			"--no-pager restart x.service\n--no-pager reset-failed x.service\n--no-pager restart x.service\n",
		},
		"was down": {
			"echo active >active",
			map[string]any{"unit": "x.service"},
			"",
			"--no-pager reset-failed x.service\n--no-pager restart x.service\n",
		},
		"too often still": {"echo failed >active; echo start-limit-hit >result; exit 1", map[string]any{"unit": "x.service"}, "x.service is failed (start-limit-hit)", ""},
		"fails":           {"echo failed >active; exit 1", map[string]any{"unit": "x.service"}, "x.service is failed (exit-code)", ""},
		"dies":            {"echo 8 >pid; echo failed >active", map[string]any{"unit": "x.service"}, "x.service is failed (exit-code), wanted active", ""},
		"H15 the old":     {":", map[string]any{"unit": "x.service"}, "x.service still runs its old process 7", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			program(t, home, "systemctl", strings.Replace(systemctl, "RESTART", c.restart, 1))
			before := map[string]string{"active": "active\n", "pid": "7\n"}
			if name == "was down" {
				before = map[string]string{"active": "failed\n", "pid": "0\n"}
			}
			for f, text := range before {
				if err := os.WriteFile(filepath.Join(home, f), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			judge(t, run(t, home, "systemd", c.attrs), c.want)
			if got := calls(t, home); c.calls != "" && got != c.calls {
				t.Errorf("calls:\n%s", got)
			}
		})
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	program(t, home, "service", `echo "$*" >>calls; [ "$1" = good ]`)
	judge(t, run(t, home, "service", map[string]any{"name": "good"}), "")
	judge(t, run(t, home, "service", map[string]any{"name": "good", "reload": true}), "")
	if run(t, home, "service", map[string]any{"name": "bad"}) == nil {
		t.Error("a service that does not restart is none")
	}
	if got := calls(t, home); got != "good restart\ngood reload\nbad restart\n" {
		t.Errorf("calls:\n%s", got)
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	cmd := exec.Command("/bin/sh", "-c", `trap 'echo got >>calls' HUP; trap 'exit 0' USR2; echo $$ >pid; while :; do sleep 0.1; done`)
	cmd.Dir = home
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	waitFor(t, filepath.Join(home, "pid"))
	// The second that a service has for the signal lasts until it has taken it.
	program(t, home, "sleep", "while [ ! -s calls ]; do /bin/sleep 0.02; done")
	judge(t, run(t, home, "signal", map[string]any{"pid_file": "pid"}), "")
	if got := calls(t, home); got != "got\n" {
		t.Errorf("calls: %q", got)
	}
	program(t, home, "sleep", `while kill -0 "$(cat pid)" 2>/dev/null; do /bin/sleep 0.02; done`)
	judge(t, run(t, home, "signal", map[string]any{"pid_file": "pid", "signal": "USR2"}), "does not run after the signal")
	<-ended
	judge(t, run(t, home, "signal", map[string]any{"pid_file": "pid"}), "pid names process "+strconv.Itoa(cmd.Process.Pid)+", which does not run")
	judge(t, run(t, home, "signal", map[string]any{"pid_file": "none"}), "none holds no process number")
	for _, text := range []string{"1", "0", "-1", "", "x; touch pwned", "-1\n2"} {
		if err := os.WriteFile(filepath.Join(home, "odd"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		judge(t, run(t, home, "signal", map[string]any{"pid_file": "odd"}), "odd holds no process number")
	}
}

func TestSignalToAUnitThatDoesNotRun(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	program(t, home, "systemctl", strings.Replace(systemctl, "RESTART", ":", 1))
	if err := os.WriteFile(filepath.Join(home, "active"), []byte("inactive\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	judge(t, run(t, home, "signal", map[string]any{"unit": "x.service", "signal": "SIGUSR1"}), "x.service is inactive")
	if err := os.WriteFile(filepath.Join(home, "active"), []byte("active\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	judge(t, run(t, home, "signal", map[string]any{"unit": "x.service", "signal": "SIGUSR1"}), "")
	if got := calls(t, home); got != "--no-pager kill --kill-who=main -s USR1 x.service\n" {
		t.Errorf("calls: %q", got)
	}
}

// What a restart starts outlives the connection.
func TestCommandLeavesTheServiceRunning(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	judge(t, run(t, home, "command", map[string]any{"shell": `sleep 300 & echo $! >pid`}), "")
	b, err := os.ReadFile(filepath.Join(home, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
		t.Error("the service ended with its restart")
	}
	if err := run(t, home, "command", map[string]any{"run": []any{"sh", "-c", "echo broken; exit 2"}}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("a restart that fails: %v", err)
	}
}

func TestKindsSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  string
		attrs map[string]any
		ok    bool
	}{
		{"systemd", nil, false},
		{"service", nil, false},
		{"signal", nil, false},
		{"command", nil, false},
		{"none", nil, true},
		{"upstart", nil, false},
	} {
		_, err := restart.New(lang.Restart{Spec: lang.Spec{Kind: c.kind, Attrs: c.attrs}})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.kind, err)
		}
	}
}
