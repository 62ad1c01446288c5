package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"shipit/exec/event"
)

// A Record is what a journal holds.
type Record struct {
	Header Header
	Events []event.Event
	// Torn says that the last record was not written to its end and is left
	// out: the process or the machine stopped in the middle. "" is whole.
	Torn string
	// Size is the length of the journal without that record, in bytes.
	Size int64
}

// Driver is who drives the run, or did last.
func (rec *Record) Driver() string {
	by := rec.Header.By
	for _, e := range rec.Events {
		if e.Type == event.RunResumed {
			by = e.By
		}
	}
	return by
}

// A DamageError says that a journal was changed after it was written. The
// hosts can still be asked where they stand; the journal cannot be trusted.
type DamageError struct {
	Path string
	Line int // from 1
	Why  string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("cannot trust journal %s: line %d is damaged: %s; "+
		"the hosts know where they stand: run `shipit status` or `shipit plan` to ask them", e.Path, e.Line, e.Why)
}

// Read returns the header and the events of a journal. See Load.
func Read(path string) (Header, []event.Event, error) {
	rec, err := Load(path)
	if err != nil {
		return Header{}, nil, err
	}
	return rec.Header, rec.Events, nil
}

// Load reads a journal, also one that is being written. A last record that is
// torn is left out and noted; damage elsewhere is a *DamageError.
func Load(path string) (*Record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	return parse(path, data)
}

// parse reads a journal's bytes.
func parse(path string, data []byte) (*Record, error) {
	rec := &Record{}
	if len(data) == 0 {
		rec.Torn = "it ends before its first line"
	}
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole || blank(data) {
			// Bytes without an end, or zeros where a file system grew the
			// file before it had the data: no write returned for them.
			rec.Torn = fmt.Sprintf("the last record, line %d, was not written to its end", n)
			break
		}
		body, err := unseal(line)
		if err != nil {
			// A block may be missing in the middle of the last write, but not
			// the end of the record before it.
			if len(rest) == 0 && bytes.IndexByte(line, 0) >= 0 && bytes.Count(line, []byte(crcKey)) <= 1 {
				rec.Torn = fmt.Sprintf("the last record, line %d, was not written whole", n)
				break
			}
			return nil, &DamageError{Path: path, Line: n, Why: err.Error()}
		}
		if err := rec.take(body, n); err != nil {
			return nil, &DamageError{Path: path, Line: n, Why: err.Error()}
		}
		if n == 1 {
			if err := event.Readable(rec.Header.Format); err != nil {
				return nil, fmt.Errorf("cannot read journal %s: %w", path, err)
			}
		}
		rec.Size += int64(len(line) + 1)
		data = rest
	}
	return rec, nil
}

// take adds the object of line n to the record.
func (rec *Record) take(body []byte, n int) error {
	if n == 1 {
		if err := json.Unmarshal(body, &rec.Header); err != nil {
			return err
		}
		if rec.Header.Type != "journal" {
			return fmt.Errorf("it is no header of a journal")
		}
		return nil
	}
	e, err := event.Decode(body)
	if err != nil {
		return err
	}
	if want := int64(n - 1); e.Seq != want {
		return fmt.Errorf("it holds event %d where event %d belongs", e.Seq, want)
	}
	rec.Events = append(rec.Events, e)
	return nil
}

// blank tells whether data is nothing but zeros.
func blank(data []byte) bool {
	return len(bytes.Trim(data, "\x00")) == 0
}
