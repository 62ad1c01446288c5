// Package journal records runs: one append-only file per run, in lines of
// JSON that tail and jq can read.
//
// The first line says what run it is; each other line is an event. A line
// ends with its CRC-32C, so that damage is found, and a record that was torn
// by a crash can be told from one that was changed later. Every prefix of a
// journal is a journal. While a run writes it, its file is locked; the kernel
// lets go of the lock when the process ends, however it ends.
package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"shipit/exec/event"
)

// A Header says what run a journal is of.
type Header struct {
	Type    string    `json:"type"`   // "journal"
	Format  string    `json:"format"` // event.Schema
	Shipit  string    `json:"shipit"` // the version that writes
	Run     string    `json:"run"`
	Service string    `json:"service"`
	Env     string    `json:"environment"`
	Plan    string    `json:"plan"`    // digest
	Release string    `json:"release"` // tag; "" of a rollback to each host's own
	Kind    string    `json:"kind"`    // "deploy", "rollback"
	By      string    `json:"by"`      // user@machine
	Time    time.Time `json:"time"`
	PID     int       `json:"pid"`
	Root    string    `json:"root,omitempty"`        // the definition's directory on the machine of By
	Trace   string    `json:"traceparent,omitempty"` // of whoever had it started
}

// The names of a run's files in its directory.
const (
	suffix     = ".jsonl"
	planSuffix = ".plan.json"
	logSuffix  = ".log"
)

// A Journal is the journal of a run that is being written. It is an
// event.Sink and safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	path string
	seq  int64
	size int64 // about what it holds
	err  error // a failed write is final: what follows would be read as damage
}

// Create begins the journal of a run in dir, which it makes if it must. It
// fails where the run has one already.
func Create(dir, run string, h Header) (*Journal, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explain("make the directory of journals", err)
	}
	h.Type, h.Format, h.Run = "journal", event.Schema, run
	line, err := seal(h)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, run+suffix)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, explain("create journal", err)
	}
	j := &Journal{file: f, path: path}
	if err = share(f, 0o660); err != nil {
		err = explain("create journal", err)
	} else {
		err = j.begin(dir, line)
	}
	if err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return j, nil
}

// begin locks the file and makes its first line and its name durable.
func (j *Journal) begin(dir string, header []byte) error {
	if err := lock(j.file); err != nil {
		return fmt.Errorf("cannot lock journal %s: %w", j.path, err)
	}
	if err := j.write(header, true); err != nil {
		return err
	}
	return syncDir(dir)
}

// Open continues the journal of a run that was interrupted. It returns what
// the journal holds; a record that was torn is cut off. It fails where the
// process that writes it is alive.
func Open(path string) (*Journal, *Record, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, nil, explain("open journal", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil, fmt.Errorf("cannot continue journal %s: %w", path, ErrBusy)
		}
		return nil, nil, fmt.Errorf("cannot lock journal %s: %w", path, err)
	}
	rec, err := Load(path)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	if rec.Header.Type == "" {
		f.Close()
		return nil, nil, fmt.Errorf("cannot continue journal %s: %s, so nothing was done", path, rec.Torn)
	}
	if err := f.Truncate(rec.Size); err != nil {
		f.Close()
		return nil, nil, explain("cut the torn end off journal", err)
	}
	return &Journal{file: f, path: path, seq: rec.Last, size: rec.Size}, rec, nil
}

// ErrBusy says that the process which writes a journal is alive.
var ErrBusy = errors.New("its run is still going on")

// Path is the journal's file.
func (j *Journal) Path() string { return j.path }

// Append writes an event and returns once it would survive a loss of power.
// Events must come in the order of Seq, from 1, without gaps. After an error
// the journal takes nothing more.
func (j *Journal) Append(e event.Event) error { return j.AppendAll([]event.Event{e}) }

// AppendAll is Append of several events, all of which are as safe when it
// returns: what happens to many hosts at once costs the disk as much as one.
// Where all of them are what commands printed, it does not wait for the disk:
// they outlive the process, and become as safe as the rest with the next event
// of another type.
func (j *Journal) AppendAll(events []event.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.err != nil:
		return j.err
	case j.file == nil:
		return fmt.Errorf("cannot write journal %s: %w", j.path, fs.ErrClosed)
	}
	var lines []byte
	seq, safe := j.seq, false
	for _, e := range events {
		safe = safe || e.Type != event.Output
		if e.Seq != seq+1 {
			// Our bug, but no reason to die in the middle of a run.
			return fmt.Errorf("internal error: event %d after event %d", e.Seq, seq)
		}
		line, err := seal(e)
		if err != nil {
			return err
		}
		lines, seq = append(lines, line...), e.Seq
	}
	if err := j.write(lines, safe); err != nil {
		j.err = err
		return err
	}
	j.seq = seq
	return nil
}

func (j *Journal) write(lines []byte, safe bool) error {
	n, err := j.file.Write(lines)
	j.size += int64(n)
	if err != nil {
		return explain("write journal", err)
	}
	if !safe {
		return nil
	}
	if err := unix.Fdatasync(int(j.file.Fd())); err != nil {
		return explain("write journal", &fs.PathError{Op: "fdatasync", Path: j.path, Err: err})
	}
	return nil
}

// Close ends the writing and gives the lock back.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if err != nil {
		return explain("close journal", err)
	}
	return nil
}

// lock takes the file for this process. Who lists runs holds a journal for
// an instant to see whether its process is alive, which is worth the wait.
func lock(f *os.File) error {
	var err error
	for range 20 {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return explain("open the directory of journals", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot
		return explain("write the directory of journals", err)
	}
	return nil
}

// explain says what could not be done and, of the usual reasons, what helps.
func explain(what string, err error) error {
	help := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		help = "; make room on that disk, or choose another directory with a state block"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		help = "; choose a directory that can be written with a state block"
	case errors.Is(err, fs.ErrExist):
		help = "; a run of that name is recorded already"
	}
	return fmt.Errorf("cannot %s: %w%s", what, err, help)
}
