package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"shipit/exec/event"
)

// A Record is what a journal holds of a run, without the lines that its
// commands printed: those are many, and only Store.Events gives them.
type Record struct {
	Header Header
	Events []event.Event
	Last   int64 // the number of the last event, or printed line
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
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	defer f.Close()
	return parse(path, f)
}

// parse reads a journal, a line at a time: of a long run, what was printed
// is too much to keep.
func parse(path string, from io.Reader) (*Record, error) {
	rec := &Record{}
	r := bufio.NewReaderSize(from, 256<<10)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		switch {
		case err != nil && err != io.EOF:
			return nil, fmt.Errorf("cannot read journal: %w", err)
		case len(line) == 0 && n == 1:
			rec.Torn = "it ends before its first line"
			return rec, nil
		case len(line) == 0:
			return rec, nil
		}
		body, bad := unseal(bytes.TrimSuffix(line, []byte("\n")))
		if err == io.EOF || bad != nil {
			rest, err := io.ReadAll(r)
			if err != nil {
				return nil, fmt.Errorf("cannot read journal: %w", err)
			}
			if rec.Torn = torn(line, rest, n); rec.Torn == "" {
				return nil, &DamageError{Path: path, Line: n, Why: bad.Error()}
			}
			return rec, nil
		}
		if err := rec.take(body, n); err != nil {
			return nil, &DamageError{Path: path, Line: n, Why: err.Error()}
		}
		if n == 1 {
			if err := event.Readable(rec.Header.Format); err != nil {
				return nil, fmt.Errorf("cannot read journal %s: %w", path, err)
			}
		}
		rec.Size += int64(len(line))
	}
}

// torn tells how line n, which is not right, and the rest of the journal came
// about, if a crash explains them: no write returned for what they should
// have been, or for nothing but printed lines.
func torn(line, rest []byte, n int) string {
	whole := len(line) > 0 && line[len(line)-1] == '\n'
	switch {
	case !whole || blank(line) && blank(rest):
		// Bytes without an end, or zeros where a file system grew the
		// file before it had the data.
		return fmt.Sprintf("the last record, line %d, was not written to its end", n)
	case bytes.IndexByte(line, 0) < 0:
		return ""
	case bytes.Count(line, []byte(crcKey)) > 1 && !isOutput(line):
		// A block may be missing in the middle of the last write, but not
		// the end of the record before it.
		return ""
	}
	for more := range bytes.Lines(rest) {
		text, whole := bytes.CutSuffix(more, []byte("\n"))
		body, err := unseal(text)
		if whole && err != nil && bytes.IndexByte(more, 0) < 0 || err == nil && !isOutput(body) {
			return "" // something that was safe comes behind it
		}
	}
	if len(rest) > 0 {
		return fmt.Sprintf("from line %d on, the last lines that were printed were not written whole", n)
	}
	return fmt.Sprintf("the last record, line %d, was not written whole", n)
}

// isOutput tells of an event's line whether it is a printed line, without
// reading all of it: the members before its type hold no text from outside.
func isOutput(line []byte) bool {
	const key = `,"type":"`
	i := bytes.Index(line, []byte(key))
	return i >= 0 && bytes.HasPrefix(line[i+len(key):], []byte(string(event.Output)+`"`))
}

// seqOf is the number of an event's line, without reading all of it.
func seqOf(line []byte) (int64, bool) {
	const key = `{"seq":`
	rest, ok := bytes.CutPrefix(line, []byte(key))
	digits, _, comma := bytes.Cut(rest[:min(len(rest), 24)], []byte(","))
	if !ok || !comma {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
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
	if seq, ok := seqOf(body); ok && seq == int64(n-1) && isOutput(body) {
		rec.Last = seq
		return nil
	}
	e, err := event.Decode(body)
	if err != nil {
		return err
	}
	if want := int64(n - 1); e.Seq != want {
		return fmt.Errorf("it holds event %d where event %d belongs", e.Seq, want)
	}
	rec.Events, rec.Last = append(rec.Events, e), e.Seq
	return nil
}

// blank tells whether data is nothing but zeros.
func blank(data []byte) bool {
	return len(bytes.Trim(data, "\x00")) == 0
}
