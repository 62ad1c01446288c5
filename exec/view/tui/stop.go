package tui

import (
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
	signals, quit := make(chan os.Signal, 4), make(chan struct{})
	signal.Notify(signals, syscall.SIGTSTP, syscall.SIGCONT)
	go func() {
		released := false
		for {
			select {
			case <-quit:
				return
			case s := <-signals:
				if s == syscall.SIGTSTP {
					released = true
					_ = v.program.ReleaseTerminal()
					_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
					continue // and then comes SIGCONT
				}
				if !v.foreground() {
					v.abandon(released)
					return
				}
				if !released { // by somebody who asked nobody
					_ = v.program.ReleaseTerminal()
				}
				released = false
				if v.program.RestoreTerminal() != nil {
					v.program.Quit()
					return
				}
				v.program.Send(tea.ClearScreen())
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			signal.Stop(signals)
			close(quit)
		})
	}
}

// abandon leaves the screen without another word to the terminal, which is
// somebody else's now: to set its modes would stop this process again, or
// spoil theirs. Bubble Tea knows no such end, so its goroutine stays, and
// shows nothing.
func (v *View) abandon(released bool) {
	if !released {
		_, _ = v.o.Out.WriteString(Reset)
	}
	v.over()
}

// foreground tells whether the terminal listens to this process.
func (v *View) foreground() bool {
	group, err := unix.IoctlGetInt(int(v.o.In.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
