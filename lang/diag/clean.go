package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds a line that Clean lets through, in bytes.
const maxLine = 8 << 10

// cutMark ends a line that was cut.
const cutMark = " … (line cut)"

// Clean makes text from outside (a host's output, a stranger's source file)
// safe to show on a terminal. What could move the cursor, hide or reorder text
// is shown as a Go-like escape: \x1b, \u202e, and \xff for a byte that is not
// UTF-8. Newlines and tabs stay. A carriage return ends a line, as progress
// bars mean it; a line of more than 8 KiB is cut and says so. What the log of
// a CI would take for a command, like ::error::x or ##[group], is broken by an
// escape as well, for who prints this may be run by one.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for line := range strings.SplitAfterSeq(s, "\n") {
		text, newline := strings.CutSuffix(line, "\n")
		cleanLine(&b, text)
		if newline {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// CleanLine is Clean for a text that must stay on one line: newlines and
// carriage returns are shown as \n and \r.
func CleanLine(s string) string {
	if isClean(s) && !strings.Contains(s, "\n") {
		return s
	}
	s = strings.ReplaceAll(s, "\n", `\n`)
	s = strings.ReplaceAll(s, "\r", `\r`)
	var b strings.Builder
	cleanLine(&b, s)
	return b.String()
}

// isClean tells whether Clean has nothing to do, which is the common case.
func isClean(s string) bool {
	if strings.Contains(s, "::") || strings.Contains(s, "##") {
		return false // perhaps
	}
	line := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			line = 0
			continue
		case c != '\t' && (c < ' ' || c > '~'):
			return false
		}
		if line++; line > maxLine {
			return false
		}
	}
	return true
}

// cleanLine appends one line without its newline to b.
func cleanLine(b *strings.Builder, line string) {
	fits := 0 // length of the longest prefix that leaves room for cutMark
	start := len(line) - len(strings.TrimLeftFunc(line, isSpace))
	var text strings.Builder
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRuneInString(line[i:])
		switch {
		case r == ':' && i == start && isCommand(line[i:]), r == '#' && isOldCommand(line[i:]):
			fmt.Fprintf(&text, `\x%02x`, r)
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&text, `\x%02x`, line[i])
		case r == '\t':
			text.WriteByte('\t')
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&text, `\x%02x`, r)
		case isHostile(r) && r > 0xffff:
			fmt.Fprintf(&text, `\U%08x`, r)
		case isHostile(r):
			fmt.Fprintf(&text, `\u%04x`, r)
		default:
			text.WriteString(line[i : i+size])
		}
		i += size
		if text.Len() <= maxLine-len(cutMark) {
			fits = text.Len()
		}
		if text.Len() > maxLine {
			b.WriteString(text.String()[:fits] + cutMark)
			return
		}
	}
	b.WriteString(text.String())
}

// isSpace tells what may stand before a command at the beginning of a line.
func isSpace(r rune) bool { return unicode.IsSpace(r) && !isHostile(r) || r == '\t' }

// isCommand tells whether a line that begins so is one to GitHub's runner:
// ::NAME …::TEXT.
func isCommand(s string) bool {
	s, ok := strings.CutPrefix(s, "::")
	return ok && strings.Contains(s, "::")
}

// isOldCommand tells the same of ##[NAME], ##vso[NAME] and ##teamcity[NAME],
// which runners find anywhere in a line.
func isOldCommand(s string) bool {
	s, ok := strings.CutPrefix(s, "##")
	return ok && (strings.HasPrefix(s, "[") || strings.HasPrefix(s, "vso[") || strings.HasPrefix(s, "teamcity["))
}

// isHostile tells whether r is invisible or changes how its neighbours look:
// C1 controls (a CSI for some terminals), format characters such as the
// bidirectional overrides, and the separators of lines and paragraphs.
func isHostile(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
