package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"shipit/exec"
)

// readLine reads an answer; ctx ends the wait, not the read, which has
// nothing left to disturb.
func (w *world) readLine(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(w.stdin).ReadString('\n')
		if errors.Is(err, io.EOF) && line != "" {
			err = nil
		}
		got <- answer{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-got:
		if errors.Is(a.err, io.EOF) {
			return "", exit(exitDeclined, errors.New("there was no answer; nothing was changed"))
		}
		return a.text, a.err
	}
}

// asker asks a run's questions on the terminal. Without one, --yes confirms
// and everything else gets the safe answer.
func (f *runFlags) asker(w *world) func(context.Context, exec.Prompt) (exec.Answer, error) {
	return func(ctx context.Context, q exec.Prompt) (exec.Answer, error) {
		if f.Yes && q.Choices[0] == "continue" {
			return exec.Answer{Choice: q.Choices[0], By: w.by() + " (--yes)"}, nil
		}
		if !w.interactive() || f.JSON {
			return exec.Answer{Choice: q.Safe, By: "nobody (no terminal)"}, nil
		}
		for {
			fmt.Fprintf(w.stdout, "%s [%s] (%s): ", q.Text, strings.Join(q.Choices, "/"), q.Safe)
			text, err := w.readLine(ctx)
			switch {
			case err != nil:
				return exec.Answer{}, err
			case text == "":
				return exec.Answer{Choice: q.Safe, By: w.by()}, nil
			}
			for _, c := range q.Choices {
				if strings.HasPrefix(c, text) {
					return exec.Answer{Choice: c, By: w.by()}, nil
				}
			}
			fmt.Fprintf(w.stdout, "Please answer one of: %s.\n", strings.Join(q.Choices, ", "))
		}
	}
}
