package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"shipit/exec/event"
)

// driverOf is Record.Driver of a journal, without reading more of it than it
// must, as who asks does so again and again: of a run that was resumed, what
// was written since, from the end on; of another one all of it, but only for a
// few bytes that it does not hold.
func driverOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read journal: %w", err)
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, glanceSize)).ReadBytes('\n')
	if err != nil {
		return "", fmt.Errorf("cannot read journal %s: it has no first line", path)
	}
	rec := &Record{}
	body, err := unseal(line[:len(line)-1])
	if err == nil {
		err = rec.take(body, 1)
	}
	if err != nil {
		return "", &DamageError{Path: path, Line: 1, Why: err.Error()}
	}
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot read journal: %w", err)
	}
	mark := []byte(`"type":"` + string(event.RunResumed) + `"`) // within a text its quotes would be escaped
	at, err := lastBefore(f, mark, int64(len(line)), info.Size())
	for ; at >= 0 && err == nil; at, err = lastBefore(f, mark, int64(len(line)), at) {
		line, whole := lineAround(f, at)
		if !whole {
			continue // it was not written to its end
		}
		var e event.Event
		if body, err = unseal(line); err == nil {
			e, err = event.Decode(body)
		}
		if err == nil && e.Type == event.RunResumed {
			return e.By, nil
		}
		if err != nil { // which line that is, a whole reading tells
			rec, err := Load(path)
			if err != nil {
				return "", err
			}
			return rec.Driver(), nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot read journal: %w", err)
	}
	return rec.Driver(), nil
}

// lastBefore is where the last mark between two offsets begins, -1 where there
// is none.
func lastBefore(f io.ReaderAt, mark []byte, from, to int64) (int64, error) {
	const step = 256 << 10
	buf := make([]byte, step+len(mark)-1)
	for end := to; end > from; end -= step {
		begin := max(from, end-step)
		part := buf[:min(to, end+int64(len(mark))-1)-begin] // a mark may lie across the border
		if n, err := f.ReadAt(part, begin); n < len(part) && !errors.Is(err, io.EOF) {
			return -1, err
		}
		if i := bytes.LastIndex(part, mark); i >= 0 {
			return begin + int64(i), nil
		}
	}
	return -1, nil
}

// lineAround is the line that an offset is in; whole is false where it has no
// end, or is longer than any of the events that are looked for.
func lineAround(f io.ReaderAt, at int64) (line []byte, whole bool) {
	begin := max(0, at-glanceSize)
	buf := make([]byte, at-begin+glanceSize)
	n, _ := f.ReadAt(buf, begin)
	buf, here := buf[:n], int(at-begin)
	if here >= n {
		return nil, false
	}
	first := bytes.LastIndexByte(buf[:here], '\n') + 1
	rest := bytes.IndexByte(buf[here:], '\n')
	if rest < 0 {
		return nil, false
	}
	return buf[first : here+rest], true
}
