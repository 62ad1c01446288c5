package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"shipit/lang/diag"
)

// An Output is what a command printed on one host, and how it ended there.
type Output struct {
	Host string
	OK   bool
	How  string // "" where there is nothing to say: "exit status 1", "unreachable: …"
	Help string // what to do about it
	Said *Kept  // raw; may be nil
}

// Outputs prints what hosts said, those that said the same together: the ones
// where all is well first, so that what went wrong stands near the prompt.
// What a host printed is indented, so that it cannot pose as another's.
func Outputs(w io.Writer, all []Output, s Style) {
	var good, bad []*outputGroup
	at := map[string]*outputGroup{}
	for _, o := range all {
		key := o.key()
		g := at[key]
		if g == nil {
			g = &outputGroup{Output: o}
			at[key] = g
			if o.OK {
				good = append(good, g)
			} else {
				bad = append(bad, g)
			}
		}
		g.names = append(g.names, o.Host)
	}
	for _, g := range append(good, bad...) {
		g.print(w, s)
	}
}

type outputGroup struct {
	Output
	names []string
}

// key is the same for outputs that are shown once.
func (o Output) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t\x00%s\x00%s", o.OK, o.How, o.Help)
	if k := o.Said; k != nil {
		fmt.Fprintf(&b, "\x00%d\x00%d", k.Cut, k.CutBytes)
		for _, lines := range [][]string{k.Head, k.Tail} {
			b.WriteByte(0)
			for _, l := range lines {
				b.WriteString(l)
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

func (g *outputGroup) print(w io.Writer, s Style) {
	mark, how := "", ""
	if g.How != "" {
		how = ": " + diag.CleanLine(g.How)
	}
	if !g.OK {
		mark = s.paint(red, "!") + " "
		how = s.paint(red, how)
	}
	nothing := g.Said == nil || len(g.Said.Head)+len(g.Said.Tail)+g.Said.Cut == 0
	if nothing && g.OK && g.How == "" {
		how = ": " + s.paint(dim, "(no output)")
	}
	fmt.Fprintf(w, "%s%s%s\n", mark, s.paint(bold, hostNames(g.names)), how)
	if k := g.Said; !nothing {
		outputLines(w, k.Head)
		if k.Cut > 0 {
			fmt.Fprintln(w, s.paint(dim, fmt.Sprintf("    … %s (%d KiB) were cut here; --stream shows all as they come", plural(k.Cut, "line"), (k.CutBytes+1023)/1024)))
		}
		outputLines(w, k.Tail)
	}
	if g.Help != "" {
		fmt.Fprintln(w, "    "+s.paint(dim, diag.CleanLine(g.Help)))
	}
}

func outputLines(w io.Writer, lines []string) {
	for _, l := range lines {
		for line := range strings.SplitSeq(diag.Clean(l), "\n") {
			fmt.Fprintln(w, strings.TrimRight("    "+line, " "))
		}
	}
}

// Prefixed prints lines of several hosts as they come, each behind its host.
type Prefixed struct {
	mu    sync.Mutex
	w     io.Writer
	s     Style
	width int
}

// NewPrefixed prints to w; the names of the hosts make the first column.
func NewPrefixed(w io.Writer, hosts []string, s Style) *Prefixed {
	p := &Prefixed{w: w, s: s}
	for _, h := range hosts {
		p.width = max(p.width, utf8.RuneCountInString(h))
	}
	return p
}

// Line prints a raw line of a host.
func (p *Prefixed) Line(host, line string) { p.print(host, line, "|", "") }

// Bad says of a host what went wrong there.
func (p *Prefixed) Bad(host, text string) { p.print(host, diag.CleanLine(text), "!", red) }

func (p *Prefixed) print(host, text, mark, colour string) {
	name := diag.CleanLine(host)
	name += strings.Repeat(" ", max(0, p.width-utf8.RuneCountInString(name)))
	if colour != "" {
		mark = p.s.paint(colour, mark)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.SplitSeq(diag.Clean(text), "\n") {
		fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("%s %s %s", p.s.paint(bold, name), mark, line), " "))
	}
}
