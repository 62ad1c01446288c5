package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	osexec "os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"shipit/exec/view/tui"
)

// A guard is a process of its own that gives the terminal back where this one
// cannot any more: a goroutine panicked, or somebody killed it. It waits at
// the end of a pipe, through which the panic's words come, too, because they
// would go with the screen.
type guard struct {
	pipe *os.File
	cmd  *osexec.Cmd
}

// dismissed is the last that a guard hears of a program that left its screen.
const dismissed = "\x00"

// newGuard starts a guard, or gives none: then a crash leaves the terminal to
// the command reset.
func newGuard() *guard {
	was, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	if err != nil {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer read.Close()
	line, err := json.Marshal(was)
	if err == nil {
		_, err = write.Write(append(line, '\n'))
	}
	cmd := &osexec.Cmd{
		Path: self, Args: []string{"shipit", "__terminal"}, Stdin: read, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true}, // what ends the program by its group does not end this
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = write.Close()
		return nil
	}
	_ = debug.SetCrashOutput(write, debug.CrashOptions{})
	return &guard{pipe: write, cmd: cmd}
}

// dismiss ends the guard: the terminal is as it was.
func (g *guard) dismiss() {
	if g == nil {
		return
	}
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	_, _ = g.pipe.WriteString(dismissed)
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}

// guardCmd is what a guard runs.
type guardCmd struct{}

// mostCrash bounds the words of a crash that are printed again.
const mostCrash = 1 << 20

func (*guardCmd) Run() error {
	signal.Ignore(syscall.SIGTTOU, syscall.SIGTTIN) // it is in the background, and writes all the same
	said, err := io.ReadAll(io.LimitReader(os.Stdin, mostCrash))
	if err != nil || bytes.HasSuffix(said, []byte(dismissed)) {
		return nil
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	line, crash, _ := bytes.Cut(said, []byte("\n"))
	terminal := int(os.Stdout.Fd())
	now, err := unix.IoctlGetTermios(terminal, unix.TCGETS)
	var was unix.Termios
	// A shell that was quicker has set its own modes, in which keys are signals.
	if err == nil && now.Lflag&unix.ISIG == 0 && json.Unmarshal(line, &was) == nil {
		_ = unix.IoctlSetTermios(terminal, unix.TCSETSW, &was)
	}
	_, _ = os.Stdout.WriteString(tui.Reset)
	_, _ = os.Stderr.Write(crash)
	return nil
}
