// Package diag is how shipit tells an author of a definition what is wrong:
// where, why, and what to write instead. A mistake of the author is always a
// Diagnostic; the world's faults are errors and our own bugs are panics.
package diag

import "strconv"

// A Severity tells whether a definition can be used.
type Severity string

// An Error makes a definition unusable; a Warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Pos is a place in a file.
type Pos struct {
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // from 1, in grapheme clusters as HCL counts
	Byte   int `json:"byte"`   // from 0
}

// A Range is a piece of a file. The zero Range is no place at all.
type Range struct {
	File  string `json:"file"`
	Start Pos    `json:"start"`
	End   Pos    `json:"end"` // exclusive
}

// A Related range explains the subject: the first definition, the other
// field of a contradiction.
type Related struct {
	Range Range  `json:"range"`
	Text  string `json:"text"`
}

// A Diagnostic is one mistake, told once.
type Diagnostic struct {
	Code     string    `json:"code"` // "E0107"; stable
	Severity Severity  `json:"severity"`
	Summary  string    `json:"summary"`          // at most about ten words, no period
	Detail   string    `json:"detail,omitempty"` // whole sentences: why
	Label    string    `json:"label,omitempty"`  // short text under the subject's underline
	Help     string    `json:"help,omitempty"`   // what to write or type next
	Subject  Range     `json:"range"`
	Related  []Related `json:"related,omitempty"`
	Hosts    []string  `json:"hosts,omitempty"`        // the hosts it concerns, in declared order
	Envs     []string  `json:"environments,omitempty"` // the environments it concerns
	Fixes    []Fix     `json:"fixes,omitempty"`        // changes that together correct it
}

// A Fix is a change of the text where the answer is certain: Text takes the
// place of Range, which is on one line and may be empty.
type Fix struct {
	Title string `json:"title"` // what it does: "write hosts"
	Range Range  `json:"range"`
	Text  string `json:"text"`
}

// String is "file:line" for messages, or "" for the zero Range.
func (r Range) String() string {
	if r.File == "" {
		return ""
	}
	return r.File + ":" + strconv.Itoa(r.Start.Line)
}

// A List of diagnostics in the order of List.Sorted.
type List []Diagnostic

// HasErrors tells whether l has a diagnostic of severity Error.
func (l List) HasErrors() bool {
	for _, d := range l {
		if d.Severity == Error {
			return true
		}
	}
	return false
}
