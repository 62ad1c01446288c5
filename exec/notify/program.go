package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"time"

	"shipit/lang"
	"shipit/lang/diag"
)

// program runs a command on the deployer that gets the notice as JSON on its
// input. It ends with everything that it started.
func program(s lang.Spec) send {
	return func(ctx context.Context, n Notice) error {
		input, err := json.Marshal(n)
		if err != nil {
			return finalError{err}
		}
		argv := s.List("run")
		var out bytes.Buffer
		cmd := osexec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = n.Dir
		if n.Trace != "" {
			cmd.Env = append(os.Environ(), "TRACEPARENT="+n.Trace)
		}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(append(input, '\n')), nil, &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = time.Second
		err = cmd.Run()
		var exit *osexec.ExitError
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%s did not end in time", argv[0])
		case errors.As(err, &exit):
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			return finalError{fmt.Errorf("%s: %s %s", argv[0], exit, diag.CleanLine(lines[len(lines)-1]))}
		case err != nil:
			return finalError{err}
		}
		return nil
	}
}
