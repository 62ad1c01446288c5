package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"shipit/exec/remote"
	"shipit/lang"
)

// command passes when a command ends with 0. Why it did not is the last line
// that it said. One that cannot be run (126, 127) has not answered.
func commandHost(c lang.Check, _ Place) (Script, error) {
	argv := argv(c.Command())
	// Through a file: a child that the command leaves behind would hold a pipe
	// open for as long as it lives.
	try := func() string {
		return fmt.Sprintf(`rc=0
out=$(mktemp) || { echo 'cannot make a temporary file'; return 3; }
run user %d %s >"$out" 2>&1 || rc=$?
why=$(tail -n 1 -- "$out" | head -c 400)
rm -f -- "$out"
case $rc in
  0) return 0 ;;
  126 | 127) echo "${why:-it cannot be run} (exit status $rc)"; return 3 ;;
  124 | 137) echo "no answer within %s" ;;
  *) echo "${why:-no output} (exit status $rc, wanted 0)" ;;
esac
return 1
`, seconds(c.Timeout), remote.Join(argv), c.Timeout)
	}
	var programs []string
	if len(c.Command().Argv) > 0 {
		programs = []string{argv[0]}
	}
	return Script{Shell: try, User: [][]string{argv}, Programs: programs}, nil
}

func commandDeployer(c lang.Check, w Where) (Attempt, error) {
	argv := argv(c.Command())
	return func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), w.Env...)
		var out tail
		cmd.Stdout, cmd.Stderr = &out, &out
		// Its children are stopped with it, and one that got away cannot
		// keep us by holding the output open.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case err == nil, errors.Is(err, exec.ErrWaitDelay):
			return nil
		case errors.As(err, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127):
			return unknown("%s (%s)", out.last(), exit.ProcessState)
		case errors.As(err, &exit):
			return fmt.Errorf("%s (%s, wanted exit status 0)", out.last(), exit.ProcessState)
		}
		return unknown("cannot run %s: %w", argv[0], unwrapped(err))
	}, nil
}

func argv(c lang.Command) []string {
	if len(c.Argv) > 0 {
		return c.Argv
	}
	return []string{"/bin/sh", "-c", c.Shell}
}

// A tail keeps the end of what a command says.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 8192 {
		t.b = append(t.b[:0], t.b[len(t.b)-4096:]...)
	}
	return len(p), nil
}

// last is the last line that is not empty, bounded.
func (t *tail) last() string {
	lines := bytes.Split(bytes.TrimSpace(t.b), []byte("\n"))
	s := strings.TrimSpace(string(lines[len(lines)-1]))
	if s == "" {
		return "no output"
	}
	return s[:min(len(s), 400)]
}
