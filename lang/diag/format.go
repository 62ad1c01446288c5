package diag

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// A Report is what a format writes down.
type Report struct {
	List    List
	Sources map[string][]byte // the files that ranges point into, by name
	Files   []string          // the definitions that were checked
	Version string            // of shipit
	Rules   []Rule            // all codes, in order
}

// A Rule is what there is to say about a code.
type Rule struct {
	Code, Meaning string
	Help          string // a page for people, as Markdown
}

// A Format writes a report for a program.
type Format struct {
	Name   string
	Doc    string
	Encode func(Report) ([]byte, error)
}

// Formats are all formats for programs.
func Formats() []Format {
	return []Format{
		{"json", "one JSON document, with fixes", func(r Report) ([]byte, error) { return r.List.Sorted().JSON() }},
		{"github", "annotations of a workflow on GitHub", github},
		{"gitlab", "a Code Quality report of GitLab", gitlab},
		{"sarif", "SARIF 2.1.0, for code scanning", sarif},
		{"junit", "JUnit's XML, for everything else", junit},
	}
}

// severest are the diagnostics with all errors before all warnings.
func (r Report) severest() List {
	var errors, warnings List
	for _, d := range r.List.Sorted() {
		if d.Severity == Error {
			errors = append(errors, d)
		} else {
			warnings = append(warnings, d)
		}
	}
	return append(errors, warnings...)
}

// place is where d is, for programs that insist on a place: the beginning of
// the definition, where it has none.
func (r Report) place(d Diagnostic) Range {
	at := d.Subject
	if at.File == "" && len(r.Files) > 0 {
		at.File = r.Files[0]
	}
	if at.Start.Line < 1 {
		at.Start, at.End = Pos{Line: 1, Column: 1}, Pos{Line: 1, Column: 1}
	}
	return at
}

// column is where p stands in its line, from 1 in UTF-16 code units, as
// editors and code hosts count. HCL's columns count characters as people see
// them, which no program does.
func (r Report) column(file string, p Pos) int {
	src, ok := r.Sources[file]
	if !ok || p.Byte > len(src) || p.Byte < 0 {
		return max(p.Column, 1)
	}
	start := bytes.LastIndexByte(src[:p.Byte], '\n') + 1
	n := 1
	for text := src[start:p.Byte]; len(text) > 0; {
		c, size := utf8.DecodeRune(text)
		n += max(utf16.RuneLen(c), 1)
		text = text[size:]
	}
	return n
}

// line is the source line in which at begins, "" where it is not known.
func (r Report) line(at Range) string {
	src, ok := r.Sources[at.File]
	if !ok || at.Start.Byte > len(src) || at.Start.Byte < 0 {
		return ""
	}
	start := bytes.LastIndexByte(src[:at.Start.Byte], '\n') + 1
	end := bytes.IndexByte(src[start:], '\n')
	if end < 0 {
		return string(src[start:])
	}
	return string(src[start : start+end])
}

// message is all that d says, on several lines, safe to show.
func message(d Diagnostic) string {
	text := CleanLine(d.Summary)
	if d.Label != "" {
		text += ": " + CleanLine(d.Label)
	}
	for _, more := range []string{d.Detail, where(d.Hosts, d.Envs)} {
		if more != "" {
			text += "\n" + Clean(more)
		}
	}
	if d.Help != "" {
		text += "\nhelp: " + Clean(d.Help)
	}
	return text
}
