package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"shipit/exec/event"
)

// A Summary is a run as a list of runs shows it.
type Summary struct {
	Run     string
	Path    string // "" where only a Redis knows it
	Header  Header
	Events  int
	Last    time.Time     // of the last event, or when it began
	Outcome event.Outcome // "" where the run did not end
	Active  bool          // its process is alive
	Problem string        // why it cannot be read: Header may be empty then
}

// What is said of a run that has no outcome.
const (
	GoingOn     = "going on"
	Interrupted = "interrupted"
	NotBegun    = "not begun"
)

// State is how a run ended, or where it stands; "" where that cannot be read.
func (s Summary) State() string {
	switch {
	case s.Problem != "":
		return ""
	case s.Active:
		return GoingOn
	case s.Events == 0: // it was refused, or died before it had done anything
		return NotBegun
	case s.Outcome == "":
		return Interrupted
	}
	return string(s.Outcome)
}

// List is the runs recorded in dir, newest first. Of each journal it reads the
// beginning and the end: damage in between is found by Load. A journal that cannot be
// read is listed with its problem; a directory that is not there has none.
func List(dir string) ([]Summary, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list runs: %w", err)
	}
	var runs []Summary
	for _, entry := range entries {
		run, ok := strings.CutSuffix(entry.Name(), suffix)
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		runs = append(runs, summarize(run, filepath.Join(dir, entry.Name())))
	}
	newestFirst(runs)
	return runs, nil
}

func newestFirst(runs []Summary) {
	slices.SortStableFunc(runs, func(a, b Summary) int {
		return cmp.Or(b.Header.Time.Compare(a.Header.Time), cmp.Compare(b.Run, a.Run))
	})
}

func summarize(run, path string) Summary {
	s := Summary{Run: run, Path: path}
	s.Active = Active(path) // before reading: a run that ends meanwhile is read whole
	header, last, ok := glance(path)
	if !ok { // it says something odd, which reading all of it tells
		rec, err := Load(path)
		if err != nil {
			s.Problem = err.Error()
			return s
		}
		header = rec.Header
		if n := len(rec.Events); n > 0 {
			last = rec.Events[n-1]
		}
		last.Seq = rec.Last
	}
	s.Header, s.Events, s.Last = header, int(last.Seq), header.Time
	if last.Seq > 0 {
		s.Last = last.Time
	}
	if last.Type == event.RunFinished { // a run that was resumed says more
		s.Outcome = last.Outcome
	}
	return s
}

// glanceSize is how much of the end of a journal is read for a list.
const glanceSize = 64 << 10

// glance reads the first line and the last of a journal; ok is false where
// they are not what a journal that is whole has there.
func glance(path string) (h Header, last event.Event, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return h, last, false
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, glanceSize)).ReadBytes('\n')
	if err != nil {
		return h, last, false
	}
	body, err := unseal(line[:len(line)-1])
	if err != nil || json.Unmarshal(body, &h) != nil || h.Type != "journal" || event.Readable(h.Format) != nil {
		return h, last, false
	}
	info, err := f.Stat()
	if err != nil {
		return h, last, false
	}
	from := max(int64(len(line)), info.Size()-glanceSize)
	tail := make([]byte, max(0, info.Size()-from))
	if n, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) || n < len(tail) {
		return h, last, false
	}
	if len(tail) == 0 {
		return h, last, true // nothing has happened yet
	}
	if tail[len(tail)-1] != '\n' {
		return h, last, false
	}
	tail = tail[:len(tail)-1]
	body, err = unseal(tail[bytes.LastIndexByte(tail, '\n')+1:])
	if err != nil {
		return h, last, false
	}
	last, err = event.Decode(body)
	return h, last, err == nil
}

// Active tells whether the process that writes the journal at path is alive.
func Active(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// Find is the path of a run's journal: by its id, or by the beginning of one
// if that fits only one run.
func Find(dir, run string) (string, error) {
	if err := checkRunID(run); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot list runs: %w", err)
	}
	var found []string
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), suffix)
		switch {
		case !ok || !entry.Type().IsRegular():
		case name == run:
			return filepath.Join(dir, entry.Name()), nil
		case strings.HasPrefix(name, run):
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", &NoRunError{run, dir}
	case 1:
		return filepath.Join(dir, found[0]+suffix), nil
	}
	return "", fmt.Errorf("cannot tell which run %s is: %s and %s begin so", run, found[0], found[1])
}
