package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"time"

	"shipit/exec"
	"shipit/exec/journal"
	"shipit/exec/plan"
)

// orders are what a detached process is told, on its standard input: what
// was decided by the command that started it. So nothing of it stands in the
// list of processes, and nothing is asked twice.
type orders struct {
	Run      string // the first of the runs, or the one that goes on
	After    int64  // the last event of a run that goes on
	Color    string
	State    string
	Resume   *resumeCmd      // the run goes on
	Plans    json.RawMessage // or these are applied
	Roots    []string        // of their definitions
	Outsides []string        // why each is applied outside of its windows
	SSH      sshFlags
	Values   valueFlags
	Flags    runFlags
}

// detach starts a process that applies the plans.
func (f *runFlags) detach(w *world, all *allPlanned, stop func()) error {
	set := all.set()
	data, err := plan.EncodeSet(set)
	if err != nil {
		return err
	}
	id, err := journal.NewRunID(w.now(), rand.Reader)
	if err != nil {
		return err
	}
	flags := *f
	flags.Detach, flags.JSON = false, false
	o := orders{Run: id, Plans: data, SSH: all.pool.flags, Values: all.values, Flags: flags}
	for _, p := range all.plans {
		o.Roots, o.Outsides = append(o.Roots, p.root), append(o.Outsides, p.outside)
	}
	places, err := w.places(all.plans[0].state)
	if err != nil {
		return fmt.Errorf("%w; nothing was started", err)
	}
	defer places.close()
	all.pool.close() // the other process has its own connections
	return w.depart(o, places.dir, stop)
}

// depart starts the detached process and waits until its run has begun, or
// until it ends before. What it says until then is said here, too.
func (w *world) depart(o orders, dir journal.Dir, stop func()) error {
	o.Color, o.State = w.color, w.state
	told, err := json.Marshal(o)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	log, err := journal.OpenLog(string(dir), o.Run)
	if err != nil {
		return err
	}
	defer log.Close()
	heard, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("cannot write the log of the run: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot start the run: %w", err)
	}
	cmd := &osexec.Cmd{
		Path: self, Args: []string{"shipit", "__detached", o.Run}, Env: w.environ,
		Stdin: strings.NewReader(string(told)), Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	signals, over := w.interruptible()
	defer over()
	stop() // from here on an interrupt is for the run, too
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the run: %w", err)
	}
	d := &departure{w: w, pid: cmd.Process.Pid, log: log.Name(), heard: heard, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		d.code = cmd.ProcessState.ExitCode()
		close(d.ended)
	}()
	return d.await(signals, journal.Follow(dir, o.Run, o.After))
}

// A departure is a detached process until its run has begun.
type departure struct {
	w     *world
	pid   int
	log   string
	heard int64 // of its log
	ended chan struct{}
	code  int // once it has ended
}

// await waits until the run says that it has begun. An interrupt is handed on:
// before that nothing has changed, and nothing will.
func (d *departure) await(signals context.Context, seen *journal.Follower) error {
	interrupts := signals.Done()
	for {
		select {
		case <-interrupts:
			interrupts = nil
			_ = syscall.Kill(d.pid, syscall.SIGINT)
		case <-d.ended:
			d.listen()
			if begun, _ := seen.More(context.Background()); len(begun) == 0 { // it has said why
				return exit(d.code, nil)
			}
			return d.gone(seen)
		case <-time.After(followEvery):
		}
		d.listen()
		if begun, err := seen.More(context.Background()); err == nil && len(begun) > 0 {
			return d.gone(seen)
		}
	}
}

// listen says what the process has said since the last time.
func (d *departure) listen() {
	f, err := os.Open(d.log)
	if err != nil {
		return
	}
	defer f.Close()
	n, _ := io.Copy(d.w.stderr, io.NewSectionReader(f, d.heard, 1<<40))
	d.heard += n
}

// gone says what can be typed about a run that goes on by itself.
func (d *departure) gone(seen *journal.Follower) error {
	run := seen.Run()
	if d.w.json.wanted {
		return writeJSON(d.w.stdout, map[string]any{"type": "detached", "run": run, "pid": d.pid, "log": d.log})
	}
	fmt.Fprintf(d.w.stdout, "\nRun %[1]s goes on by itself, as process %[2]d.\nWatch it:       shipit attach %[1]s\nStop it:        shipit abort %[1]s\nIts words:      %[3]s\n",
		run, d.pid, pretty(d.log))
	return nil
}

// detachedCmd is what a detached process runs.
type detachedCmd struct {
	ID string `arg:"" name:"run"`
}

func (*detachedCmd) Run(w *world) error {
	var o orders
	if err := json.NewDecoder(w.stdin).Decode(&o); err != nil {
		return fmt.Errorf("cannot read what to do: %w", err)
	}
	w.color, w.state, w.applies = o.Color, o.State, true
	w.away.begin()
	if o.Resume != nil {
		return o.Resume.Run(w)
	}
	set, err := plan.DecodeSet(o.Plans)
	if err != nil {
		return fmt.Errorf("cannot apply the plan: %w", err)
	}
	ctx, stop := w.interruptible()
	defer stop()
	f := definitionFlags{valueFlags: o.Values}
	all := &allPlanned{pool: o.SSH.dial(w)}
	defer all.pool.close()
	for i, p := range set.Plans {
		pd, err := f.restore(ctx, w, o.Roots[i], p, true)
		if err != nil {
			return staleSaid(err, "the plan is stale: %w; nothing was changed. Plan again")
		}
		pd.outside = o.Outsides[i]
		pd.fleet = all.pool.fleet(exec.QuestionsOf(pd.plan, pd.root))
		all.plans = append(all.plans, pd)
	}
	all.plans[0].run = o.Run
	return o.Flags.runAll(ctx, w, all, stop)
}
