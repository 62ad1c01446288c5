package journal

import (
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An Intent is what somebody wants of a run that another process drives: a
// line in a file beside the run's journal. The process that drives the run
// reads it; what became of it is the event of the journal with its number.
type Intent struct {
	N      int64     `json:"n"`             // from 1
	Run    string    `json:"run,omitempty"` // in files
	Time   time.Time `json:"time"`
	Do     string    `json:"do"`
	By     string    `json:"by"`
	Choice string    `json:"choice,omitempty"`
	Batch  string    `json:"batch,omitempty"`
	Host   string    `json:"host,omitempty"`
}

// LookEvery is how often who drives a run looks for intents in a directory, and
// who had one for its answer. A person who says stop waits for both, so it is
// short; to look is to open a small file.
const LookEvery = 50 * time.Millisecond

const intentsSuffix = ".intents"

// intentsOf is the file of a run's intents. In a directory that a group shares
// it says only who has some, and each user has a file beside it: the kernel says
// whose that is, and only he can write it.
func intentsOf(path string) string { return strings.TrimSuffix(path, suffix) + intentsSuffix }

// Intend writes down an intent for the run whose journal is at path, and gives
// it its number. It is durable when Intend returns.
func Intend(path string, i Intent) (int64, error) {
	const what = "write down what the run shall do"
	first, err := openIntents(intentsOf(path), 0o660)
	if err != nil {
		return 0, explain(what, err)
	}
	defer first.Close()
	if err := lock(first); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", what, err)
	}
	f := first
	if Dir(filepath.Dir(path)).Shared() {
		me := strconv.Itoa(os.Geteuid())
		if f, err = openIntents(intentsOf(path)+"."+me, 0o640); err != nil {
			return 0, explain(what, err)
		}
		defer f.Close()
		if err := enlist(first, me); err != nil {
			return 0, explain(what, err)
		}
	}
	all, err := Intents(path)
	if err != nil {
		return 0, err
	}
	_, whole, err := readIntents(f)
	if err != nil {
		return 0, err
	}
	i.N, i.Run = int64(len(all))+1, RunOf(path)
	line, err := seal(i)
	if err != nil {
		return 0, err
	}
	if err = f.Truncate(whole); err == nil { // who wrote what is behind that was ended in the middle
		_, err = f.Write(line)
	}
	if err == nil {
		err = unix.Fdatasync(int(f.Fd()))
	}
	if err != nil {
		return 0, explain(what, err)
	}
	return i.N, nil
}

// openIntents opens a file, which it makes if it must: with this mode where a
// group shares its directory.
func openIntents(path string, shared fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return openIntents(path, shared) // somebody was faster
	}
	if err == nil {
		err = share(f, shared)
	}
	return f, err
}

// enlist adds a user to those who have intents of a run, where he is not yet.
func enlist(f *os.File, user string) error {
	all, err := enlisted(f)
	if err != nil || slices.Contains(all, user) {
		return err
	}
	if _, err = f.WriteString("\n" + user + "\n"); err == nil { // behind what may be torn
		err = unix.Fdatasync(int(f.Fd()))
	}
	return err
}

// mostEnlisted bounds the list of users, in bytes.
const mostEnlisted = 64 << 10

// enlisted are the users who have intents of a run, by their numbers.
func enlisted(f *os.File) ([]string, error) {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, mostEnlisted))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, user := range strings.Fields(string(data)) {
		if _, err := strconv.ParseUint(user, 10, 32); err == nil && !slices.Contains(all, user) {
			all = append(all, user)
		}
	}
	return all, nil
}

// Intents are those of the run whose journal is at path, in order. One that is
// not written to its end is left out.
func Intents(path string) ([]Intent, error) {
	if !Dir(filepath.Dir(path)).Shared() {
		all, err := intentsIn(intentsOf(path), RunOf(path), false)
		for n, i := range all {
			if err == nil && i.N != int64(n+1) {
				return nil, &DamageError{Path: intentsOf(path), Line: n + 1, Why: fmt.Sprintf("it holds intent %d where intent %d belongs", i.N, n+1)}
			}
		}
		return all, err
	}
	first, err := os.OpenFile(intentsOf(path), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what the run shall do: %w", err)
	}
	defer first.Close()
	users, err := enlisted(first)
	if err != nil {
		return nil, fmt.Errorf("cannot read what the run shall do: %w", err)
	}
	var all []Intent
	for _, user := range users {
		some, err := intentsIn(intentsOf(path)+"."+user, RunOf(path), true)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b Intent) int { return cmp.Compare(a.N, b.N) })
	all = slices.CompactFunc(all, func(a, b Intent) bool { return a.N == b.N }) // of numbers that were not given by Intend
	for n, i := range all {
		if i.N != int64(n+1) {
			return all[:n], nil // the one before was written after its file was read
		}
	}
	return all, nil
}

// intentsIn are the intents of a run in a file. Of a file that a group can come
// by, they are its owner's; what others could have written is nobody's, and so
// is what belongs to another run.
func intentsIn(path, run string, shared bool) ([]Intent, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || shared && errors.Is(err, syscall.ELOOP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what the run shall do: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read what the run shall do: %w", err)
	}
	if shared && (!info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0) {
		return nil, nil
	}
	all, _, err := readIntents(f)
	if shared {
		all = slices.DeleteFunc(all, func(i Intent) bool { return i.Run != run })
	}
	for n := range all {
		all[n].Run = ""
		if shared {
			all[n].By = author(ownerOf(info), all[n].By)
		}
	}
	return all, err
}

// readIntents reads a file, and tells how many of its bytes are whole lines.
func readIntents(f *os.File) (all []Intent, whole int64, err error) {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, mostIntents))
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read what the run shall do: %w", err)
	}
	for n := 1; ; n++ {
		line, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			return all, whole, nil
		}
		var i Intent
		body, err := unseal(line)
		if err == nil {
			err = json.Unmarshal(body, &i)
		}
		if err != nil {
			return nil, 0, &DamageError{Path: f.Name(), Line: n, Why: err.Error()}
		}
		all, data, whole = append(all, i), rest, whole+int64(len(line))+1
	}
}

// mostIntents bounds a file of intents, of which one is a line.
const mostIntents = 16 << 20
