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
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// abortable is the context of a run. The first interrupt asks the run to end
// gracefully, the second stops remote work now, the third exits. SIGHUP does
// nothing: a lost terminal does not end a run.
func (w *world) abortable(parent context.Context, out io.Writer) (ctx context.Context, abort <-chan string, done func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP)
	asked := make(chan string, 1)
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-quit:
				return
			case <-signals:
			}
			switch n {
			case 1:
				fmt.Fprintln(out, "\nInterrupt: finishing the steps in flight, starting nothing new. Once more stops them now.")
				asked <- w.by()
			case 2:
				fmt.Fprintln(out, "\nSecond interrupt: stopping what runs on the hosts now. Once more exits at once.")
				cancel()
			default:
				fmt.Fprintln(out, "\nThird interrupt: exiting. The locks run out on the hosts within 30 s.")
				os.Exit(exitInterrupted)
			}
		}
	})
	return ctx, asked, func() {
		signal.Stop(signals)
		signal.Reset(syscall.SIGHUP)
		close(quit)
		wg.Wait()
		cancel()
	}
}
