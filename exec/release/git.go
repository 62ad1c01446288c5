// Package release is the deployer's view of the git repository that holds a
// service: its releases, what lies between two of them, their files, and the
// making of the next one. It uses the git program, as hardened as git can be.
package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// How long one git command may take. A server that stopped answering must not
// hold a run for ever.
const (
	localLimit   = 2 * time.Minute
	networkLimit = 10 * time.Minute
)

// options keep git from running what a repository's author or configuration
// would have it run, and from leaving processes behind.
var options = []string{
	"-c", "protocol.ext.allow=never",
	"-c", "core.hooksPath=/dev/null",
	"-c", "core.fsmonitor=false",
	"-c", "safe.bareRepository=all",
	"-c", "gc.autoDetach=false",
	"-c", "maintenance.autoDetach=false",
	"-c", "submodule.recurse=false",
	"--no-pager",
}

// inherited are variables of a git process that we may have been started by,
// for example from a hook. They speak of its repository, not of ours.
var inherited = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR",
	"GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE",
	"GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
	"GIT_WORK_TREE", "LC_ALL", "LANGUAGE",
}

// A gitError is a git command that failed, with the end of what it said.
type gitError struct {
	command string
	said    string
	err     error
}

func (e *gitError) Error() string {
	if e.said == "" {
		return "git " + e.command + ": " + e.err.Error()
	}
	return "git " + e.command + ": " + e.said
}

func (e *gitError) Unwrap() error { return e.err }

// exitCode is the code git left with, or -1 if it did not run to its end.
func exitCode(err error) int {
	if exit, ok := errors.AsType[*osexec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -1
}

// git runs one git command in dir, and returns what it printed.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return gitInput(ctx, dir, nil, args...)
}

func gitInput(ctx context.Context, dir string, input io.Reader, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := stream(ctx, localLimit, dir, input, &out, args...)
	return out.Bytes(), err
}

// gitNetwork is git for the commands that may talk to another machine.
func gitNetwork(ctx context.Context, dir string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := stream(ctx, networkLimit, dir, nil, &out, args...)
	return out.Bytes(), err
}

// stream runs one git command in dir with the given input and output.
func stream(ctx context.Context, limit time.Duration, dir string, in io.Reader, out io.Writer, args ...string) error {
	return run(ctx, command{limit: limit, dir: dir, in: in, out: out}, args...)
}

// A command is what surrounds one git command.
type command struct {
	limit time.Duration
	dir   string
	in    io.Reader
	out   io.Writer
	said  io.Writer // a copy of its standard error; nil is none
	env   []string  // over ours
}

// run runs one git command. Options of git itself may come before its name.
func run(ctx context.Context, c command, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("no answer within %v", c.limit))
	defer cancel()
	cmd := osexec.CommandContext(ctx, "git", append(slices.Clone(options), args...)...)
	cmd.Dir = c.dir
	cmd.Env = append(environment(), c.env...)
	cmd.Stdin, cmd.Stdout = c.in, c.out
	said := &tail{max: 4 << 10}
	cmd.Stderr = said
	if c.said != nil {
		cmd.Stderr = io.MultiWriter(said, c.said)
	}
	// A session of its own has no terminal: ssh fails instead of waiting for
	// a passphrase, and Ctrl-C reaches us alone. Its whole group can be ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err // it ended, and its number may be another's
		}
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	}
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &gitError{command: name(args), err: context.Cause(ctx)}
	case errors.Is(err, osexec.ErrNotFound):
		return errors.New("cannot find the git program; install git")
	}
	return &gitError{command: name(args), said: said.lastLines(5), err: err}
}

// name is the command among options of git itself.
func name(args []string) string {
	for len(args) > 2 && args[0] == "-c" {
		args = args[2:]
	}
	return args[0]
}

// environment is ours without what would lead git to another repository.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(inherited, name)
	})
	return append(env,
		"LC_ALL=C",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",     // reading changes nothing
		"GIT_NO_REPLACE_OBJECTS=1", // a commit is what its id says
		"GIT_NO_LAZY_FETCH=1",
	)
}

// A tail keeps the end of what is written to it.
type tail struct {
	max int
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*t.max {
		t.buf = slices.Clone(t.buf[len(t.buf)-t.max:])
	}
	return len(p), nil
}

// advice are lines of git that say nothing about this failure.
var advice = []string{"hint:", "To ", "Please make sure you have the correct access rights", "and the repository exists."}

// lastLines are the last n lines that say something, joined by semicolons.
func (t *tail) lastLines(n int) string {
	var lines []string
	for line := range strings.Lines(string(t.buf)) {
		line = strings.TrimSpace(line)
		isAdvice := func(prefix string) bool { return strings.HasPrefix(line, prefix) }
		if line != "" && !slices.ContainsFunc(advice, isAdvice) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
