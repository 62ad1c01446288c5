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
				if !released {
					_ = v.program.ReleaseTerminal()
				}
				if released = s == syscall.SIGTSTP; released {
					_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
					continue // and then comes SIGCONT
				}
				if v.foreground() && v.program.RestoreTerminal() == nil {
					v.program.Send(tea.ClearScreen())
				} else {
					v.program.Quit()
				}
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

// foreground tells whether the terminal listens to this process.
func (v *View) foreground() bool {
	group, err := unix.IoctlGetInt(int(v.o.In.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
