package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An Intent is what somebody wants of a run that another process drives: a
// line in a file beside the run's journal. The process that drives the run
// reads it; what became of it is the event of the journal with its number.
type Intent struct {
	N      int64     `json:"n"` // from 1
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

func intentsOf(path string) string { return strings.TrimSuffix(path, suffix) + intentsSuffix }

// Intend writes down an intent for the run whose journal is at path, and gives
// it its number. It is durable when Intend returns.
func Intend(path string, i Intent) (int64, error) {
	f, err := os.OpenFile(intentsOf(path), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return 0, explain("write down what the run shall do", err)
	}
	defer f.Close()
	if err := lock(f); err != nil {
		return 0, fmt.Errorf("cannot write down what the run shall do: %w", err)
	}
	all, torn, err := readIntents(path)
	if err != nil {
		return 0, err
	}
	i.N = int64(len(all)) + 1
	line, err := seal(i)
	if err != nil {
		return 0, err
	}
	if torn > 0 { // who wrote it was ended in the middle
		if err := f.Truncate(torn); err != nil {
			return 0, explain("write down what the run shall do", err)
		}
	}
	if _, err = f.Write(line); err == nil {
		err = unix.Fdatasync(int(f.Fd()))
	}
	if err != nil {
		return 0, explain("write down what the run shall do", err)
	}
	return i.N, nil
}

// Intents are those of the run whose journal is at path, in order. One that is
// not written to its end is left out.
func Intents(path string) ([]Intent, error) {
	all, _, err := readIntents(path)
	return all, err
}

// readIntents also tells where a torn last line begins, 0 where there is none.
func readIntents(path string) (all []Intent, torn int64, err error) {
	path = intentsOf(path)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read what the run shall do: %w", err)
	}
	at := int64(0)
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return all, at, nil
		}
		var i Intent
		body, err := unseal(line)
		if err == nil {
			err = json.Unmarshal(body, &i)
		}
		if err == nil && i.N != int64(n) {
			err = fmt.Errorf("it holds intent %d where intent %d belongs", i.N, n)
		}
		if err != nil {
			return nil, 0, &DamageError{Path: path, Line: n, Why: err.Error()}
		}
		all, data, at = append(all, i), rest, at+int64(len(line))+1
	}
	return all, 0, nil
}
