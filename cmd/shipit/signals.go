package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interruptible is the context of everything that changes nothing: the first
// interrupt ends it. The returned func gives the signals back.
func (w *world) interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if w.applies { // what reads the plan may go away before the run begins
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var once sync.Once
	go func() {
		select {
		case s := <-signals:
			w.signal.CompareAndSwap(nil, &s)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		once.Do(func() {
			signal.Stop(signals)
			cancel()
		})
	}
}

// abortable is the context of a run. The first interrupt asks the run to end
// gracefully, the second stops remote work now, the third exits. A lost
// terminal (SIGHUP; see parting) and a reader that went away (SIGPIPE, as with
// `| head`) do not end a run.
func (w *world) abortable(out io.Writer, run string) (ctx context.Context, abort <-chan string, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// Nobody reads this: a signal that was ignored would be so in hooks, too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	asked := make(chan string, 1)
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-quit:
				return
			case s := <-signals:
				w.signal.CompareAndSwap(nil, &s)
			}
			switch n {
			case 1:
				fmt.Fprintln(out, "\nInterrupt: finishing the steps in flight, starting nothing new. Once more stops them now.")
				asked <- w.by()
			case 2:
				fmt.Fprintln(out, "\nSecond interrupt: stopping what runs on the hosts now. Once more exits at once.")
				cancel()
			default:
				if rescue := w.rescue.Load(); rescue != nil {
					(*rescue)()
				}
				w.screen.let()
				fmt.Fprintf(out, "\nThird interrupt: exiting. The locks run out on the hosts within 30 s.\n"+wayOut, run)
				os.Exit(w.interruptCode())
			}
		}
	})
	return ctx, asked, func() {
		signal.Stop(signals)
		close(quit)
		wg.Wait()
		cancel()
	}
}

// wayOut is what can be typed after a run that was left in the middle.
const wayOut = "Continue:       shipit resume %[1]s\nGo back:        shipit rollback %[1]s\n"

// interruptCode is the exit code of a command that a signal ended.
func (w *world) interruptCode() int {
	if s := w.signal.Load(); s != nil && *s == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}
