package main

import (
	"fmt"
	"os"
	"sync"

	"shipit/exec/event"
	"shipit/exec/view"
)

// A lineFile is a file that only ever holds whole lines, whoever reads it and
// whenever the disk is full.
type lineFile struct {
	mu   sync.Mutex
	file *os.File
	size int64
	err  error // the first, which is the last: what follows would leave a gap
}

// Write writes one line, or nothing.
func (l *lineFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.file.Write(line)
	if err != nil {
		_ = l.file.Truncate(l.size)
		l.err = err
		return 0, err
	}
	l.size += int64(n)
	return n, nil
}

// jsonInto is where the events of a command's runs go beside what people read.
type jsonInto struct {
	path   string
	lines  *lineFile
	stream *view.Stream
}

// openInto begins the file of --json-into. A pipe could hold up the run, so it
// is a file and nothing else.
func (f *runFlags) openInto(w *world) error {
	if f.JSONInto == "" {
		return nil
	}
	path := w.expand(f.JSONInto)
	if s, err := os.Stat(path); err == nil && !s.Mode().IsRegular() {
		return exit(exitUsage, usageError{fmt.Errorf("--json-into: %s is no file", f.JSONInto), "--json prints the events, for a pipe"})
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return exit(exitUsage, fmt.Errorf("--json-into: %w; nothing was changed", err))
	}
	w.into = &jsonInto{path: f.JSONInto, lines: &lineFile{file: file}}
	if w.into.stream, err = view.NewStream(w.into.lines, version); err != nil {
		return exit(exitUsage, fmt.Errorf("--json-into: %w; nothing was changed", err))
	}
	return nil
}

// events are the streams for programs that this command was asked for.
func (f *runFlags) events(w *world) (event.Views, error) {
	var all event.Views
	if f.JSON {
		s, err := w.eventStream()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if w.into != nil {
		all = append(all, w.into.stream)
	}
	return all, nil
}

// closeInto says what the file lacks.
func (w *world) closeInto() {
	if w.into == nil {
		return
	}
	err := w.into.lines.err
	if cerr := w.into.lines.file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fmt.Fprintf(w.stderr, "warning: not all events are in %s: %v; the run's journal has them\n", w.into.path, err)
	}
}
