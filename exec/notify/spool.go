package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// SpoolSuffix ends the names of spools, which lie beside the journals of runs.
const SpoolSuffix = ".notices"

// A Spool is what is known of a run's notices when its process is gone: how
// far each receiver came that must get them all, and how many others got
// lost. What the notices were, the journal knows. While a process sends, it
// holds a lock on the file. A nil Spool knows nothing.
type Spool struct {
	path string
	of   string

	mu      sync.Mutex
	file    *os.File // nil until something is to be remembered
	told    map[int]int64
	waiting int // notices that must arrive and did not
}

// A spoolLine is one line of the file; the last that is torn is left out.
type spoolLine struct {
	Of    string `json:"of,omitempty"`
	Block int    `json:"block"`
	Seq   int64  `json:"seq,omitempty"` // the block's receiver has all up to this event
	Lost  int    `json:"lost,omitempty"`
	Over  bool   `json:"over,omitempty"` // nothing waits any more
}

// A Left is what became of a run's notices.
type Left struct {
	Of      string        // what they are notices of, as NewSpool was told
	Own     bool          // nobody but this process's user can have written that
	Told    map[int]int64 // by block, the event up to which its receiver has all
	Waiting bool          // some must still arrive
	Lost    int           // could not be sent, or were dropped
}

// ErrSending says that another process sends what a spool is about.
var ErrSending = errors.New("another process sends them")

// NewSpool is the spool at path of a run that begins. Of is what its notices
// follow from, beside what the journal has. With durable, it is on the disk
// before the run does anything.
func NewSpool(path, of string, durable bool) (*Spool, error) {
	s := &Spool{path: path, of: of, told: map[int]int64{}}
	if !durable {
		return s, nil
	}
	return s, s.open()
}

// OpenSpool is the spool that an earlier process left at path.
func OpenSpool(path string) (*Spool, error) {
	s := &Spool{path: path}
	if _, err := os.Lstat(path); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	left, err := ReadSpool(path)
	if err != nil {
		s.file.Close()
		return nil, err
	}
	s.told = left.Told
	return s, nil
}

// ReadSpool reads a spool without touching it.
func ReadSpool(path string) (Left, error) {
	left := Left{Told: map[int]int64{}, Waiting: true}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return left, fmt.Errorf("cannot read which notices were taken: %w", err)
	}
	defer f.Close()
	var info unix.Stat_t
	data, err := io.ReadAll(f)
	if err == nil {
		err = unix.Fstat(int(f.Fd()), &info)
	}
	if err != nil {
		return left, fmt.Errorf("cannot read which notices were taken: %w", err)
	}
	left.Own = int(info.Uid) == os.Geteuid() && info.Mode&0o022 == 0
	for line := range bytes.Lines(data) {
		var l spoolLine
		if json.Unmarshal(line, &l) != nil {
			continue
		}
		if left.Of == "" {
			left.Of = l.Of
		}
		left.Lost += l.Lost
		left.Waiting = !l.Over
		if l.Seq > 0 {
			left.Told[l.Block] = l.Seq
		}
	}
	return left, nil
}

// open makes the file and takes its lock.
func (s *Spool) open() error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|unix.O_NOFOLLOW, 0o600) // a group may share the directory
	if err != nil {
		return fmt.Errorf("cannot remember which notices were taken: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return ErrSending
		}
		return fmt.Errorf("cannot lock %s: %w", s.path, err)
	}
	s.file = f
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		s.write(spoolLine{Of: s.of})
	}
	_ = f.Sync() // a name that a loss of power takes back costs a notice, not a run
	if dir, err := os.Open(filepath.Dir(s.path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// has tells whether the receiver of a block has the notice of an event.
func (s *Spool) has(block int, seq int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[block] >= seq {
		return true
	}
	s.waiting++
	return false
}

// took notes that the receiver of a block has all up to an event. Where that
// cannot be written, the worst is that the notice is sent again.
func (s *Spool) took(block int, seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[block] = seq
	s.waiting--
	s.write(spoolLine{Block: block, Seq: seq})
}

// close remembers what is left to tell, and removes the file if it is nothing.
func (s *Spool) close(lost int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.file == nil && lost == 0:
		return
	case s.waiting > 0:
		if lost > 0 {
			s.write(spoolLine{Lost: lost})
		}
	case lost == 0 && !s.lostBefore():
		_ = os.Remove(s.path)
	default:
		if s.file == nil && s.open() != nil {
			return
		}
		s.write(spoolLine{Lost: lost, Over: true})
	}
	if s.file != nil {
		s.file.Close()
	}
}

func (s *Spool) lostBefore() bool {
	left, err := ReadSpool(s.path)
	return err == nil && left.Lost > 0
}

// GiveUp notes that what waits will not be sent any more.
func (s *Spool) GiveUp() {
	s.mu.Lock()
	s.waiting = 0
	s.mu.Unlock()
	s.close(1)
}

// Leave lets go of the spool as it is.
func (s *Spool) Leave() { s.file.Close() }

func (s *Spool) write(l spoolLine) {
	data, err := json.Marshal(l)
	if err != nil {
		panic("internal error: " + err.Error()) // numbers always encode
	}
	_, _ = s.file.Write(append(data, '\n'))
}
