package restart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// daemon is a program of a test that starts a process, writes its number and
// leaves it behind.
const daemon = `start() { setsid /bin/sleep 300 >/dev/null 2>&1 </dev/null & echo $! >pid; }
stop() { kill "$(cat pid)" 2>/dev/null; rm -f pid; }
`

// An init script that says yes and restarts nothing is found out.
func TestARestartThatRestartsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		attrs  map[string]any
		want   string
	}{
		"restarts":          {"stop; start", map[string]any{"pid_file": "pid"}, ""},
		"nothing happens":   {":", map[string]any{"pid_file": "pid"}, "the old process OLD still runs"},
		"nobody asks":       {":", nil, ""},
		"only stops":        {"stop", map[string]any{"pid_file": "pid"}, "pid holds no process number after the restart"},
		"dies":              {"stop; sh -c 'echo $$ >pid'", map[string]any{"pid_file": "pid"}, "after the restart, which does not run"},
		"writes late":       {"stop; (/bin/sleep 1; start) >/dev/null 2>&1 </dev/null &", map[string]any{"pid_file": "pid"}, ""},
		"reload":            {":", map[string]any{"pid_file": "pid", "reload": true}, ""},
		"reload that kills": {"stop", map[string]any{"pid_file": "pid", "reload": true}, "pid holds no process number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			program(t, home, "init", daemon+c.script)
			program(t, home, "service", "exec bin/init")
			if c.want != "" { // nothing is to come, so there is nothing to wait for
				program(t, home, "sleep", ":")
			}
			first := exec.Command("/bin/sh", "-c", daemon+"start")
			first.Dir = home
			if out, err := first.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			t.Cleanup(func() {
				last := exec.Command("/bin/sh", "-c", daemon+"stop")
				last.Dir = home
				_ = last.Run()
			})
			old, err := os.ReadFile(filepath.Join(home, "pid"))
			if err != nil {
				t.Fatal(err)
			}
			attrs := map[string]any{"name": "x", "run": []any{"bin/init"}}
			for k, v := range c.attrs {
				attrs[k] = v
			}
			want := strings.Replace(c.want, "OLD", strings.TrimSpace(string(old)), 1)
			judge(t, run(t, home, "service", attrs), want)
		})
	}
}

// A number that comes again is another process.
func TestANumberThatComesAgainIsAnotherProcess(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	program(t, home, "stay", `[ -f pid ] || { setsid /bin/sleep 300 >/dev/null 2>&1 </dev/null & echo $! >pid; }`)
	attrs := map[string]any{"run": []any{"bin/stay"}, "pid_file": "pid"}
	judge(t, run(t, home, "command", attrs), "") // nothing ran before
	t.Cleanup(func() {
		last := exec.Command("/bin/sh", "-c", "kill $(cat pid)")
		last.Dir = home
		_ = last.Run()
	})
	program(t, home, "sleep", ":")
	judge(t, run(t, home, "command", attrs), "still runs")
	judge(t, runShell(t, home, "command", attrs, func(sh string) string {
		return strings.Replace(sh, "\nbefore\n", "\nbefore\nsince=17\n", 1) // as if it had started at another time
	}), "")
}

// A signal may hand the work over to a new process, or keep its own.
func TestASuccessorMustTakeOver(t *testing.T) {
	t.Parallel()
	for _, hands := range []bool{true, false} {
		home := t.TempDir()
		trap := "trap ':' USR2"
		if hands {
			trap = "trap 'setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $! >pid; exit' USR2"
		}
		old := exec.Command("/bin/sh", "-c", trap+"; echo $$ >new; mv new pid; while :; do sleep 0.1; done")
		old.Dir = home
		if err := old.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- old.Wait() }()
		t.Cleanup(func() {
			last := exec.Command("/bin/sh", "-c", "kill -9 $(cat pid)")
			last.Dir = home
			_ = last.Run()
			<-ended
		})
		waitFor(t, filepath.Join(home, "pid"))
		want := ""
		if !hands {
			want = "still runs"
			program(t, home, "sleep", ":")
		}
		attrs := map[string]any{"pid_file": "pid", "signal": "USR2", "successor": true}
		judge(t, run(t, home, "signal", attrs), want)
		if !hands {
			delete(attrs, "successor")
			judge(t, run(t, home, "signal", attrs), "")
		}
	}
}
