package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"time"

	"shipit/exec/check"
	"shipit/exec/event"
	"shipit/exec/fault"
	"shipit/exec/plan"
)

// hookLimit is the deadline of a command that was given none.
const hookLimit = 10 * time.Minute

// local does a step of a host's phase that runs on the deployer.
func (w *work) local(ctx context.Context, s *plan.Step) error {
	e := event.Event{Host: w.m.plan.Name, Phase: w.phase, Step: s.ID, At: s.At, Text: s.Text}
	e.Type = event.StepStarted
	w.say(e)
	err := w.run.here(ctx, w.m.plan, w.phase, "", s)
	switch {
	case err == nil:
		e.Type = event.StepDone
		w.say(e)
		return nil
	case s.Go && ctx.Err() == nil:
		why, detail, _ := reason(err)
		e.Type, e.Text, e.Detail = event.Note, fmt.Sprintf("%s: %s failed, and the run goes on: %s", e.Host, s.ID, why), detail
		w.say(e)
		return nil
	}
	return err
}

// here does a step on the deployer: for a host, or for the run as a whole.
func (r *run) here(ctx context.Context, h *plan.Host, phase event.Phase, batch string, s *plan.Step) error {
	env := r.env(h, phase, batch)
	switch {
	case r.o.Deployer != nil:
		return r.elsewhere(ctx, h, phase, s)
	case s.Op == plan.OpCheck:
		return askHere(ctx, s, check.Where{Host: h.Address, Env: env, Twins: func() []string { return r.twins(s) }})
	}
	e := event.Event{Phase: phase, Step: s.ID}
	if h != nil {
		e.Host = h.Name
	}
	err := runHere(ctx, s, r.o.Root, env, func(line string) { r.print(e, line) })
	r.printed.ends(e.Host)
	return err
}

// elsewhere does a step on what takes the place of the deployer.
func (r *run) elsewhere(ctx context.Context, h *plan.Host, phase event.Phase, s *plan.Step) error {
	name := ""
	if h != nil {
		name = h.Name
	}
	limit := within(s)
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := r.o.Deployer.Do(bounded, name, phase, s)
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case bounded.Err() != nil:
		err = fmt.Errorf("no end within %s", limit)
	}
	return &localError{step: s.ID, err: err}
}

// askHere asks a check from the deployer until it has its answer.
func askHere(ctx context.Context, s *plan.Step, where check.Where) error {
	c := checkOf(*s)
	ask, err := check.Deployer(c, where)
	if err == nil {
		err = check.Poll(ctx, c, ask)
	}
	if err != nil && ctx.Err() == nil {
		return &localError{step: s.ID, err: err}
	}
	return err
}

// runHere runs a command on the deployer, without a shell unless the
// definition wrote one, in a process group of its own that ends with ctx.
// say is told each line that it prints.
func runHere(ctx context.Context, s *plan.Step, dir string, env []string, say func(line string)) error {
	limit := s.Within.Std()
	if limit == 0 {
		limit = hookLimit
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	argv := argvOf(*s.Run)
	var out tail
	cmd := osexec.CommandContext(bounded, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	lines := teller{tell: say}
	both := io.MultiWriter(&out, &lines)
	cmd.Stdout, cmd.Stderr = both, both
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	fault.At(fault.LocalBefore)
	err := cmd.Run()
	lines.end()
	fault.At(fault.LocalAfter)
	if bounded.Err() != nil && cmd.Process != nil {
		// Who did not heed the first signal is ended by one that nobody can
		// refuse; an empty group is what we want.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	var exit *osexec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case bounded.Err() != nil:
		err = fmt.Errorf("no end within %s", limit)
	case errors.As(err, &exit):
		err = errors.New(exit.Error())
		if lines := out.lines(); len(lines) > 0 {
			err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
		}
	default:
		err = fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	return &localError{step: s.ID, err: err, tail: out.lines()}
}

// A tail keeps the end of what is written to it.
type tail struct{ text []byte }

const mostTail = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - mostTail; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// lines are the last lines that were written.
func (t *tail) lines() []string {
	text := strings.TrimRight(string(t.text), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-mostLines):]
}
