package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A run with a screen can leave its terminal, and the shell that waits for it:
// so what drives it is a process of its own from the start, behind the one that
// the shell knows. That one, the front, only waits. They are foreground and
// background of the terminal like a shell and what it runs: the kernel gives
// keys and changes of size to the process behind, which draws, asks and has the
// connections. A socket between them tells each when the other goes.

// behindVariable tells a process that it is behind another one: the number of
// the descriptor of its end of the socket.
const behindVariable = "SHIPIT_BEHIND"

// behindFD is that number: the first behind the three standard ones.
const behindFD = 3

// inFront has this command done by a process behind this one, where it will
// have a screen. Done is false where there is none, or no shell could ever get
// its terminal back; then this process goes on itself.
func (f *runFlags) inFront(w *world) (done bool, err error) {
	group, problem := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	if w.front != nil || f.Detach || f.JSON || f.Verbose || !f.screened(w) || problem != nil || group != syscall.Getpgrp() {
		return false, nil
	}
	self, err := os.Executable()
	if err != nil {
		return false, nil
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, nil
	}
	ours := os.NewFile(uintptr(ends[0]), "socket")
	defer ours.Close()
	pid, err := syscall.ForkExec(self, os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), fmt.Sprintf("%s=%d", behindVariable, behindFD)),
		Files: []uintptr{os.Stdin.Fd(), os.Stdout.Fd(), os.Stderr.Fd(), uintptr(ends[1])},
		Sys:   &syscall.SysProcAttr{Foreground: true, Ctty: int(os.Stdin.Fd())},
	})
	_ = unix.Close(ends[1])
	if err != nil {
		return false, nil
	}
	return true, exit(waitBehind(pid, ours), nil)
}

// waitBehind waits for a process like the shell for this one, until it ends or
// has left the terminal, and gives the exit code.
func waitBehind(pid int, socket *os.File) int {
	signal.Ignore(syscall.SIGTTOU) // to take the terminal back is not to write on it
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGCONT)
	left := make(chan struct{}, 1)
	go func() {
		if n, _ := socket.Read(make([]byte, 1)); n == 1 {
			left <- struct{}{}
		}
	}()
	states := make(chan unix.WaitStatus)
	go func() {
		for {
			var s unix.WaitStatus
			_, err := unix.Wait4(pid, &s, unix.WUNTRACED, nil)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			states <- s
			if err != nil || !s.Stopped() {
				return
			}
		}
	}()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGCONT {
				handOver(syscall.Getpgrp(), pid) // where somebody said fg, and not bg
				_ = syscall.Kill(-pid, syscall.SIGCONT)
			} else { // Ctrl-C is heard there by itself: this comes from elsewhere
				_ = syscall.Kill(pid, s.(syscall.Signal))
			}
		case <-left:
			handOver(pid, syscall.Getpgrp())
			return exitInterrupted
		case s := <-states:
			handOver(pid, syscall.Getpgrp())
			switch {
			case s.Stopped():
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) // until there is a SIGCONT
			case s.Signaled():
				return 128 + int(s.Signal())
			default:
				return s.ExitStatus()
			}
		}
	}
}

// handOver gives the terminal from a group of processes to another, if it is
// that one's.
func handOver(from, to int) {
	if group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP); err == nil && group == from {
		_ = unix.IoctlSetPointerInt(int(os.Stdin.Fd()), unix.TIOCSPGRP, to)
	}
}

// A front is the process for which the shell waits, of one behind it.
type front struct {
	socket *os.File
	gone   atomic.Bool
}

// frontOf is the front of this process, nil where it has none. One that
// vanishes is a terminal that was lost.
func frontOf(w *world) *front {
	if w.getenv(behindVariable) != fmt.Sprint(behindFD) {
		return nil
	}
	_ = os.Unsetenv(behindVariable)
	w.environ = os.Environ()
	unix.CloseOnExec(behindFD)
	f := &front{socket: os.NewFile(behindFD, "socket")}
	go func() {
		_, _ = f.socket.Read(make([]byte, 1))
		if !f.gone.Load() {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGHUP)
		}
	}()
	return f
}

// let lets the front, where there is one, and with it the shell go on.
func (f *front) let() {
	if f != nil && !f.gone.Swap(true) {
		_, _ = f.socket.Write([]byte{1})
	}
}
