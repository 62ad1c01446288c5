package tui

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// watchStops keeps the terminal usable while the process is stopped, by Ctrl-Z
// or by a signal, and takes it over again afterwards. In the background it
// does not: then the screen is left, and the run goes on in lines. The
// returned func ends it.
func (v *View) watchStops() func() {
	stops, goesOn, quit := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(stops, syscall.SIGTSTP)
	signal.Notify(goesOn, syscall.SIGCONT)
	go func() {
		for {
			select {
			case <-quit:
				return
			case <-stops:
				v.program.Send(&stop{v: v, goesOn: goesOn})
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			signal.Stop(stops)
			signal.Stop(goesOn)
			close(quit)
		})
	}
}

// A stop is the time in which the process does nothing and the terminal is
// somebody else's. Bubble Tea gives the terminal back before Run and takes it
// over after it.
type stop struct {
	v      *View
	goesOn <-chan os.Signal
}

// Run stops the process. It does not return in the background: to set the
// modes of a terminal that is the shell's would stop the process again, or
// spoil them. Bubble Tea's goroutine stays there, and shows nothing.
func (s *stop) Run() error {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	<-s.goesOn
	if !s.v.foreground() {
		s.v.over()
		select {}
	}
	return nil
}

// SetStdin is for commands that use the terminal; this one does not.
func (*stop) SetStdin(io.Reader) {}

// SetStdout is like SetStdin.
func (*stop) SetStdout(io.Writer) {}

// SetStderr is like SetStdin.
func (*stop) SetStderr(io.Writer) {}

// back redraws the screen once the terminal is ours again.
func back(error) tea.Msg { return tea.ClearScreen() }

// foreground tells whether the terminal listens to this process.
func (v *View) foreground() bool {
	group, err := unix.IoctlGetInt(int(v.o.In.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
