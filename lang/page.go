package lang

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed pages/*.md
var pages embed.FS

// A Page explains a code: why shipit says it, an example of the mistake, and
// the same without it.
type Page struct {
	Code
	Why          string
	Wrong, Right []Example
}

// An Example is a piece of a definition, or of a file beside it. A page is
// Markdown; the words after the ``` of an example become the fields.
type Example struct {
	Text      string
	File      string   // beside the definition; "" is the definition itself
	InService bool     // it stands in the service block
	Whole     bool     // nothing is to be added to it
	Repeat    int      // "…" stands for so many times what is before it
	Inventory string   // whether a command that lists hosts works or fails
	Run       []string // the command and its flags, where these matter
}

// PageOf finds the page of a code.
func PageOf(code string) (Page, bool) {
	for _, c := range Codes() {
		if c.Code == code {
			text, err := pages.ReadFile("pages/" + code + ".md")
			if err != nil {
				return Page{Code: c}, true
			}
			return parsePage(c, string(text)), true
		}
	}
	return Page{}, false
}

func parsePage(c Code, text string) Page {
	p := Page{Code: c}
	why, rest, _ := strings.Cut(text, "\nWrong:\n")
	wrong, right, _ := strings.Cut(rest, "\nRight:\n")
	p.Why = strings.TrimSpace(why)
	p.Wrong, p.Right = parseExamples(wrong), parseExamples(right)
	return p
}

func parseExamples(text string) []Example {
	var list []Example
	for {
		_, rest, ok := strings.Cut(text, "```")
		if !ok {
			return list
		}
		info, rest, _ := strings.Cut(rest, "\n")
		body, rest, _ := strings.Cut(rest, "```")
		list = append(list, parseExample(strings.Fields(info)[1:], body))
		text = rest
	}
}

func parseExample(words []string, text string) Example {
	e := Example{Text: text}
	for i, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "service":
			e.InService = true
		case "whole":
			e.Whole = true
		case "file":
			e.File = value
		case "inventory":
			e.Inventory = value
		case "repeat":
			_, _ = fmt.Sscan(value, &e.Repeat)
		case "run":
			e.Run = append([]string{value}, words[i+1:]...)
			return e
		}
	}
	return e
}

// Source is the example with everything that "…" stands for.
func (e Example) Source() string {
	if e.Repeat == 0 {
		return e.Text
	}
	var b strings.Builder
	rest := e.Text
	for {
		before, after, ok := strings.Cut(rest, "…")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		unit := before[strings.LastIndexAny(before, " \n")+1:]
		b.WriteString(strings.Repeat(unit, e.Repeat-1))
		rest = after
	}
}

// where tells what a reader must know of the example.
func (e Example) where() string {
	var parts []string
	if e.InService {
		parts = append(parts, "in the service block")
	}
	if e.File != "" {
		parts = append(parts, "in "+e.File)
	}
	if len(e.Run) > 0 {
		command := "shipit " + e.Run[0] + " FILE"
		for _, arg := range e.Run[1:] {
			if strings.HasPrefix(arg, "SHIPIT_") {
				command = arg + " " + command
			} else {
				command += " " + arg
			}
		}
		parts = append(parts, command)
	}
	if e.Repeat > 0 {
		parts = append(parts, fmt.Sprintf("where … is %d times what stands before it", e.Repeat))
	}
	return strings.Join(parts, ", ")
}

// Text is the page for a terminal.
func (p Page) Text() string {
	return p.write("", "    ", "")
}

// Markdown is the page for programs that render it.
func (p Page) Markdown() string {
	return p.write("```hcl\n", "", "```\n")
}

func (p Page) write(open, indent, end string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s\n", p.Code.Code, p.Meaning, p.Why)
	for _, part := range []struct {
		title string
		list  []Example
	}{{"Wrong", p.Wrong}, {"Right", p.Right}} {
		for i, e := range part.list {
			title := part.title
			if i > 0 {
				title = "With"
			}
			if where := e.where(); where != "" {
				title += " (" + where + ")"
			}
			fmt.Fprintf(&b, "\n%s:\n\n%s", title, open)
			for line := range strings.Lines(e.Text) {
				if line != "\n" {
					b.WriteString(indent)
				}
				b.WriteString(line)
			}
			b.WriteString(end)
		}
	}
	return b.String()
}
