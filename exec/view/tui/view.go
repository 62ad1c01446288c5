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

	closed bool     // for good
	now    *showing // the last one

	before *term.State   // of the terminal
	left   chan struct{} // closed once it is not, or no longer, open
	once   sync.Once
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
	v.before = before
	m := newModel(v)
	first := v.begin(m)
	go v.show(m, first)
	return nil
}

// A showing is a time in the foreground: a program of Bubble Tea's own, because
// its way of giving a terminal back for a while is a data race.
type showing struct {
	program *tea.Program
	drawn   chan struct{} // closed with the first frame
	done    chan struct{} // closed at the end
}

// begin starts to show the model; nil after Close.
func (v *View) begin(m *model) *showing {
	profile := colorprofile.ASCII
	if v.o.Look.Color {
		profile = colorprofile.ANSI // the sixteen colours that every theme has made readable
	}
	s := &showing{drawn: make(chan struct{}), done: make(chan struct{})}
	s.program = tea.NewProgram(m,
		tea.WithInput(v.o.In), tea.WithOutput(&output{File: v.o.Out, drawn: s.drawn}), tea.WithEnvironment(v.o.Environ),
		tea.WithColorProfile(profile), tea.WithFPS(fps), tea.WithoutSignalHandler())
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil
	}
	v.open, v.now = true, s
	go func() {
		defer close(s.done)
		_, err := s.program.Run()
		v.mu.Lock()
		defer v.mu.Unlock()
		v.err = err
	}()
	return s
}

// show sees the model to its end, through the times in which the process is
// stopped. In the background it ends: to set the modes of a terminal that is
// the shell's would stop the process again, or spoil them; the run goes on in
// lines.
func (v *View) show(m *model, s *showing) {
	defer v.over()
	stops, end := watchStops()
	defer end()
	for s != nil {
		select {
		case <-s.done:
			return
		case <-stops:
			v.quit(s)
			stop()
			if !v.foreground() {
				return
			}
			s = v.begin(m)
		}
	}
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

// quit ends a showing and gives the terminal back; a terminal that takes
// nothing keeps nobody.
func (v *View) quit(s *showing) {
	late := time.After(patience)
	select { // a program that quits before its first frame leaves that frame behind
	case <-s.drawn:
	case <-s.done:
	case <-late:
	}
	go s.program.Quit()
	select {
	case <-s.done:
	case <-late:
		v.Rescue()
	}
}

// Close gives the terminal back. It may be called again, and from anywhere.
func (v *View) Close() {
	v.mu.Lock()
	v.closed = true
	open, s := v.open, v.now
	v.mu.Unlock()
	if open {
		v.quit(s)
	}
	v.over()
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
