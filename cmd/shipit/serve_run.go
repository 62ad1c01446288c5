package main

import (
	"context"
	"fmt"
	"time"

	"shipit/exec/journal"
	"shipit/lang"
)

// lastLook is how long the end of a command waits for browsers to hear how its
// run ended.
const lastLook = 2 * time.Second

// page serves a run in a browser while it lasts, until the returned func is
// called.
func (f *runFlags) page(w *world, state *lang.Spec, dir journal.Dir, id string) (func(), error) {
	ctx, cancel := context.WithCancel(context.Background())
	places, err := w.places(state) // of its own: they are not for several goroutines
	if err != nil {
		cancel()
		return nil, err
	}
	places.dir = dir
	p, err := (&webFlags{Listen: "127.0.0.1:0"}).open(ctx, w, places, nil)
	if err != nil {
		cancel()
		places.close()
		return nil, err
	}
	fmt.Fprintf(f.human(w), "In a browser: %s\n", p.addressOf("/runs/"+id))
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := p.serve(ctx); err != nil { // the run goes on
			fmt.Fprintf(w.stderr, "warning: %v\n", err)
		}
	}()
	return func() {
		p.server.Quiet(lastLook)
		cancel()
		<-over
		places.close()
	}, nil
}
