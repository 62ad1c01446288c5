package diag

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const (
	tabStop    = 4   // columns that a tab of a source line is shown with
	maxSnippet = 160 // columns shown of a source line where the terminal's width is not known
	ellipsis   = "…"
)

// snippet writes where r is, the line it begins in, and a line that underlines
// it with mark. A range that does not fit its file is shown as far as it does.
func (p Printer) snippet(b *strings.Builder, r Range, mark byte, color, label string) {
	if r.File == "" {
		return
	}
	b.WriteString(indent + location(r) + "\n")
	line, from, to, ok := p.line(r)
	label = CleanLine(label)
	if !ok {
		if label != "" {
			b.WriteString(indent + indent + p.paint(color, label) + "\n")
		}
		return
	}
	number := fmt.Sprintf("%s%3d", indent, r.Start.Line)
	limit := maxSnippet
	if p.Width > 0 {
		limit = max(p.Width-len(number)-3, 20)
	}
	text, before, marked := crop(cells(line, from, to), limit)
	under := strings.Repeat(string(mark), marked)
	if label != "" {
		under += " " + label
	}
	b.WriteString(p.paint(dim, number+" |") + strings.TrimRight(" "+text, " ") + "\n")
	b.WriteString(p.paint(dim, strings.Repeat(" ", len(number))+" |") + " " + strings.Repeat(" ", before) + p.paint(color, under) + "\n")
}

// line finds the line in which r begins, and which of its bytes are in r.
func (p Printer) line(r Range) (line []byte, from, to int, ok bool) {
	src, ok := p.Sources[r.File]
	if !ok || r.Start.Line < 1 {
		return nil, 0, 0, false
	}
	start := 0 // of the line
	for range r.Start.Line - 1 {
		newline := bytes.IndexByte(src[start:], '\n')
		if newline < 0 {
			return nil, 0, 0, false
		}
		start += newline + 1
	}
	line, _, _ = bytes.Cut(src[start:], []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	from = offset(line, r.Start, start)
	to = len(bytes.TrimRight(line, " \t"))
	if r.End.Line == r.Start.Line {
		to = offset(line, r.End, start)
	}
	return line, from, max(to, from), true
}

// offset is where pos is in its line, which begins at byte start of the file.
func offset(line []byte, pos Pos, start int) int {
	at := pos.Byte - start
	if at < 0 || at > len(line) {
		at = min(max(pos.Column-1, 0), len(line))
	}
	for at > 0 && at < len(line) && !utf8.RuneStart(line[at]) {
		at--
	}
	return at
}

// A cell is a character as it is shown.
type cell struct {
	text   string
	width  int
	marked bool
}

// cells are the characters of a line; those from one byte to the other are
// marked. At least one is: an empty range is shown before what follows it.
func cells(line []byte, from, to int) []cell {
	var cells []cell
	column := 0
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		c := cell{text: CleanLine(string(line[i : i+size])), marked: i >= from && (i < to || i == from)}
		c.width = textWidth(c.text)
		if r == '\t' {
			c.width = tabStop - column%tabStop
			c.text = strings.Repeat(" ", c.width)
		}
		column += c.width
		cells = append(cells, c)
		i += size
	}
	if from >= len(line) {
		cells = append(cells, cell{text: " ", width: 1, marked: true})
	}
	return cells
}

// crop puts cells together and tells how many columns stand before the marked
// ones and how many those have. Of a line that is wider than limit it shows
// the part around the beginning of the mark.
func crop(cells []cell, limit int) (text string, before, marked int) {
	first := slices.IndexFunc(cells, func(c cell) bool { return c.marked })
	from, to := 0, len(cells)
	lead, rest := cellsWidth(cells[:first]), cellsWidth(cells)
	if rest > limit {
		room := limit - 2*textWidth(ellipsis)
		for lead > room/2 && rest > room {
			lead, rest = lead-cells[from].width, rest-cells[from].width
			from++
		}
		to = from
		for columns := 0; to < len(cells) && columns+cells[to].width <= room; to++ {
			columns += cells[to].width
		}
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString(ellipsis)
	}
	before = textWidth(b.String()) + lead
	for _, c := range cells[from:to] {
		b.WriteString(c.text)
		if c.marked {
			marked += c.width
		}
	}
	if to < len(cells) {
		b.WriteString(ellipsis)
	}
	return b.String(), before, max(marked, 1)
}

func cellsWidth(cells []cell) int {
	columns := 0
	for _, c := range cells {
		columns += c.width
	}
	return columns
}

// textWidth is how many columns a terminal shows s in.
func textWidth(s string) int {
	columns := 0
	for _, r := range s {
		columns += runeWidth(r)
	}
	return columns
}

// runeWidth is 0 for what combines with the character before it, and 2 for
// the wide characters of East Asia and for emoji.
func runeWidth(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) || r >= 0x1160 && r <= 0x11ff {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
