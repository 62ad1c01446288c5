package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/exec/view/live"
	"shipit/exec/view/tui"
)

// plainFlag is the choice of whoever wants lines on a terminal, too.
type plainFlag struct {
	Plain bool `help:"Print lines instead of a screen with keys, as without a terminal, in CI and with SHIPIT_PLAIN=1."`
}

// screened tells whether a run is shown on a screen with keys.
func (f plainFlag) screened(w *world) bool {
	terminal := w.getenv("TERM")
	return !f.Plain && w.interactive() && terminal != "" && terminal != "dumb" && w.getenv("SHIPIT_PLAIN") == "" && !w.answers.open()
}

// screenOf is a screen for a run of p that is not open yet.
func (w *world) screenOf(p *plan.Plan, run string, o tui.Options) *tui.View {
	o.In, o.Out, o.Environ, o.By = os.Stdin, os.Stdout, w.environ, w.by()
	o.Look = live.Look{Color: w.style().Color, ASCII: !w.utf8()}
	return tui.New(p, run, o)
}

// utf8 tells whether the terminal shows more than ASCII.
func (w *world) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := w.getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// show opens a screen. What the program writes meanwhile is told there, and
// printed once it is left, and then whatever after prints. The returned func
// leaves it; it may be called again.
func (w *world) show(v *tui.View, after func()) func() {
	w.screen.hold(v.Tell)
	guard := newGuard()
	rescue := v.Rescue
	w.rescue.Store(&rescue)
	if err := v.Open(); err != nil {
		v.Close()
	}
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		<-v.Left()
		w.rescue.Store(nil)
		guard.dismiss()
		w.screen.let()
		after()
	}()
	return func() {
		v.Close()
		<-printed
	}
}

// A diversion holds back what is written to a terminal while a screen is open
// on it.
type diversion struct {
	mu   sync.Mutex
	tell func(string) // nil where nothing is held back
	held []func()
}

// mostHeld is how many writes are kept; a screen is no place for a flood.
const mostHeld = 1000

// A diverted writer is one of those that a diversion holds back.
type diverted struct {
	d  *diversion
	to io.Writer
}

func (o diverted) Write(p []byte) (int, error) {
	o.d.mu.Lock()
	defer o.d.mu.Unlock()
	if o.d.tell == nil {
		return o.to.Write(p)
	}
	text := string(p)
	if len(o.d.held) < mostHeld {
		o.d.held = append(o.d.held, func() { _, _ = io.WriteString(o.to, text) })
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			o.d.tell(line)
		}
	}
	return len(p), nil
}

func (d *diversion) hold(tell func(string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell = tell
}

// let writes what was held back, and whatever comes.
func (d *diversion) let() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, write := range d.held {
		write()
	}
	d.tell, d.held = nil, nil
}

// A watching is how this process shows a run.
type watching struct {
	views  event.Sink
	screen *tui.View // that may be opened; nil with --json
	leave  func()    // closes it
	lines  *view.Lines
}

// watch makes the readers of a run, and keys is what theirs bring about.
func (f *runFlags) watch(w *world, p *plan.Plan, id string, keys tui.Actions) (*watching, error) {
	if f.JSON {
		return &watching{views: event.Views{}, leave: func() {}}, nil
	}
	v := w.screenOf(p, id, tui.Options{Now: w.now, Actions: keys})
	lines := view.NewLines(unseen{v, w.stdout}, w.style())
	lines.Verbose, lines.Asking = f.Verbose, w.interactive()
	return &watching{views: event.Views{v, lines}, screen: v, lines: lines, leave: v.Close}, nil
}

// An unseen writer drops what is written while a screen shows the same.
type unseen struct {
	v  *tui.View
	to io.Writer
}

func (u unseen) Write(p []byte) (int, error) {
	if u.v.Shown() {
		return len(p), nil
	}
	return u.to.Write(p)
}

// open opens the screen, if one is wanted.
func (o *watching) open(w *world, f *runFlags) {
	if o.screen == nil {
		return
	}
	if !f.screened(w) || f.Verbose {
		o.screen.Close()
		return
	}
	o.leave = w.show(o.screen, func() { o.last(w) })
}

// last prints what decided the run, which a screen took with it.
func (o *watching) last(w *world) {
	if err := o.screen.Err(); err != nil {
		fmt.Fprintf(w.stderr, "warning: the screen was lost, lines are printed from here on: %v\n", err)
	}
	kept := o.screen.Kept()
	if len(kept) == 0 {
		return
	}
	fmt.Fprintln(w.stdout)
	lines := view.NewLines(w.stdout, w.style())
	for _, e := range kept {
		_ = lines.Append(e)
	}
}

// steering hands what keys ask for to the run, as `shipit pause` and the like
// do from another terminal.
type steering struct {
	w     *world
	store journal.Store
	run   string
	leave func() // leaves the terminal; nil where the run cannot
}

// wishes are the actions that a run understands.
var wishes = map[live.Action]exec.Wish{
	live.Pause: exec.Pause, live.Continue: exec.Continue, live.Answer: exec.Reply, live.Abort: exec.Stop, live.Retry: exec.Retry, live.Skip: exec.Skip,
}

// Can tells why an action cannot be done.
func (s *steering) Can(a live.Action) string {
	switch a {
	case live.Leave, live.Interrupt, live.Suspend:
		return ""
	case live.Detach:
		if s.leave == nil {
			return "the shell waits for the process of the run; stop it with Ctrl-Z and type bg, and it goes on"
		}
		return ""
	}
	if wishes[a] == "" {
		return "a run cannot be told that while it is under way"
	}
	return ""
}

// handIn bounds how long a key's wish may take to be written down.
const handIn = 5 * time.Second

// Do writes down what is wished.
func (s *steering) Do(wish live.Wish) error {
	if wish.Do == live.Detach {
		s.leave()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), handIn)
	defer cancel()
	_, err := s.store.Intend(ctx, s.run, journal.Intent{
		Do: string(wishes[wish.Do]), By: s.w.by(), Time: s.w.now().UTC(), Choice: wish.Choice, Batch: wish.Batch, Host: wish.Host,
	})
	return err
}

// begin shows what was recorded of a run before, opens the screen or rings the
// lines' heartbeat, until the returned func is called.
func (o *watching) begin(w *world, f *runFlags, past []event.Event) func() {
	if o.screen == nil {
		return func() {}
	}
	o.screen.Past(past)
	o.open(w, f)
	stop := make(chan struct{})
	go func() {
		t := time.NewTicker(2 * time.Second)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				now := w.now()
				o.lines.Heartbeat(now, func() string { return o.screen.Sentence(now) })
			}
		}
	}()
	return func() {
		close(stop)
		o.leave()
	}
}
