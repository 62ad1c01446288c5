package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// canonical is v as JSON with sorted keys and nothing between tokens.
func canonical(v any) ([]byte, error) {
	data, err := marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot write the plan: %w", err)
	}
	if bytes.Contains(data, []byte(`\ufffd`)) { // for text that is no UTF-8, marshal has two forms
		return recanonical(data)
	}
	s := sorter{in: data, out: make([]byte, 0, len(data))}
	s.value()
	return s.out, nil
}

// A sorter copies JSON as marshal writes it and sorts its keys. Decoding it
// for that would cost a multiple of its size, which for a plan of 10,000 hosts
// is 50 MB.
type sorter struct {
	in  []byte
	at  int
	out []byte

	open []member // of the objects that the value at hand is in
	tmp  []byte
}

type member struct {
	key      []byte
	from, to int // in out
}

// value copies the value at hand.
func (s *sorter) value() {
	switch s.in[s.at] {
	case '{':
		s.object()
	case '[':
		s.copy(1)
		for s.in[s.at] != ']' {
			if s.in[s.at] == ',' {
				s.copy(1)
			}
			s.value()
		}
		s.copy(1)
	case '"':
		s.text()
	default: // a number or a word
		n := bytes.IndexAny(s.in[s.at:], ",]}")
		if n < 0 {
			n = len(s.in) - s.at
		}
		s.copy(n)
	}
}

// object copies an object, its members in the order of their keys.
func (s *sorter) object() {
	s.copy(1)
	first, begin, sorted := len(s.open), len(s.out), true
	for s.in[s.at] != '}' {
		if s.in[s.at] == ',' {
			s.at++
		}
		m, key := member{from: len(s.out)}, s.at
		s.text()
		m.key = keyOf(s.in[key:s.at])
		s.copy(1) // the colon
		s.value()
		m.to = len(s.out)
		s.out = append(s.out, ',')
		if n := len(s.open); n > first && bytes.Compare(s.open[n-1].key, m.key) > 0 {
			sorted = false
		}
		s.open = append(s.open, m)
	}
	if !sorted {
		s.sort(s.open[first:], begin)
	}
	if len(s.open) > first {
		s.out = s.out[:len(s.out)-1] // the last comma
	}
	s.open = s.open[:first]
	s.copy(1)
}

// sort puts the members that begin there into the order of their keys.
func (s *sorter) sort(members []member, begin int) {
	slices.SortFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	s.tmp = append(s.tmp[:0], s.out[begin:]...)
	s.out = s.out[:begin]
	for _, m := range members {
		s.out = append(append(s.out, s.tmp[m.from-begin:m.to-begin]...), ',')
	}
}

// text copies a string.
func (s *sorter) text() {
	n := 1
	for s.in[s.at+n] != '"' {
		if s.in[s.at+n] == '\\' {
			n++
		}
		n++
	}
	s.copy(n + 1)
}

func (s *sorter) copy(n int) {
	s.out = append(s.out, s.in[s.at:s.at+n]...)
	s.at += n
}

// keyOf is the key that a JSON string is.
func keyOf(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	var key string
	if err := json.Unmarshal(text, &key); err != nil {
		panic("internal error: " + err.Error())
	}
	return []byte(key)
}
