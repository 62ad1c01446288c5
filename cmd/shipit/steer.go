package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

type abortCmd struct {
	steerFlags
	Choice string `placeholder:"CHOICE" enum:"rollback,leave," default:"" help:"What becomes of the run then: rollback or leave. Without it, the run asks, and a second abort says leave."`
}

func (c *abortCmd) Help() string {
	return "Like one Ctrl-C in the terminal of the run: the steps in flight end, nothing new starts, and the run asks what becomes of it. One that nobody sits before waits 5 minutes for that; then its hosts stay as they are.\n\n" + examples("shipit abort", "shipit abort 20150610T140203Z-3kq7 --choice rollback")
}

func (c *abortCmd) Run(w *world) error {
	return c.wish(w, journal.Intent{Do: string(exec.Stop), Choice: c.Choice})
}

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

// A hostOfRun names a host of a run. The run may be left out, as elsewhere.
type hostOfRun struct {
	Names []string `arg:"" name:"run host" help:"The run, which may be left out where one is under way, and the host."`
}

// split tells the run from the host.
func (c *hostOfRun) split() (steerFlags, string, error) {
	switch len(c.Names) {
	case 1:
		return steerFlags{}, c.Names[0], nil
	case 2:
		return steerFlags{ID: c.Names[0]}, c.Names[1], nil
	}
	return steerFlags{}, "", exit(exitUsage, errors.New("one host at a time: it is named after the run, or alone"))
}

type retryCmd struct{ hostOfRun }

func (c *retryCmd) Help() string {
	return "The host failed and is as it was, or was left out. Its slice opens once more before the next one starts. What its failure cost of a budget it costs still; a second failure costs no more.\n\n" + examples("shipit retry restbase1003", "shipit retry 20150610T140203Z-3kq7 restbase1003")
}

func (c *retryCmd) Run(w *world) error {
	run, host, err := c.split()
	if err != nil {
		return err
	}
	return run.wish(w, journal.Intent{Do: string(exec.Retry), Host: host})
}

type skipCmd struct{ hostOfRun }

func (c *skipCmd) Help() string {
	return "The host was not begun, and is not in this run. So not all hosts run the release: the run ends with 5. 'shipit retry' takes it in again.\n\n" + examples("shipit skip restbase1003", "shipit skip 20150610T140203Z-3kq7 restbase1003")
}

func (c *skipCmd) Run(w *world) error {
	run, host, err := c.split()
	if err != nil {
		return err
	}
	return run.wish(w, journal.Intent{Do: string(exec.Skip), Host: host})
}

// wishAnswered is how long a run may take to answer a wish.
const wishAnswered = 30 * time.Second

// wish hands an intent to the process that drives the run and says what became
// of it.
func (c *steerFlags) wish(w *world, i journal.Intent) error {
	ctx, places, err := w.openPlaces()
	if err != nil {
		return err
	}
	defer places.close()
	run, store, err := c.find(ctx, places)
	if err != nil {
		return err
	}
	after := int64(0) // what was recorded before is no answer
	if rec, err := store.Load(ctx, run); err == nil {
		after = rec.Last
	}
	i.By, i.Time = w.by(), w.now().UTC()
	n, err := store.Intend(ctx, run, i)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, wishAnswered)
	defer cancel()
	for ; ; wait(ctx, journal.LookEvery) {
		if ctx.Err() != nil {
			return fmt.Errorf("run %s did not answer within %s; 'shipit runs' says whether it is under way", run, wishAnswered)
		}
		alive, unsure := store.Alive(ctx, run) // before its last words are read
		more, err := store.Events(ctx, run, after)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, e := range more {
			switch {
			case e.Intent != n:
			case e.Type == event.Note:
				return errors.New(diag.CleanLine(e.Text))
			default:
				fmt.Fprintln(w.stdout, sentence(diag.CleanLine(e.Text)))
				return nil
			}
		}
		if finished(more) {
			return fmt.Errorf("run %s ended before it read this", run)
		}
		if len(more) > 0 {
			after = more[len(more)-1].Seq
			continue
		}
		if unsure == nil && !alive {
			return fmt.Errorf("the process of run %s ended before it answered this; 'shipit runs' says how", run)
		}
	}
}

// find is the run that is meant, which must be under way, and where its
// process hears of it.
func (c *steerFlags) find(ctx context.Context, p *places) (string, journal.Store, error) {
	if c.ID != "" {
		run, store, err := p.find(ctx, c.ID)
		if err != nil {
			return "", nil, err
		}
		if p.alive(run) {
			return run, p.dir, nil
		}
		alive, err := p.aliveAnywhere(ctx, run)
		if err == nil && !alive {
			err = fmt.Errorf("run %s is not under way; 'shipit resume' goes on with one that was interrupted", c.ID)
		}
		if p.shared != nil {
			store = p.shared
		}
		return run, store, err
	}
	active, err := p.active(ctx)
	switch {
	case err != nil:
		return "", nil, err
	case len(active) == 0:
		return "", nil, errNoneActive
	case len(active) > 1:
		return "", nil, severalActive(active)
	}
	run := active[0].Run
	if p.alive(run) {
		return run, p.dir, nil
	}
	return run, p.shared, nil
}

// active are the runs that are under way.
func (p *places) active(ctx context.Context) ([]journal.Summary, error) {
	runs, err := p.list(ctx)
	return slices.DeleteFunc(runs, func(s journal.Summary) bool { return !s.Active }), err
}

// alive tells whether a process of this machine drives the run.
func (p *places) alive(run string) bool { return journal.Active(p.dir.Path(run)) }

var errNoneActive = errors.New("no run is under way here")

func severalActive(active []journal.Summary) error {
	var ids []string
	for _, s := range active {
		ids = append(ids, s.Run)
	}
	return fmt.Errorf("%d runs are under way; name one of them: %s", len(ids), strings.Join(ids, ", "))
}

// followEvery is how often what others wrote is looked for.
const followEvery = 200 * time.Millisecond
