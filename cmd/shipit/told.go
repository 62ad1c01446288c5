package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/notify"
	"shipit/exec/plan"
	"shipit/lang"
)

// tellLimit bounds how long the end of a command waits for notices that are
// still on their way.
const tellLimit = 10 * time.Second

// telling adds to views whoever the plan's notify blocks tell. The returned
// func waits until they were told, and says on errs who was not.
func (w *world) telling(p *plan.Plan, root string, views event.Sink, errs io.Writer) (event.Sink, func(), error) {
	b := &p.Body
	if len(b.Notify) == 0 {
		return views, func() {}, nil
	}
	var blocks []notify.Block
	for _, n := range b.Notify {
		blocks = append(blocks, notify.Block{Spec: lang.Spec{Kind: n.Kind, Attrs: n.Spec}, At: n.At})
	}
	var mu sync.Mutex
	var troubles []string
	n, err := notify.New(blocks, notify.Run{
		Service: b.Service, Env: b.Env, Release: b.Release.Tag, Kind: string(b.Kind), By: w.by(), Dir: root,
	}, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		troubles = append(troubles, text)
	})
	if err != nil {
		return nil, nil, err
	}
	return event.Views{views, n}, func() {
		ctx, cancel := context.WithTimeout(context.Background(), tellLimit)
		defer cancel()
		n.Close(ctx)
		for _, text := range troubles {
			fmt.Fprintf(errs, "warning: %s\n", w.secrets.replace(text))
		}
	}, nil
}
