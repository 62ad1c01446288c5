// Package view turns plans and events into what people and programs read. A
// view is a reader of values: it never asks a host and never changes a run.
//
// The rules of the human views: the marker of a change stands in column 0, so
// that review tools can colour it; hosts with the same change are shown once;
// meaning never hangs on colour alone; text that came from hosts or files is
// cleaned before it gets here; no line says "successfully".
package view

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A Style is what the reader's terminal can show.
type Style struct {
	Color bool
	Width int // columns; 0 is 80
}

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
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// took is a duration as a person would say it: 0.4s, 12s, 1m05s.
func took(d time.Duration) string {
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
// last column is not padded.
func table(w io.Writer, rows [][]string, paint func(row, col int, cell string) string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for r, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			pad := ""
			if i < len(row)-1 {
				pad = strings.Repeat(" ", widths[i]-len([]rune(cell))+2)
			}
			if paint != nil {
				cell = paint(r, i, cell)
			}
			b.WriteString(cell + pad)
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
