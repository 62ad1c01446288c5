package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"shipit/exec/journal"
)

// A parting is how a run leaves its terminal: because somebody wants it to, or
// because the terminal is gone.
type parting struct {
	w      *world
	wanted chan struct{}
}

// An absence is that of whoever sat before this process. It begins once.
type absence struct {
	since chan struct{} // closed when it begins
	once  sync.Once
}

// begin begins it, and tells whether it had not begun before.
func (a *absence) begin() (first bool) {
	a.once.Do(func() {
		close(a.since)
		first = true
	})
	return first
}

func (a *absence) begun() bool {
	select {
	case <-a.since:
		return true
	default:
		return false
	}
}

// parting is that of a run, nil where it has no terminal that shows it.
func (w *world) parting(f *runFlags) *parting {
	if !w.interactive() || f.JSON {
		return nil
	}
	return &parting{w, make(chan struct{}, 1)}
}

// want has the run leave its terminal.
func (p *parting) want() {
	select {
	case p.wanted <- struct{}{}:
	default:
	}
}

// await sees that a run which is shown leaves its terminal when it must, until
// the returned func is called.
func (p *parting) await(seen *watching, dir journal.Dir, run string) func() {
	if p == nil {
		return func() {}
	}
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for gone := false; !gone; {
			select {
			case <-over:
				return
			case <-p.wanted:
				gone = true
			case <-hangUps:
				gone = p.w.front != nil || !onTerminal() // else the shell waits, and can
			}
		}
		p.w.part(seen, dir, run)
	}()
	return func() {
		close(over)
		<-done
		signal.Stop(hangUps)
	}
}

// onTerminal tells whether the terminal is still there.
func onTerminal() bool {
	_, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	return err == nil
}

// part leaves the terminal. What the run says from here on is in its log, and
// its questions are answered from elsewhere.
func (w *world) part(seen *watching, dir journal.Dir, run string) {
	if !w.away.begin() {
		return
	}
	log, err := journal.OpenLog(string(dir), run)
	if err != nil {
		fmt.Fprintf(w.stderr, "warning: %v; what it says is lost\n", err)
		log, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
	}
	seen.leave()
	fmt.Fprint(w.stdout, leftAlone(run))
	seen.lines.Plain()
	if err == nil {
		_ = unix.Dup3(int(log.Fd()), 1, 0)
		_ = unix.Dup3(int(log.Fd()), 2, 0)
		log.Close()
	}
	if null, err := os.Open(os.DevNull); err == nil {
		_ = unix.Dup3(int(null.Fd()), 0, 0)
		null.Close()
	}
	w.front.let()
}

// leftAlone says of a run how to come back to it.
func leftAlone(run string) string {
	return fmt.Sprintf("\nDetached; run %[1]s goes on.\nCome back:      shipit attach %[1]s\nStop it:        shipit abort %[1]s\n", run)
}
