package remote

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A watch follows what a command says, passes it on, and judges its end.
type watch struct {
	cmd     Command
	split   *splitter
	started chan struct{} // closed at the first frame
	ready   chan struct{} // closed when the host asks for data
	over    chan struct{} // closed when the script says how it ends
	idle    chan struct{} // closed when the shell waits for another script
	eof     chan struct{} // closed at the end of output
	quiet   chan struct{} // closed at the end of standard error

	mu      sync.Mutex
	read    int64 // bytes of output
	muted   bool
	hello   bool
	asked   bool
	step    string // that began last
	begun   int
	ended   int
	failed  *StepError
	fenced  string // "lost", "busy"
	left    string // processes that could not be ended
	bad     string // a frame that makes no sense
	code    int    // what the script says it exits with; valid after over
	isOver  bool
	isIdle  bool
	tail    tail // of the current step's output
	strange tail // output before the first frame
}

func newWatch(cmd Command, nonce string) *watch {
	w := &watch{
		cmd:     cmd,
		started: make(chan struct{}), ready: make(chan struct{}),
		over: make(chan struct{}), idle: make(chan struct{}), eof: make(chan struct{}), quiet: make(chan struct{}),
	}
	w.split = newSplitter(nonce, w.frame, w.line)
	return w
}

// output takes what came of output, and its end.
func (w *watch) output(b []byte, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read += int64(len(b))
	w.split.Write(b)
	if end {
		w.split.flush()
		close(w.eof)
	}
}

// noise takes what a login shell says on standard error, which the script
// itself never uses, and its end. The last of it is kept.
func (w *watch) noise(b []byte, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(string(b)) {
		w.stranger(strings.TrimSuffix(line, "\n"))
	}
	if end {
		close(w.quiet)
	}
}

// readAll reads r to its end and hands on what it gives.
func readAll(r io.Reader, size int, take func(b []byte, end bool)) {
	buf := make([]byte, size)
	for {
		n, err := r.Read(buf)
		take(buf[:n], err != nil)
		if err != nil {
			return
		}
	}
}

// How much is read at once of output and of standard error.
const (
	outputRead = 8 << 10 // two buffers of each host are held for the whole run
	noiseRead  = 4 << 10
)

// stranger takes a line that is not of the script, with mu held.
func (w *watch) stranger(text string) {
	w.strange.add(text)
	if w.cmd.Noise != nil && !w.muted {
		w.cmd.Noise(text)
	}
}

// mute makes sure that nothing is passed on any more.
func (w *watch) mute() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.muted = true
}

// bytes is how much output was read.
func (w *watch) bytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read
}

func (w *watch) saidHello() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hello
}

// wantedData tells whether a step has asked for the data.
func (w *watch) wantedData() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

func (w *watch) emit(r Record) {
	if w.cmd.On != nil && !w.muted {
		w.cmd.On(r)
	}
}

// line is called by the splitter, with mu held.
func (w *watch) line(text string) {
	if !w.hello { // of an rc file, a banner, a login that is no shell
		w.stranger(text)
		return
	}
	if w.isOver {
		return // of something that the script left behind
	}
	w.tail.add(text)
	w.emit(Record{Kind: Output, Step: w.step, Text: text})
}

// frame is called by the splitter, with mu held.
func (w *watch) frame(f frame) {
	if !w.hello {
		w.hello = true
		close(w.started)
	}
	switch f.kind {
	case "hello":
	case "data":
		if !w.asked {
			w.asked = true
			close(w.ready)
		}
	case "fenced":
		w.fenced = f.rest
	case "left":
		w.left = f.rest
	case "exit":
		code, err := strconv.Atoi(f.rest)
		if err != nil || w.isOver {
			w.bad = f.kind
			return
		}
		w.code, w.isOver = code, true
		close(w.over)
	case "idle":
		if !w.cmd.Keep || !w.isOver || w.isIdle {
			w.bad = f.kind
			return
		}
		w.isIdle = true
		close(w.idle)
	default:
		r, ok := f.record()
		if !ok {
			w.bad = f.kind
			return
		}
		w.record(r)
	}
}

// record keeps count of the steps and passes r on.
func (w *watch) record(r Record) {
	switch r.Kind {
	case Begin:
		w.step = r.Step
		w.begun++
		w.tail = tail{}
	case End:
		w.ended++
		if r.Code != 0 {
			w.failed = &StepError{Step: r.Step, Code: r.Code, Output: w.tail.lines}
		}
	default:
		r.Step = w.step
	}
	w.emit(r)
}

// verdict says how the command ended, of whose process e is the end.
func (w *watch) verdict(ctx context.Context, e exit) error {
	if !w.saidHello() {
		select { // the reason may still be on its way
		case <-w.quiet:
		case <-time.After(drainTime):
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.left != "":
		return fmt.Errorf("%w: processes that we may not end are still running: %s", ErrUnknown, w.left)
	case w.isOver && (e.signal != "" || e.code != w.code):
		return fmt.Errorf("%w: its script ended with %d, its shell with %v", ErrUnknown, w.code, e)
	case w.bad != "":
		return fmt.Errorf("%w: what it says about %q makes no sense", ErrUnknown, w.bad)
	case w.isOver && w.code == 0 && w.failed == nil && w.ended == len(w.cmd.Steps):
		return nil
	case w.fenced == "lost":
		return ErrFenced
	case w.fenced != "":
		return fmt.Errorf("another command holds this host's guard; nothing ran")
	case ctx.Err() != nil && e.signal == "":
		return ctx.Err()
	case w.isOver && w.failed != nil:
		return w.failed
	case w.isOver:
		return fmt.Errorf("%w: its script ended with %d after %d of %d steps", ErrUnknown, w.code, w.ended, len(w.cmd.Steps))
	case w.begun > 0:
		return fmt.Errorf("%w: its shell ended with %v in step %s", ErrUnknown, e, w.step)
	case w.hello:
		return fmt.Errorf("its shell ended with %v before the first step", e)
	}
	return w.notStarted(e)
}

// notStarted explains a shell that ended before our script began.
func (w *watch) notStarted(e exit) error {
	switch {
	case e.signal == "" && e.code == cut:
		return errCut
	case e.signal == "" && e.code == noHome:
		return fmt.Errorf("the login's home directory cannot be entered; nothing ran")
	}
	said := ""
	if n := len(w.strange.lines); n > 0 {
		said = fmt.Sprintf(", saying %q", w.strange.lines[n-1])
	}
	return fmt.Errorf("the login shell ended with %v before our script began%s; nothing ran", e, said)
}

// A tail keeps the last lines of something.
type tail struct {
	lines []string
	size  int
}

// Bounds of a tail.
const (
	tailLines = 20
	tailBytes = 4 << 10
)

func (t *tail) add(line string) {
	if len(line) > tailBytes {
		line = line[:tailBytes]
	}
	t.lines = append(t.lines, line)
	t.size += len(line)
	for len(t.lines) > tailLines || t.size > tailBytes {
		t.size -= len(t.lines[0])
		t.lines = t.lines[1:]
	}
}
