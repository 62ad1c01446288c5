package journal

import (
	"bytes"
	"encoding/json"
	"fmt"

	"shipit/exec/event"
)

// A Flaw is something about a journal that is not as it was written.
type Flaw struct {
	Line  int // from 1; 0 is the journal as a whole
	What  string
	Minor bool // a crash explains it, and all that was safe is there
}

// Check reads a journal's bytes to the end, whatever is wrong with them, and
// explains it. Events is how many can be read.
func Check(data []byte) (events int, flaws []Flaw) {
	add := func(line int, format string, args ...any) {
		flaws = append(flaws, Flaw{Line: line, What: fmt.Sprintf(format, args...)})
	}
	if len(data) == 0 {
		return 0, []Flaw{{What: "it is empty: the run's process stopped before it wrote anything", Minor: true}}
	}
	next := int64(1)
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		body, err := unseal(line)
		switch {
		case !whole || blank(data):
			return events, append(flaws, Flaw{n, fmt.Sprintf("the last %d bytes are no whole line: the process or the machine stopped while it wrote", len(data)), true})
		case err != nil && len(rest) > 0 && torn(append(bytes.Clone(line), '\n'), rest, n) != "":
			return events, append(flaws, Flaw{n, torn(append(bytes.Clone(line), '\n'), rest, n) + ": the machine stopped before they were safe", true})
		case err != nil:
			add(n, "%v: %s", err, guess(line, len(rest) == 0))
			next++
		case n == 1:
			checkHeader(body, add)
			next = 1
		default:
			e, err := event.Decode(body)
			if err != nil {
				add(n, "its checksum is right, but it is no event: %v", err)
				next++
				break
			}
			switch {
			case e.Seq == next+1:
				add(n, "event %d is missing before it", next)
			case e.Seq > next:
				add(n, "events %d to %d are missing before it", next, e.Seq-1)
			case e.Seq < next:
				add(n, "it is event %d, which should stand further up: lines were repeated or put in another order", e.Seq)
			}
			events, next = events+1, e.Seq+1
		}
		data = rest
	}
	return events, flaws
}

// guess says what makes a line bad.
func guess(line []byte, last bool) string {
	switch {
	case bytes.IndexByte(line, 0) >= 0 && last:
		return "there are zeros in it, as a power cut leaves them in what was being written"
	case bytes.IndexByte(line, 0) >= 0:
		return "there are zeros in it, as a disk leaves them that lost a block"
	case bytes.Count(line, []byte(crcKey)) > 1:
		return "two lines are one: the end of the first is lost"
	case json.Valid(line):
		return "it was changed after it was written, by hand or by another program"
	}
	return "bytes of it were changed or lost"
}

func checkHeader(body []byte, add func(int, string, ...any)) {
	var h Header
	switch err := json.Unmarshal(body, &h); {
	case err != nil:
		add(1, "its checksum is right, but it is no header: %v", err)
	case h.Type != "journal":
		add(1, "it is no header: the beginning of the journal is missing")
	default:
		if err := event.Readable(h.Format); err != nil {
			add(1, "%v", err)
		}
	}
}
