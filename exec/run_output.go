package exec

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/lang/diag"
)

// How much is taken of what commands print: so many lines a second of each
// host, and some at once before that counts; so many bytes of a line; and so
// many bytes of all that the journal has not taken yet. What is more is left
// out, and counted. ADR 12 says why.
const (
	printedRate  = 50
	printedBurst = 500
	printedLine  = 2 << 10
	printedQueue = 4 << 20
	printedEvery = 200 * time.Millisecond
)

// printed is what commands printed and the journal has not got yet. Who
// prints never waits for it.
type printed struct {
	mu    sync.Mutex
	lines []event.Event
	size  int
	hosts map[string]*printer
	order []string // of hosts, as they came
	some  chan struct{}
	full  bool // the journal has no room for such lines, and this was said
}

// A printer is what prints: a host, or what runs here, which is "".
type printer struct {
	left  float64 // lines that it may print now
	since time.Time
	shut  bool        // until it may print as much as in a second
	last  event.Event // that was left out, without its text
	out   int         // how many lines were left out since that was said
	told  time.Time
}

func newPrinted() *printed {
	return &printed{hosts: map[string]*printer{}, some: make(chan struct{}, 1)}
}

// add takes a line, as it is recorded but for its number.
func (p *printed) add(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[e.Host]
	if h == nil {
		h = &printer{left: printedBurst, since: e.Time, told: e.Time}
		p.hosts[e.Host], p.order = h, append(p.order, e.Host)
	}
	h.left = min(printedBurst, h.left+e.Time.Sub(h.since).Seconds()*printedRate)
	h.since = e.Time
	h.shut = h.left < 1 || h.shut && h.left < printedRate // lines of a burst stay together
	if h.shut || p.size+len(e.Text) > printedQueue {
		h.out++
		h.last = e
		p.wake()
		return
	}
	p.count(h)
	h.left--
	p.put(e)
}

// count puts in how many lines of a printer were left out.
func (p *printed) count(h *printer) {
	if h.out == 0 {
		return
	}
	e := h.last
	e.Dropped, e.Level = h.out, ""
	lines := "lines"
	if h.out == 1 {
		lines = "line"
	}
	e.Text = fmt.Sprintf("… %s %s left out", thousands(h.out), lines)
	h.out, h.told = 0, e.Time
	p.put(e)
}

func (p *printed) put(e event.Event) {
	p.lines = append(p.lines, e)
	p.size += len(e.Text) + 100
	p.wake()
}

func (p *printed) wake() {
	select {
	case p.some <- struct{}{}:
	default:
	}
}

// ends puts in what was left out of a host's step that has ended.
func (p *printed) ends(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.hosts[host]; h != nil {
		p.count(h)
	}
}

// take gives all lines. What was left out is said once a second, and at the
// end of all.
func (p *printed) take(now time.Time, end bool) []event.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.order {
		if h := p.hosts[name]; end || now.Sub(h.told) >= time.Second {
			p.count(h)
		}
	}
	out := p.lines
	p.lines, p.size = nil, 0
	return out
}

// thousands is a number as people read it: 4,312.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// print records a raw line; e is its host, phase and step.
func (r *run) print(e event.Event, raw string) {
	e.Type, e.Time = event.Output, r.now()
	for line := range strings.SplitSeq(diag.Clean(r.redacted(raw)), "\n") {
		e.Text = shortened(line)
		e.Level = event.LevelOfLine(e.Text)
		if e.Level == event.Info {
			e.Level = ""
		}
		r.printed.add(e)
	}
}

// shortened is a clean line that is not longer than one may be.
func shortened(line string) string {
	if len(line) <= printedLine {
		return line
	}
	const mark = " … (line cut)"
	return strings.ToValidUTF8(line[:printedLine], "") + mark
}

// A spareSink is a journal that may have no room for what is only good to have.
type spareSink interface{ Spare() bool }

// wasPrinted gives what the journal should take of what was printed: nothing
// before the run has begun, and nothing where the journal has no room.
func (r *run) wasPrinted(now time.Time, end bool) []event.Event {
	if r.seq == 0 || r.journal != nil {
		return nil
	}
	lines := r.printed.take(now, end)
	if len(lines) == 0 {
		return nil
	}
	if s, ok := r.o.Journal.(spareSink); ok && !s.Spare() {
		if r.printed.full {
			return nil
		}
		r.printed.full = true
		return []event.Event{{Type: event.Note, Text: "the journal has no room for more of what commands print; of what fails, the last lines are kept"}}
	}
	return lines
}

// A teller hands on lines as they are written.
type teller struct {
	tell func(string)
	rest []byte
	skip bool // the rest of a line that was too long
}

var _ io.Writer = (*teller)(nil)

func (t *teller) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		text, whole := strings.CutSuffix(line, "\n")
		if room := 4*printedLine - len(t.rest); !t.skip {
			t.rest = append(t.rest, text[:min(len(text), room)]...)
			t.skip = len(text) > room
		}
		if whole {
			t.tell(string(t.rest))
			t.rest, t.skip = t.rest[:0], false
		}
	}
	return len(p), nil
}

// end hands on a last line that has no end.
func (t *teller) end() {
	if len(t.rest) > 0 {
		t.tell(string(t.rest))
	}
	t.rest = nil
}
