package tui

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// watchStops tells of Ctrl-Z and of who else wants the process to stop, until
// the returned func is called.
func watchStops() (stops <-chan os.Signal, end func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTSTP)
	return c, func() { signal.Stop(c) }
}

// stop stops the process; it returns when somebody continues it.
func stop() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	<-goesOn
}

// foreground tells whether the terminal listens to this process.
func (v *View) foreground() bool {
	group, err := unix.IoctlGetInt(int(v.o.In.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
