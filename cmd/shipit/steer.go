package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/lang/diag"
)

// A steerFlags names the run that a command from another terminal is about.
type steerFlags struct {
	ID string `arg:"" optional:"" name:"run" help:"The run, or the beginning of its id; if left out, the only one that is under way."`
}

type pauseCmd struct{ steerFlags }

func (c *pauseCmd) Help() string {
	return "What is in flight ends, and is checked; no new host starts until 'shipit continue'. After 12 h the run stops there.\n\n" + examples("shipit pause", "shipit pause 20150610T140203Z-3kq7")
}

func (c *pauseCmd) Run(w *world) error { return c.wish(w, journal.Intent{Do: string(exec.Pause)}) }

type continueCmd struct{ steerFlags }

func (c *continueCmd) Help() string {
	return "Goes on with a run that somebody, or the end of its deploy window, paused.\n\n" + examples("shipit continue", "shipit continue 20150610T140203Z-3kq7")
}

func (c *continueCmd) Run(w *world) error {
	return c.wish(w, journal.Intent{Do: string(exec.Continue)})
}

type abortCmd struct{ steerFlags }

func (c *abortCmd) Help() string {
	return "Like one Ctrl-C in the terminal of the run: the steps in flight end, nothing new starts, and the run asks what becomes of it.\n\n" + examples("shipit abort", "shipit abort 20150610T140203Z-3kq7")
}

func (c *abortCmd) Run(w *world) error { return c.wish(w, journal.Intent{Do: string(exec.Stop)}) }

type confirmCmd struct {
	steerFlags
	Batch  string `placeholder:"BATCH" help:"Only if the question is about this batch."`
	Choice string `placeholder:"CHOICE" help:"One of the choices of the question, which 'continue' is not always; without it, yes to going on after a batch."`
}

func (c *confirmCmd) Help() string {
	return "The first answer wins, whoever gives it.\n\n" + examples("shipit confirm", "shipit confirm 20150610T140203Z-3kq7 --batch canary", "shipit confirm --choice stop")
}

func (c *confirmCmd) Run(w *world) error {
	return c.wish(w, journal.Intent{Do: string(exec.Reply), Batch: c.Batch, Choice: c.Choice})
}

// wishAnswered is how long a run may take to answer a wish.
const wishAnswered = 30 * time.Second

// wish hands an intent to the process that drives the run and says what became
// of it.
func (c *steerFlags) wish(w *world, i journal.Intent) error {
	path, err := c.find(w)
	if err != nil {
		return err
	}
	i.By, i.Time = w.by(), w.now().UTC()
	n, err := journal.Intend(path, i)
	if err != nil {
		return err
	}
	ctx, stop := w.interruptible()
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, wishAnswered)
	defer cancel()
	for {
		rec, err := journal.Load(path)
		if err != nil {
			return err
		}
		for _, e := range rec.Events {
			switch {
			case e.Intent != n:
			case e.Type == event.Note:
				return errors.New(diag.CleanLine(e.Text))
			default:
				fmt.Fprintln(w.stdout, sentence(diag.CleanLine(e.Text)))
				return nil
			}
		}
		if last := len(rec.Events) - 1; last >= 0 && rec.Events[last].Type == event.RunFinished {
			return fmt.Errorf("run %s ended before it read this", rec.Header.Run)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("run %s did not answer within %s; 'shipit runs' says whether it is under way", rec.Header.Run, wishAnswered)
		case <-time.After(followEvery):
		}
	}
}

// find is the journal of the run that is meant, which must be under way.
func (c *steerFlags) find(w *world) (string, error) {
	if c.ID != "" {
		path, err := journal.Find(w.stateDir(), c.ID)
		if err == nil && !journal.Active(path) {
			err = fmt.Errorf("run %s is not under way; 'shipit resume' goes on with one that was interrupted", c.ID)
		}
		return path, err
	}
	runs, err := journal.List(w.stateDir())
	if err != nil {
		return "", err
	}
	var ids []string
	path := ""
	for _, r := range runs {
		if r.Active {
			ids, path = append(ids, r.Run), r.Path
		}
	}
	switch len(ids) {
	case 0:
		return "", errors.New("no run is under way here")
	case 1:
		return path, nil
	}
	return "", fmt.Errorf("%d runs are under way; name one of them: %s", len(ids), strings.Join(ids, ", "))
}

// followEvery is how often what others wrote is looked for.
const followEvery = 200 * time.Millisecond

// steered hands what others want of the run whose journal is at path to the
// process that drives it, until the returned func is called. What was wanted
// of an earlier process is over.
func (w *world) steered(path string) (<-chan exec.Control, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan exec.Control)
	seen := 0
	if old, err := journal.Intents(path); err == nil {
		seen = len(old)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(followEvery):
			}
			all, err := journal.Intents(path)
			if err != nil { // steering is lost, and the run goes on
				fmt.Fprintf(w.stderr, "shipit: %v; nobody else can steer this run any more\n", err)
				return
			}
			for ; seen < len(all); seen++ {
				i := all[seen]
				select {
				case out <- exec.Control{Do: exec.Wish(i.Do), By: i.By, Choice: i.Choice, Batch: i.Batch, Intent: i.N}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, func() { cancel(); <-over }
}
