// Package view turns plans and events into what people and programs read. A
// view is a reader of values: it never asks a host and never changes a run.
//
// The rules of the human views: the marker of a change stands in column 0, so
// that review tools can colour it; hosts with the same change are shown once;
// meaning never hangs on colour alone; text that came from hosts or files is
// made harmless; no line says "successfully".
package view

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"shipit/lang/diag"
)

// A Style is what the reader's terminal can show.
type Style struct {
	Color bool
	Width int // columns of the terminal; 0 where nobody knows
}

// width is how wide running text may be.
func (s Style) width() int {
	if s.Width <= 0 {
		return 80
	}
	return s.Width
}

// The colours: green for what is created and done, yellow for what changes,
// red for failure only, bold for what a reader looks for.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Good and Bad are words that say how something ended.
func (s Style) Good(word string) string { return s.paint(green, word) }

// Bad is Good for what failed.
func (s Style) Bad(word string) string { return s.paint(red, word) }

// mark colours a marker of a plan.
func (s Style) mark(m string) string {
	switch m {
	case "+":
		return s.paint(green, m)
	case "-", "!":
		return s.paint(red, m)
	case "~", "?":
		return s.paint(yellow, m)
	}
	return m
}

// plural is "1 host" or "3 hosts".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if s, ok := strings.CutSuffix(one, "y"); ok {
		return fmt.Sprintf("%d %sies", n, s)
	}
	if strings.HasSuffix(one, "ch") {
		return fmt.Sprintf("%d %ses", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// age is how long ago something was, in its largest useful unit.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		below, unit time.Duration
		name        string
	}{
		{time.Minute, time.Second, "s"},
		{time.Hour, time.Minute, "m"},
		{2 * day, time.Hour, "h"},
		{100 * day, day, "d"},
		{730 * day, 30 * day, "mo"},
	} {
		if d < u.below {
			return fmt.Sprint(int(max(d, 0)/u.unit)) + u.name
		}
	}
	return fmt.Sprint(int(d/(365*day))) + "y"
}

// Took is a duration as a person would say it: 0.4s, 12s, 1m05s.
func Took(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	default:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// table writes rows in columns that are as wide as their widest cell. The
// last column is not padded. What a cell says is made harmless first.
func table(w io.Writer, rows [][]string, paint func(row, col int, cell string) string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			row[i] = diag.CleanLine(cell)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for r, row := range rows {
		last := len(row) - 1
		for last > 0 && row[last] == "" {
			last--
		}
		var b strings.Builder
		for i, cell := range row[:last+1] {
			b.WriteString(paint(r, i, cell))
			if i < last {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, b.String())
	}
}

// wrap breaks text at spaces into lines of at most width columns, where its
// words allow that. A word that is longer, like a list of hosts, is broken
// behind its commas.
func wrap(text string, width int) []string {
	var lines []string
	line, n := "", 0
	add := func(part, space string) {
		m := utf8.RuneCountInString(part)
		if n > 0 && n+len(space)+m > width {
			lines = append(lines, line)
			line, n = "", 0
		}
		if n > 0 {
			line += space
			n += len(space)
		}
		line += part
		n += m
	}
	for word := range strings.FieldsSeq(text) {
		parts := []string{word}
		if utf8.RuneCountInString(word) > width {
			parts = strings.SplitAfter(word, ",")
		}
		for i, part := range parts {
			if i == 0 {
				add(part, " ")
			} else {
				add(part, "")
			}
		}
	}
	return append(lines, line)
}

// fitLast cuts the cells of the last column so that rows fit a terminal of
// width columns; 0 is no bound.
func fitLast(rows [][]string, width int) {
	if width <= 0 {
		return
	}
	last, used := len(rows[0])-1, 0
	for col := range last {
		widest := 0
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(diag.CleanLine(row[col])))
		}
		used += widest + 2
	}
	for _, row := range rows {
		if r := []rune(diag.CleanLine(row[last])); used+len(r) > width && len(r) > 8 {
			row[last] = string(r[:max(7, width-used-1)]) + "…"
		}
	}
}
