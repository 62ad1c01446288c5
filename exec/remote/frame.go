package remote

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// Bounds on what a host may say.
const (
	maxLine  = 64 << 10 // of an Output; the rest of the line is dropped
	maxFrame = 16 << 20 // of a frame, so of a fact
)

// newNonce makes what marks the frames of one command.
func newNonce() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// A frame is what the script says, as opposed to what its programs print:
// "\x1e", the nonce, a space, a kind, and the rest of the line.
type frame struct{ kind, rest string }

// A splitter parts a host's output into frames and lines, which it hands to
// onFrame and onLine in their order. Whatever does not carry the nonce is a
// line, so that no program can speak for the script.
type splitter struct {
	marker  []byte
	onFrame func(frame)
	onLine  func(string)

	buf     []byte
	seen    int  // bytes of buf known to hold no marker and no newline
	inFrame bool // buf starts behind a marker
	skip    bool // buf starts in the middle of a line that was too long
}

func newSplitter(nonce string, onFrame func(frame), onLine func(string)) *splitter {
	return &splitter{marker: []byte("\x1e" + nonce + " "), onFrame: onFrame, onLine: onLine}
}

// Write takes the next bytes of output. It never fails.
func (s *splitter) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	rest := s.buf
	for s.next(&rest) {
		s.seen = 0
	}
	s.buf = append(s.buf[:0], rest...)
	return len(p), nil
}

// next takes one frame or line from the front of b, if there is a whole one.
func (s *splitter) next(b *[]byte) bool {
	from := min(s.seen, len(*b))
	end := bytes.IndexByte((*b)[from:], '\n')
	if end >= 0 {
		end += from
	}
	if s.inFrame {
		if end < 0 {
			s.seen = len(*b)
			if len(*b) > maxFrame { // no frame of ours
				s.inFrame = false
				return s.next(b)
			}
			return false
		}
		kind, rest, _ := strings.Cut(string((*b)[:end]), " ")
		*b = (*b)[end+1:]
		s.inFrame = false
		s.onFrame(frame{kind, rest})
		return true
	}
	head := *b
	if end >= 0 {
		head = head[:end]
	}
	if m := bytes.Index(head[min(from, len(head)):], s.marker); m >= 0 {
		m += from
		if m > 0 {
			s.line(head[:m])
		}
		s.skip = false
		*b = (*b)[m+len(s.marker):]
		s.inFrame = true
		return true
	}
	if end >= 0 {
		s.line(head)
		s.skip = false
		*b = (*b)[end+1:]
		return true
	}
	// The end of b may be the beginning of a marker.
	s.seen = max(0, len(*b)-len(s.marker)+1)
	if s.seen >= maxLine {
		s.line((*b)[:s.seen])
		s.skip = true
		*b = (*b)[s.seen:]
		s.seen = 0
	}
	return false
}

// line reports one line, cut where it gets too long.
func (s *splitter) line(b []byte) {
	if s.skip {
		return
	}
	if len(b) > maxLine {
		b = b[:maxLine]
	}
	s.onLine(string(b))
}

// flush ends the output: a last line may lack its newline; a frame without
// one was cut and says nothing.
func (s *splitter) flush() {
	if !s.inFrame && len(s.buf) > 0 {
		s.line(s.buf)
	}
	s.buf, s.inFrame, s.skip, s.seen = nil, false, false, 0
}

// record is what a frame means to the caller of Run, if anything.
func (f frame) record() (r Record, ok bool) {
	switch f.kind {
	case "begin":
		return Record{Kind: Begin, Step: f.rest}, f.rest != ""
	case "end":
		id, code, ok := strings.Cut(f.rest, " ")
		n, err := strconv.Atoi(code)
		return Record{Kind: End, Step: id, Code: n}, ok && err == nil
	case "fact":
		key, value, _ := strings.Cut(f.rest, " ")
		return Record{Kind: Fact, Key: key, Text: value}, key != ""
	case "lines": // as text in prelude.sh joins them
		key, value, _ := strings.Cut(f.rest, " ")
		return Record{Kind: Fact, Key: key, Text: strings.ReplaceAll(value, "^", "\n")}, key != ""
	case "fact64":
		key, value, _ := strings.Cut(f.rest, " ")
		b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(value, " ", ""))
		return Record{Kind: Fact, Key: key, Text: string(b)}, key != "" && err == nil
	}
	return Record{}, false
}
