package journal

import (
	"cmp"
	"errors"
	"fmt"
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
	Path    string
	Header  Header
	Events  int
	Last    time.Time     // of the last event, or when it began
	Outcome event.Outcome // "" where the run did not end
	Active  bool          // its process is alive
	Problem string        // why it cannot be read: Header may be empty then
}

// List is the runs recorded in dir, newest first. A journal that cannot be
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
	slices.SortStableFunc(runs, func(a, b Summary) int {
		return cmp.Or(b.Header.Time.Compare(a.Header.Time), cmp.Compare(b.Run, a.Run))
	})
	return runs, nil
}

func summarize(run, path string) Summary {
	s := Summary{Run: run, Path: path}
	s.Active = active(path) // before reading: a run that ends meanwhile is read whole
	rec, err := Load(path)
	if err != nil {
		s.Problem = err.Error()
		return s
	}
	s.Header, s.Events, s.Last = rec.Header, len(rec.Events), rec.Header.Time
	if n := len(rec.Events); n > 0 {
		s.Last = rec.Events[n-1].Time
		for _, e := range slices.Backward(rec.Events) {
			if e.Type == event.RunFinished {
				s.Outcome = e.Outcome
				break
			}
		}
	}
	return s
}

// active tells whether a process holds the journal's lock.
func active(path string) bool {
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
	runs, err := List(dir)
	if err != nil {
		return "", err
	}
	var found []Summary
	for _, s := range runs {
		if s.Run == run {
			return s.Path, nil
		}
		if strings.HasPrefix(s.Run, run) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("cannot find run %s in %s; `shipit status` lists the runs", run, dir)
	case 1:
		return found[0].Path, nil
	}
	return "", fmt.Errorf("cannot tell which run %s is: %s and %s begin so", run, found[0].Run, found[1].Run)
}
