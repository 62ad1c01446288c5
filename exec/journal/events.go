package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"shipit/exec/event"
)

// mostAtOnce bounds what Store.Events gives in one call.
const mostAtOnce = 10_000

// All are the events of a run after the one with that number, up to what is
// recorded by the time that it gets there. It keeps only some of them.
func All(ctx context.Context, s Store, run string, after int64) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		for {
			some, err := s.Events(ctx, run, after)
			if err != nil {
				yield(event.Event{}, err)
				return
			}
			if len(some) == 0 {
				return
			}
			for _, e := range some {
				if !yield(e, nil) {
					return
				}
			}
			after = some[len(some)-1].Seq
		}
	}
}

// eventsOf reads the events after a number from a journal that may be written
// meanwhile: a reader that comes again and again pays for what is new.
func eventsOf(path string, after int64) ([]event.Event, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	defer f.Close()
	from, err := seek(f, after)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, from, 1<<62), 64<<10)
	var events []event.Event
	for len(events) < mostAtOnce {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events, nil // what is not whole yet, or never will be
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read journal: %w", err)
		}
		if from == 0 { // the header
			from = int64(len(line))
			continue
		}
		body, err := unseal(line[:len(line)-1])
		var e event.Event
		if err == nil {
			e, err = event.Decode(body)
		}
		switch want := after + int64(len(events)) + 1; {
		case err == nil && e.Seq < want && len(events) == 0:
			continue // seek stops before it
		case err == nil && e.Seq != want:
			err = fmt.Errorf("it holds event %d where event %d belongs", e.Seq, want)
		}
		if err != nil {
			rec, bad := Load(path) // which knows what a crash leaves behind
			if bad != nil {
				return nil, bad
			}
			if rec.Last <= after+int64(len(events)) {
				return events, nil
			}
			return nil, &DamageError{Path: path, Line: int(after) + len(events) + 2, Why: err.Error()}
		}
		events = append(events, e)
	}
	return events, nil
}

// near is how many bytes before what it looks for seek may stop.
const near = 16 << 10

// seek is where a line begins in a journal that is not behind the event after
// that number, and not far before it. Numbers grow from line to line, so the
// distance is halved until it is short.
func seek(f *os.File, after int64) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	low, high := int64(0), info.Size()
	if after == 0 {
		return 0, nil
	}
	buf := make([]byte, 4<<10)
	for high-low > near {
		middle := low + (high-low)/2
		at, seq, ok := lineAfter(f, middle, high, buf)
		if ok && seq <= after {
			low = at
		} else {
			high = middle
		}
	}
	return low, nil
}

// lineAfter is where the first line behind an offset begins, and its number;
// ok is false where there is none that can be read before the limit.
func lineAfter(f *os.File, from, limit int64, buf []byte) (at, seq int64, ok bool) {
	for ; from < limit; from += int64(len(buf)) {
		n, err := f.ReadAt(buf, from)
		i := bytes.IndexByte(buf[:n], '\n')
		if i < 0 {
			if err != nil {
				return 0, 0, false
			}
			continue
		}
		at = from + int64(i) + 1
		head := make([]byte, 32)
		n, _ = f.ReadAt(head, at)
		seq, ok = seqOf(head[:n])
		return at, seq, ok && at < limit
	}
	return 0, 0, false
}
