package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"shipit/exec"
)

// An input hands out the lines of standard input, one to each question. One
// goroutine reads, and only while a line is wanted: a question that nobody
// answered leaves no second reader behind, which would take the answer of the
// next, and none reads what is typed for a screen.
type input struct {
	once  sync.Once
	lines chan string // closed at the end
	want  chan struct{}
	owed  atomic.Bool // a line was wanted and did not come yet
}

// open tells whether a question that was given up still waits for its line.
func (in *input) open() bool { return in.owed.Load() }

func (in *input) from(r io.Reader) <-chan string {
	in.once.Do(func() {
		in.lines, in.want = make(chan string), make(chan struct{}, 1)
		go func() {
			defer close(in.lines)
			s := bufio.NewScanner(r)
			for range in.want {
				if !s.Scan() {
					return
				}
				in.lines <- strings.TrimSpace(s.Text())
			}
		}()
	})
	if !in.owed.Swap(true) {
		in.want <- struct{}{}
	}
	return in.lines
}

var errNoAnswer = errors.New("there was no answer")

// readLine reads an answer; ctx ends the wait.
func (w *world) readLine(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case text, ok := <-w.answers.from(w.stdin):
		w.answers.owed.Store(false)
		if !ok {
			return "", errNoAnswer
		}
		return text, nil
	}
}

// asker asks a run's questions on the terminal; the views have told what the
// question is. Without a terminal --yes and --confirm say yes to a batch, which
// otherwise waits for 'shipit confirm' until its time is up; everything else
// gets the safe answer, unless the run was detached and so waits as well.
func (f *runFlags) asker(w *world, seen *watching) func(context.Context, exec.Prompt) (exec.Answer, error) {
	return func(ctx context.Context, q exec.Prompt) (exec.Answer, error) {
		switch {
		case f.Yes && q.Batch != "":
			return exec.Answer{Choice: q.Choices[0], By: w.by() + " (--yes)"}, nil
		case slices.Contains(f.Confirm, q.Batch) && q.Batch != "":
			return exec.Answer{Choice: q.Choices[0], By: w.by() + " (--confirm)"}, nil
		case w.interactive() && !f.JSON:
		case q.Batch != "" || w.away.begun(): // somebody may answer from elsewhere
			<-ctx.Done()
			return exec.Answer{}, ctx.Err()
		default:
			return exec.Answer{Choice: q.Safe, By: "nobody (no terminal)"}, nil
		}
		select {
		case <-ctx.Done():
			return exec.Answer{}, ctx.Err()
		case <-seen.screen.Left(): // until then it is asked there
		}
		if w.away.begun() {
			<-ctx.Done()
			return exec.Answer{}, ctx.Err()
		}
		fmt.Fprintf(w.stdout, "\n%s\n", sentence(q.Text))
		for {
			fmt.Fprintf(w.stdout, "Answer %s (%s): ", orList(q.Choices), q.Safe)
			text, err := w.readLine(ctx)
			switch {
			case err != nil:
				return exec.Answer{}, err
			case text == "":
				return exec.Answer{Choice: q.Safe, By: w.by()}, nil
			}
			for _, c := range q.Choices {
				if strings.HasPrefix(c, strings.ToLower(text)) {
					return exec.Answer{Choice: c, By: w.by()}, nil
				}
			}
		}
	}
}

// sentence begins with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
