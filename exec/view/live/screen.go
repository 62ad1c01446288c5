package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/rollout"
	"shipit/exec/view"
)

// A Screen is how a person looks at a run: the terminal, the instant, and what
// the keys have brought about so far.
type Screen struct {
	Width, Height int
	Now           time.Time
	Look          Look
	Can           func(Action) string // why an action cannot be done here, "" where it can
	Replay        string              // how a recording is played, "" where it happens now

	Host   string // that was chosen, "" where none was
	Query  string // what is searched for among the hosts' names
	Notice string // the last that was said to the person

	mode   mode
	scroll int    // rows from the end of the log
	armed  bool   // an abort was asked for, and is to be asked for once more
	choice string // of the question, to be sent by Enter
}

// A mode is what the keys are about.
type mode int

const (
	run mode = iota
	help
	logs
	search
)

// The least of what a screen can be.
const (
	leastWidth  = 10
	leastHeight = 4
)

// Draw draws the state: Height rows of at most Width columns.
func (c *Screen) Draw(s *State) string { return c.Compose(s).String() }

// A Picture is what a state looks like, before it is made the text of a
// terminal. It does not need the state any more.
type Picture struct {
	rows  []line
	width int
	look  Look
}

// Compose is the part of Draw that looks at the state.
func (c *Screen) Compose(s *State) Picture {
	c.Width, c.Height = max(c.Width, leastWidth), max(c.Height, leastHeight)
	f := s.frame(c)
	bottom := f.bottom()
	rows := []line{f.header()}
	switch {
	case c.mode == help:
		rows = append(rows, f.help()...)
	case c.mode == logs:
		rows = append(rows, f.sentence(1)...)
		rows = append(rows, f.log(c.Height-len(rows)-len(bottom))...)
	default:
		rows = append(rows, f.run(c.Height-len(rows)-len(bottom))...)
	}
	rows = rows[:min(len(rows), c.Height-len(bottom))]
	for len(rows) < c.Height-len(bottom) {
		rows = append(rows, nil)
	}
	return Picture{append(rows, bottom...), c.Width, c.Look}
}

// String is the picture as text.
func (p Picture) String() string {
	var b strings.Builder
	for i, l := range p.rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.look.render(l, p.width))
	}
	return b.String()
}

// From how many rows on there is room to breathe.
const (
	roomy   = 20
	cramped = 8
)

// run is the parts of the main screen in so many rows.
func (f *frame) run(rows int) []line {
	height := f.c.Height
	lines := 1
	if height > cramped {
		lines = 2
	}
	out := f.sentence(lines)
	if height >= cramped {
		out = append(out, f.strip(), f.counts())
	}
	gap := func() {
		if height >= roomy {
			out = append(out, nil)
		}
	}
	gap()
	left := rows - len(out)
	failures := f.failures(max(left/3, 1))
	events := 0
	if height >= roomy {
		events = 3
	}
	grid := f.grid(max(1, left-len(failures)-events-2))
	out = append(out, grid...)
	if len(grid) < len(f.hosts) {
		out = append(out, f.chosen()...)
	}
	if len(f.s.failures) > 0 {
		gap()
		out = append(out, f.failures(max(len(failures), (rows-len(out))-events-1))...)
	}
	gap()
	return append(out, f.events(rows-len(out))...)
}

// failures are the hosts that went wrong, the newest first, with the last of
// what they said.
func (f *frame) failures(rows int) []line {
	var names []string
	for _, name := range slices.Backward(f.s.failures) {
		names = append(names, name)
	}
	if len(names) == 0 || rows <= 0 {
		return nil
	}
	shown := min(len(names), rows)
	more := len(names) > shown
	if more && shown > 1 {
		shown--
	}
	details := (rows - shown) / shown
	var out []line
	for _, name := range names[:shown] {
		h := f.hosts[slices.IndexFunc(f.hosts, func(h rollout.Host) bool { return h.Name == name })]
		m := f.markOf(h)
		why := view.Why(h)
		if h.At != "" {
			why += " (" + h.At + ")"
		}
		out = append(out, line{{m.sign + " ", m.tone}, {name, strong}, {"  " + m.word + ": " + why, m.tone}})
		for _, d := range h.Detail[max(0, len(h.Detail)-details):] {
			out = append(out, text("    | "+d, plain))
		}
	}
	if more && len(out) < rows {
		out = append(out, text(fmt.Sprintf("  and %d more that failed; l shows the log of the chosen host", len(names)-shown), bad))
	}
	return out
}

// events are the last changes of state, the newest at the end.
func (f *frame) events(rows int) []line {
	if rows <= 0 {
		return nil
	}
	var out []line
	for _, e := range newest(f.s.said, rows) {
		out = append(out, said(e, ""))
	}
	return out
}

// said is an event in a row. What stands in front may be left out.
func said(e event.Event, host string) line {
	t := plain
	switch e.Type {
	case event.HostFailed, event.StepFailed, event.HookFailed, event.GateRefused, event.LockLost:
		t = bad
	case event.Aborted, event.Halted, event.RollingBack, event.Paused, event.Asked:
		t = warn
	case event.BatchStarted:
		t = strong
	}
	return line{{clock(e.Time) + "  ", faint}, {view.Alone(e.Text, host), t}}
}

// log is what a host said, the newest at the end unless somebody scrolled.
func (f *frame) log(rows int) []line {
	i := f.focus()
	if i < 0 {
		return []line{text("No host is chosen; arrows choose one, Esc goes back.", warn)}
	}
	h := f.hosts[i]
	m := f.markOf(h)
	head := line{{m.sign + " " + h.Name, chosen}, {"  " + m.word + "  ", m.tone}, {f.about(h), plain}}
	var all []line
	events := newest(f.s.hosts[h.Name].said, mostOfHost)
	for i, e := range events {
		if e.Type == event.HostFailed && i > 0 && events[i-1].Type == event.StepFailed {
			continue // which said the same
		}
		l := said(e, h.Name)
		if e.Type == event.StepDone {
			l = append(l, piece{": ok", good})
		}
		all = append(all, l)
		for _, d := range e.Detail {
			all = append(all, text("          | "+d, plain))
		}
	}
	rows = max(1, rows-1)
	f.c.scroll = min(f.c.scroll, max(0, len(all)-rows))
	end := len(all) - f.c.scroll
	return append([]line{head}, all[max(0, end-rows):end]...)
}

// bottom is what is asked or said to the person, and the keys.
func (f *frame) bottom() []line {
	var out []line
	if q := f.s.asked; q != nil && f.c.mode != help {
		l := line{{"? ", warn}}
		for i, choice := range q.Choices {
			t := strong
			if choice == f.c.choice {
				t = chosen
			}
			l = append(l, piece{fmt.Sprintf("%d %s", i+1, choice), t}, piece{"   ", plain})
		}
		how := "a number chooses, Enter answers"
		if f.s.confirmable() {
			how += "; y says " + q.Choices[0]
		}
		if f.c.choice != "" {
			how = "Enter answers " + f.c.choice + ", Esc does not"
		}
		out = append(out, append(l, piece{how, faint}))
	}
	switch {
	case f.c.mode == search:
		out = append(out, line{{"/" + f.c.Query, strong}, {"   Enter keeps it, Esc forgets it", faint}})
	case f.c.armed:
		out = append(out, text("Press a again to abort: what is in flight ends, no new host starts.", warn))
	case f.c.Notice != "":
		out = append(out, text(f.c.Notice, warn))
	}
	out = append(out, f.keys())
	return out[max(0, len(out)-f.c.Height+2):]
}
