// Package diagtest has what a hostile program may print, for the tests of
// everything that shows what programs print.
package diagtest

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed hostile.txt
var corpus string

// A Sample is one thing that a hostile program prints, as raw bytes.
type Sample struct{ Name, Text string }

// Hostile is the corpus: each line of hostile.txt is a name and the text in Go's
// quotes.
func Hostile() []Sample {
	var all []Sample
	for line := range strings.Lines(corpus) {
		name, quoted, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			panic(fmt.Sprintf("internal error: hostile.txt: %s: %v", name, err))
		}
		if strings.HasPrefix(name, "long") { // too long to be written down
			text = strings.Repeat(text, 12_000)
		}
		all = append(all, Sample{name, text})
	}
	return all
}

// longest is what a line that is shown may have, with what stands before it.
const longest = 17 << 10 // JSON writes a backslash as two

// Problem tells why a text that is shown on a terminal or in the log of a CI
// is not inert, "" where it is.
func Problem(shown string) string {
	if !utf8.ValidString(shown) {
		return "it is not UTF-8"
	}
	for _, r := range shown {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Sprintf("%U moves the cursor, hides or reorders text", r)
		}
	}
	for line := range strings.Lines(shown) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "::")
		switch {
		case len(line) > longest:
			return fmt.Sprintf("a line has %d bytes", len(line))
		case ok && strings.Contains(command, "::"):
			return fmt.Sprintf("GitHub takes %q for a command", line)
		case strings.Contains(line, "##["), strings.Contains(line, "##vso["), strings.Contains(line, "##teamcity["):
			return fmt.Sprintf("a runner takes %q for a command", line)
		}
	}
	return ""
}
