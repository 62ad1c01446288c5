package live

import (
	"strings"

	"charm.land/lipgloss/v2"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang/diag"
)

// A Look is what the terminal can show.
type Look struct {
	Color bool
	ASCII bool // its locale is not UTF-8
}

// A tone is how a piece of text is to be seen, where there is colour. What it
// means never hangs on it.
type tone int

const (
	plain tone = iota
	faint
	strong
	good   // done
	moving // under way
	warn   // going back, waits for a person
	bad    // failure only
	chosen // what the keys are about
)

var tones = map[tone]lipgloss.Style{
	faint:  lipgloss.NewStyle().Faint(true),
	strong: lipgloss.NewStyle().Bold(true),
	good:   lipgloss.NewStyle().Foreground(lipgloss.Green),
	moving: lipgloss.NewStyle().Foreground(lipgloss.Blue).Bold(true),
	warn:   lipgloss.NewStyle().Foreground(lipgloss.Yellow),
	bad:    lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true),
	chosen: lipgloss.NewStyle().Reverse(true),
}

// A piece is text of one tone.
type piece struct {
	text string
	tone tone
}

// A line is what stands in a row of the screen.
type line []piece

// text is a line of one piece.
func text(s string, t tone) line { return line{{s, t}} }

// width is how many columns a line takes.
func (l line) width() int {
	n := 0
	for _, p := range l {
		n += columns(p.text)
	}
	return n
}

// render makes a line harmless and cuts it to a width.
func (k Look) render(l line, width int) string {
	var b strings.Builder
	for _, p := range l.merged() {
		text := oneLine(p.text)
		if n := columns(text); n > width {
			text = cut(text, width)
			width = 0
		} else {
			width -= n
		}
		if k.ASCII {
			text = ascii.Replace(text)
		}
		if style, ok := tones[p.tone]; ok && k.Color && text != "" {
			text = style.Render(text)
		} else if p.tone == chosen && text != "" { // which must be seen without colour, too
			text = style.Render(text)
		}
		b.WriteString(text)
		if width <= 0 {
			break
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// merged is the line with fewer pieces: a grid has one for each host.
func (l line) merged() line {
	var out line
	for i := 0; i < len(l); {
		var b strings.Builder
		t := l[i].tone
		for ; i < len(l) && l[i].tone == t; i++ {
			b.WriteString(l[i].text)
		}
		out = append(out, piece{b.String(), t})
	}
	return out
}

// oneLine is text from elsewhere as it may stand in a row: a tabulator would
// move what is behind it.
func oneLine(s string) string { return strings.ReplaceAll(diag.CleanLine(s), "\t", " ") }

// columns is how wide a clean text is.
func columns(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return lipgloss.Width(s)
		}
	}
	return len(s)
}

// cut is as much of a clean text as fits, with a mark that there is more.
func cut(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	if width <= 0 {
		return ""
	}
	runes := []rune(s)
	n := min(len(runes), width)
	for n > 0 && columns(string(runes[:n])) > width-1 {
		n--
	}
	return string(runes[:n]) + "…"
}

// pad is a text that is exactly so wide.
func pad(s string, width int) string {
	s = cut(oneLine(s), width)
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}

// ascii is for terminals that show nothing else.
var ascii = strings.NewReplacer("✓", "+", "✗", "x", "·", ".", "▶", ">", "→", ">", "…", "~", "│", "|", "«", "b", "×", "x", "—", "-")

// A mark is how a status is shown: a sign that differs for each, a word, and a
// tone.
type mark struct {
	sign, word string
	tone       tone
}

// marks are those of hosts at rest, in the order of the legend.
var marks = []struct {
	status rollout.Status
	mark
}{
	{rollout.Waiting, mark{"·", "waiting", faint}},
	{rollout.Staging, mark{"^", "fetching", moving}},
	{rollout.Staged, mark{"o", "has release", plain}},
	{rollout.Doing, mark{"▶", "switching", moving}},
	{rollout.Done, mark{"✓", "done", good}},
	{rollout.Failed, mark{"✗", "failed", bad}},
	{rollout.Undoing, mark{"<", "going back", warn}},
	{rollout.Undone, mark{"«", "rolled back", warn}},
	{rollout.Stuck, mark{"!", "stuck", bad}},
	{rollout.Unknown, mark{"?", "unknown", bad}},
	{rollout.Cut, mark{"%", "interrupted", warn}},
	{rollout.Kept, mark{"=", "unchanged", faint}},
	{rollout.Skipped, mark{"-", "not started", faint}},
}

// soaking is a host that is done and whose batch is still being watched.
var soaking = mark{"~", "soaking", moving}

// checking is a host that is done and being checked once more.
var checking = mark{"c", "checking", moving}

// steps are the marks of what is done on a host in its switch.
var steps = map[plan.Op]mark{
	plan.OpDrain:    {"d", "draining", moving},
	plan.OpArm:      {"d", "draining", moving},
	plan.OpFile:     {"f", "files", moving},
	plan.OpActivate: {"a", "activating", moving},
	plan.OpRestart:  {"r", "restarting", moving},
	plan.OpCheck:    checking,
	plan.OpHook:     {"h", "hook", moving},
	plan.OpUndrain:  {"u", "putting back", moving},
	plan.OpConfirm:  {"u", "putting back", moving},
}

// markOf is how a host is shown.
func (f *frame) markOf(h rollout.Host) mark {
	st := f.s.hosts[h.Name]
	switch {
	case h.Status == rollout.Doing:
		if step, ok := st.at(); ok && steps[step.Op].sign != "" {
			return steps[step.Op]
		}
	case h.Status == rollout.Done && st.began.Phase == event.After:
		return checking
	case h.Status == rollout.Done && f.soaks[h.Batch]:
		return soaking
	}
	for _, m := range marks {
		if m.status == h.Status {
			return m.mark
		}
	}
	return mark{"?", string(h.Status), plain}
}
