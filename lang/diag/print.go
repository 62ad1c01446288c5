package diag

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Printer shows diagnostics to a person.
type Printer struct {
	Sources map[string][]byte // the files that ranges point into, by name
	Color   bool              // use terminal colours
	Width   int               // of the terminal, in columns; 0 does not wrap
}

// The colours of a terminal.
const (
	red    = "1;31"
	yellow = "1;33"
	cyan   = "36"
	bold   = "1"
	dim    = "2"
)

// indent stands before all but the first line of a diagnostic.
const indent = "  "

// Print writes the diagnostics of l in their order, with a blank line between
// two. All they quote is cleaned. It returns the error of w.
func (p Printer) Print(w io.Writer, l List) error {
	var b strings.Builder
	for i, d := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.print(&b, d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Printer) print(b *strings.Builder, d Diagnostic) {
	title, color := "Error", red
	if d.Severity == Warning {
		title, color = "Warning", yellow
	}
	if d.Code != "" {
		title += "[" + CleanLine(d.Code) + "]"
	}
	fmt.Fprintf(b, "%s %s\n", p.paint(color, title+":"), p.paint(bold, CleanLine(d.Summary)))
	p.snippet(b, d.Subject, '^', color, d.Label)
	for _, r := range d.Related {
		if r.Range.File == "" {
			p.paragraph(b, "note: ", r.Text)
			continue
		}
		p.snippet(b, r.Range, '-', cyan, r.Text)
	}
	p.paragraph(b, "", d.Detail)
	p.paragraph(b, "", where(d.Hosts, d.Envs))
	p.paragraph(b, "help: ", d.Help)
}

// paint puts text into colour, if colours are wanted.
func (p Printer) paint(color, text string) string {
	if !p.Color || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// paragraph writes wrapped text. Lines that begin with a space are shown as
// they are: examples of what to write.
func (p Printer) paragraph(b *strings.Builder, head, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	margin := indent + strings.Repeat(" ", len(head))
	for i, line := range strings.Split(strings.TrimRight(Clean(text), "\n "), "\n") {
		if i == 0 {
			b.WriteString(indent + p.paint(cyan, head))
		} else if line != "" {
			b.WriteString(margin)
		}
		if p.Width > 0 && !strings.HasPrefix(line, " ") {
			line = wrap(line, max(p.Width-len(margin), 20), "\n"+margin)
		}
		b.WriteString(line + "\n")
	}
}

// wrap breaks a line between words so that no part is wider than width, unless
// a single word is.
func wrap(line string, width int, newline string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(line) {
		w := textWidth(word)
		switch {
		case i == 0:
		case column+1+w > width:
			b.WriteString(newline)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += w
	}
	return b.String()
}

// where tells which hosts and environments a diagnostic concerns.
func where(hosts, envs []string) string {
	var parts []string
	if len(hosts) > 0 {
		parts = append(parts, "on "+FoldSome(hosts, 3))
	}
	switch len(envs) {
	case 0:
	case 1:
		parts = append(parts, "in environment "+envs[0])
	case 2, 3:
		last := len(envs) - 1
		parts = append(parts, "in environments "+strings.Join(envs[:last], ", ")+" and "+envs[last])
	default:
		parts = append(parts, fmt.Sprintf("in environments %s, %s and %d more", envs[0], envs[1], len(envs)-2))
	}
	return CleanLine(strings.Join(parts, " "))
}

// location is "file:line:column".
func location(r Range) string {
	return CleanLine(r.File) + ":" + strconv.Itoa(r.Start.Line) + ":" + strconv.Itoa(r.Start.Column)
}
