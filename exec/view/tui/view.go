// Package tui shows a run on a terminal: the shell around package live, which
// draws, and Bubble Tea, which knows terminals. Nothing that it does reaches
// the run: events are folded into a bounded state in passing, the screen is
// drawn from that ten times a second at most, and a terminal that takes
// nothing only keeps its own goroutine waiting.
package tui

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/view/live"
)

// Actions do what keys ask for.
type Actions interface {
	// Can tells why an action cannot be done here, "" where it can.
	Can(live.Action) string
	// Do does it, or hands it to whoever will; what becomes of it is an event.
	Do(live.Wish) error
}

// Options are the terminal and who sits before it.
type Options struct {
	In, Out *os.File
	Environ []string
	Look    live.Look
	Now     func() time.Time // of the run that is shown
	By      string           // whose keys these are
	Actions Actions
	Replay  string // how a recording is played, "" where it happens now
}

// A View is a run on a terminal, or one that could be: it takes in events
// before it is opened and after it was left. It is an event.Sink.
type View struct {
	o Options

	mu     sync.Mutex
	state  *live.State
	notice string // not shown yet
	dirty  bool
	open   bool
	err    error // why it was lost

	program *tea.Program
	before  *term.State   // of the terminal
	drawn   chan struct{} // closed once something was
	left    chan struct{} // closed once it is not, or no longer, open
	once    sync.Once
}

// New is a view of a run of p that nobody sees yet.
func New(p *plan.Plan, run string, o Options) *View {
	return &View{o: o, state: live.New(p, run), left: make(chan struct{})}
}

// Append takes in what happened. It never waits for the terminal.
func (v *View) Append(e event.Event) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Apply(e)
	v.dirty = true
	if e.Intent != 0 && e.By == v.o.By {
		v.notice = e.Text
	}
	return nil
}

// Tell shows a line that is no event: a warning of the program.
func (v *View) Tell(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notice, v.dirty = text, true
}

// Past takes in what happened before this process: it is not told again.
func (v *View) Past(events []event.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Past(events)
}

// Sentence says what the run is at and until when.
func (v *View) Sentence(now time.Time) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.Sentence(now)
}

// Kept are the events that decided where the run went.
func (v *View) Kept() []event.Event {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.Kept()
}

// Left is closed once the screen is not, or no longer, open.
func (v *View) Left() <-chan struct{} { return v.left }

// Shown tells whether the screen is open.
func (v *View) Shown() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open
}

// fps is how often a screen is drawn at most.
const fps = 10

// Open takes the terminal over, until Close or until the person leaves.
func (v *View) Open() error {
	before, err := term.GetState(int(v.o.In.Fd()))
	if err != nil {
		return fmt.Errorf("cannot use the terminal: %w", err)
	}
	profile := colorprofile.ASCII
	if v.o.Look.Color {
		profile = colorprofile.ANSI // the sixteen colours that every theme has made readable
	}
	v.before, v.drawn = before, make(chan struct{})
	v.program = tea.NewProgram(newModel(v),
		tea.WithInput(v.o.In), tea.WithOutput(&output{File: v.o.Out, drawn: v.drawn}), tea.WithEnvironment(v.o.Environ),
		tea.WithColorProfile(profile), tea.WithFPS(fps), tea.WithoutSignalHandler())
	v.mu.Lock()
	v.open = true
	v.mu.Unlock()
	stop := v.watchStops()
	go func() {
		_, err := v.program.Run()
		stop()
		v.mu.Lock()
		v.err = err
		v.mu.Unlock()
		v.over()
	}()
	return nil
}

// over notes that the screen is not open any more.
func (v *View) over() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = false
	v.once.Do(func() { close(v.left) })
}

// Err is why the screen was lost, nil where it was left.
func (v *View) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// patience bounds how long the end of a program waits for its terminal.
const patience = 2 * time.Second

// Close gives the terminal back. It may be called again, and from anywhere.
func (v *View) Close() {
	if v.program == nil || !v.Shown() {
		v.over()
		return
	}
	late := time.After(patience)
	select { // a program that quits before its first frame leaves that frame behind
	case <-v.drawn:
	case <-v.left:
	case <-late:
	}
	go v.program.Quit()
	select {
	case <-v.left:
	case <-late:
		v.Rescue()
		v.over()
	}
}

// An output is the terminal to which a frame is written.
type output struct {
	*os.File
	once  sync.Once
	drawn chan struct{}
}

// Write tells of the first frame: it is what takes the other screen.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.File.Write(p)
	if bytes.Contains(p, []byte("\x1b[?1049h")) {
		o.once.Do(func() { close(o.drawn) })
	}
	return n, err
}

// Rescue gives the terminal back at once, whatever the screen is at: for a
// program that ends now.
func (v *View) Rescue() {
	if v.before == nil || !v.Shown() {
		return
	}
	given := make(chan struct{})
	go func() { // a terminal that takes nothing keeps nobody
		defer close(given)
		_ = term.Restore(int(v.o.In.Fd()), v.before)
		_, _ = v.o.Out.WriteString(Reset)
	}()
	select {
	case <-given:
	case <-time.After(patience):
	}
}

// Reset takes back what a screen asked of a terminal: enhanced keys, pasting,
// synchronized output, the other screen, the hidden cursor, colours.
const Reset = "\x1b[<u\x1b[>4;0m\x1b[?2004l\x1b[?2026l\x1b[?1049l\x1b[?25h\x1b[0m\r"
