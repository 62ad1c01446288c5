package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"shipit/lang/diag"
)

// The bounds of a command that lists hosts.
const (
	inventoryTime = 30 * time.Second
	inventorySize = 16 << 20
)

// An inventory runs the commands that list hosts, each once: a definition is
// evaluated several times for one plan, always for the same hosts.
type inventory struct {
	dir     string // of the definition
	limit   time.Duration
	stopped func() bool

	mu   sync.Mutex
	said map[string]answer
}

type answer struct {
	text []byte
	err  error
}

// lister runs the commands of a definition in its directory, until stopped
// says that somebody wants the program to end.
func lister(dir string, stopped func() bool) func(argv []string) ([]byte, error) {
	v := &inventory{dir: dir, limit: inventoryTime, stopped: stopped}
	return v.list
}

func (v *inventory) list(argv []string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := strings.Join(argv, "\x00")
	if a, ok := v.said[key]; ok {
		return a.text, a.err
	}
	if v.said == nil {
		v.said = map[string]answer{}
	}
	text, err := v.run(argv)
	v.said[key] = answer{text, err}
	return text, err
}

// run runs one command without a shell, bounded in time and output. What it
// starts ends with it.
func (v *inventory) run(argv []string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), v.limit, errTooSlow)
	defer cancel()
	cmd := osexec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = v.dir
	stdout := &bounded{max: inventorySize, full: cancel}
	stderr := &bounded{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for !v.stopped() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		cancel()
	}()
	err := cmd.Run()
	var ended *osexec.ExitError
	switch {
	case stdout.cut:
		return nil, fmt.Errorf("it printed more than %d MiB", inventorySize>>20)
	case errors.Is(context.Cause(ctx), errTooSlow):
		return nil, fmt.Errorf("it took longer than %s and was stopped", v.limit)
	case v.stopped():
		return nil, errors.New("it was interrupted")
	case errors.Is(err, osexec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no program %q", argv[0])
	case errors.As(err, &ended):
		text := fmt.Sprintf("it ended with %s", strings.TrimPrefix(ended.Error(), "exit status "))
		if said := lastLine(stderr.kept); said != "" {
			text += ": " + said
		}
		return nil, errors.New(text)
	case err != nil:
		return nil, fmt.Errorf("it could not be run: %w", err)
	}
	return stdout.kept, nil
}

var errTooSlow = errors.New("too slow")

// lastLine is where programs say why they gave up.
func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	line := string(text[bytes.LastIndexByte(text, '\n')+1:])
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return diag.CleanLine(strings.TrimSuffix(line, "."))
}

// bounded keeps the first bytes of what is written and calls full once there
// are more.
type bounded struct {
	kept []byte
	max  int
	cut  bool
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.max-len(b.kept))
	b.kept = append(b.kept, p[:n]...)
	if n < len(p) && !b.cut {
		b.cut = true
		if b.full != nil {
			b.full()
		}
	}
	return len(p), nil
}
