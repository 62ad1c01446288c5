package remotetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/remote"
)

// pidIn waits for a file that holds a process id.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		b, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && strings.HasSuffix(string(b), "\n") {
			return pid
		}
	}
	t.Fatalf("no process id in %s", file)
	return 0
}

// alive tells whether pid runs; a zombie does not.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	s := string(b)
	state := s[strings.LastIndex(s, ")")+1:]
	return !strings.HasPrefix(state, " Z") && !strings.HasPrefix(state, " X")
}

// goes waits for pid to be gone.
func goes(t *testing.T, pid int) bool {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if !alive(pid) {
			return true
		}
	}
	syscall.Kill(pid, syscall.SIGKILL)
	return false
}

func testDaemon(t *testing.T, dial Dial) {
	pid := filepath.Join(t.TempDir(), "pid")
	start := time.Now()
	_, err := do(t, dial(t), "setsid sleep 25 & echo $! >"+pid)
	if err != nil {
		t.Error(err)
	}
	if time.Since(start) > 20*time.Second {
		t.Error("the command lasted as long as the daemon that kept its output")
	}
	syscall.Kill(pidIn(t, pid), syscall.SIGKILL)
}

func testApart(t *testing.T, dial Dial) {
	pid := filepath.Join(t.TempDir(), "pid")
	c := dial(t)
	if _, err := do(t, c, "apart login 10 sh -c 'sleep 25 & echo $! >"+pid+"'", "run login 10 echo not apart"); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, c, "false"); err == nil {
		t.Fatal("false succeeded")
	}
	c.Close()
	p := pidIn(t, pid)
	defer syscall.Kill(p, syscall.SIGKILL)
	if !alive(p) {
		t.Error("the service ended with the script")
	}
}

func testRunTimeout(t *testing.T, dial Dial) {
	dir := t.TempDir()
	_, err := do(t, dial(t), "run login 1 sh -c 'sleep 25 & echo $! >"+dir+"/pid; wait'")
	var se *remote.StepError
	if !errors.As(err, &se) || se.Code != 124 || len(se.Output) == 0 || se.Output[len(se.Output)-1] != "no end within 1 s" {
		t.Errorf("error %#v, want exit status 124 with a reason", err)
	}
	if !goes(t, pidIn(t, dir+"/pid")) {
		t.Error("a failed script left a process in its group")
	}
}

// started begins a command whose step writes a process id to a file, and
// gives that process.
func started(t *testing.T, c remote.Conn, cmd remote.Command, shell string) (pid int, cancel func(), done <-chan error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pid")
	cmd.Steps = steps_("echo running", strings.ReplaceAll(shell, "PID", file), "echo never")
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	errs := make(chan error, 1)
	go func() { errs <- c.Run(ctx, cmd) }()
	return pidIn(t, file), cancel, errs
}

// ended waits for a command.
func ended(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		t.Fatal("the command does not end")
		return nil
	}
}

func testCancel(t *testing.T, dial Dial) {
	for _, shell := range []string{
		"run login 60 sh -c 'sleep 50 & echo $! >PID; wait'",
		"(sleep 50 & echo $! >PID; wait) | cat",
		"while :; do run login 60 sh -c 'echo $$ >PID; sleep 50' || true; done",
	} {
		pid, cancel, done := started(t, dial(t), remote.Command{Grace: 20 * time.Second}, shell)
		cancel()
		if err := ended(t, done); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want the context's", shell, err)
		}
		if alive(pid) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Errorf("%s: the process lives on after Run said that it is gone", shell)
		}
	}
}

func testCancelStubborn(t *testing.T, dial Dial) {
	pid, cancel, done := started(t, dial(t), remote.Command{Grace: 20 * time.Second},
		"run login 60 sh -c 'trap \"\" TERM; echo $$ >PID; while :; do sleep 1; done'")
	cancel()
	if err := ended(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if alive(pid) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Error("the process lives on")
	}
}

// A process that is started while the others are told to end is told as well,
// and need not be killed seconds later: a shell may be about to start a command
// when it is told.
func testCancelStartsAnother(t *testing.T, dial Dial) {
	last := filepath.Join(t.TempDir(), "last")
	pid, cancel, done := started(t, dial(t), remote.Command{Grace: 20 * time.Second},
		"run login 60 sh -c 'trap \"trap : TERM; sleep 50 & wait \\$!; echo \\$? >"+last+"; exit\" TERM; echo $$ >PID; while :; do sleep 0.1; done'")
	cancel()
	if err := ended(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if alive(pid) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Error("the process lives on")
	}
	if b, err := os.ReadFile(last); err != nil || string(b) != "143\n" {
		t.Errorf("the process that was started last ended with %q (%v), want 143", b, err)
	}
}

// endless never ends, and fills no pipe within the life of a test.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return min(len(b), 10), nil
}

func testCancelData(t *testing.T, dial Dial) {
	for _, shell := range []string{
		"sleep 50 & echo $! >PID; wait",             // before the data
		"data sh -c 'echo $$ >PID; cat >/dev/null'", // amid the data
		"data sh -c 'echo $$ >PID; exec sleep 50'",  // the data is stuck
	} {
		pid, cancel, done := started(t, dial(t), remote.Command{Data: endless{}, DataSize: 1 << 40, Grace: 20 * time.Second}, shell)
		cancel()
		if err := ended(t, done); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want the context's", shell, err)
		}
		if alive(pid) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Errorf("%s: the process lives on", shell)
		}
	}
}

func testCancelBefore(t *testing.T, dial Dial) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "file")
	err := dial(t).Run(ctx, remote.Command{Steps: steps_("echo >" + file)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the step ran")
	}
}

func testClose(t *testing.T, dial Dial) {
	c := dial(t)
	pid, _, done := started(t, c, remote.Command{}, "run login 60 sh -c 'echo $$ >PID; sleep 50'")
	c.Close()
	if err := ended(t, done); !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	if !goes(t, pid) {
		t.Error("the process lives on without its deployer")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := c.Run(ctxFor(t), remote.Command{Steps: steps_("echo >" + file)}); err == nil || errors.Is(err, remote.ErrUnknown) {
		t.Errorf("on a closed connection: %v, want an error that says that nothing ran", err)
	}
}

func testKilled(t *testing.T, dial Dial) {
	_, err := do(t, dial(t), "kill -s KILL $$; sleep 5")
	if !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
}
