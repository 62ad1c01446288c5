package live

import (
	"fmt"
	"strings"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// A frame is one drawing of a state: what several parts of it need, looked up
// once.
type frame struct {
	s      *State
	c      *Screen
	hosts  []rollout.Host // in the order of the grid
	names  []string       // as short as they can be, likewise
	longer int            // the longest of them
	flying []rollout.Action
	soaks  map[int]bool // batches whose gate is open
}

func (s *State) frame(c *Screen) *frame {
	f := &frame{s: s, c: c, flying: s.roll.InFlight(), soaks: map[int]bool{}}
	all := s.roll.Hosts()
	for _, i := range s.order {
		f.hosts = append(f.hosts, all[i])
	}
	f.names = shortNames(f.hosts)
	for _, n := range f.names {
		f.longer = max(f.longer, columns(n))
	}
	for _, a := range f.flying {
		if a.Kind == rollout.OpenGate {
			f.soaks[a.Batch] = true
		}
	}
	return f
}

// shortNames leaves out the domain that all hosts share.
func shortNames(hosts []rollout.Host) []string {
	names := make([]string, len(hosts))
	domain := ""
	for i, h := range hosts {
		names[i] = oneLine(h.Name)
		head, tail, ok := strings.Cut(names[i], ".")
		if i == 0 {
			domain = tail
		}
		if !ok || head == "" || tail != domain {
			domain = ""
		}
	}
	if domain != "" {
		for i := range names {
			names[i] = strings.TrimSuffix(names[i], "."+domain)
		}
	}
	return names
}

// header says which run this is.
func (f *frame) header() line {
	l := line{{f.title(), strong}}
	if f.c.Replay != "" {
		l = append(line{{f.c.Replay, chosen}, {" ", plain}}, l...)
	}
	end := f.c.Now
	if f.s.ended != nil {
		end = f.s.ended.Time
	}
	rest := f.s.run
	if !f.s.began.IsZero() {
		rest += "  " + left(end.Sub(f.s.began))
	}
	for rest != "" { // the time alone where there is no room for both
		if room := f.c.Width - l.width() - columns(rest); room >= 2 {
			return append(l, piece{strings.Repeat(" ", room) + rest, faint})
		}
		_, rest, _ = strings.Cut(rest, "  ")
	}
	return l
}

// sentence is what is happening, in as many rows as there are for it.
func (f *frame) sentence(rows int) []line {
	return wrapped(f.s.Sentence(f.c.Now), f.tone(), f.c.Width, rows)
}

// tone is how the sentence is to be seen.
func (f *frame) tone() tone {
	switch {
	case f.s.ended != nil && (f.s.ended.Outcome == event.Done || f.s.ended.Outcome == event.Nothing):
		return good
	case f.s.ended != nil && f.s.ended.Outcome == event.Mixed, f.s.roll.Halted() != "" && !f.s.roll.Aborted() && f.s.started:
		return bad
	case f.s.asked != nil, f.s.roll.Paused() != "", f.s.roll.Aborted(), f.s.roll.GoingBack():
		return warn
	}
	return strong
}

// wrapped is a text in at most so many rows; what does not fit is cut.
func wrapped(s string, t tone, width, rows int) []line {
	var out []line
	row := ""
	for word := range strings.FieldsSeq(oneLine(s)) {
		switch {
		case row == "":
			row = word
		case columns(row)+1+columns(word) <= width || len(out) == rows-1:
			row += " " + word
		default:
			out, row = append(out, text(row, t)), word
		}
	}
	return append(out, text(row, t))
}

// strip is the batches and the gates between them.
func (f *frame) strip() line {
	type part struct {
		line
		here bool
	}
	var parts []part
	at, _ := f.s.roll.Position()
	for i := range f.s.plan.Body.Batches {
		b := &f.s.plan.Body.Batches[i]
		parts = append(parts, part{f.batch(i, b, at), i == at})
		if i < len(f.s.plan.Body.Batches)-1 && (b.Soak > 0 || b.Confirm) {
			parts = append(parts, part{f.gate(i, b), f.soaks[i]})
		}
	}
	const arrow = " → "
	var l line
	for first := 0; ; first++ {
		l = nil
		if first > 0 {
			l = line{{"…", faint}}
		}
		for _, p := range parts[first:] {
			if len(l) > 0 {
				l = append(l, piece{arrow, faint})
			}
			l = append(l, p.line...)
		}
		if l.width() <= f.c.Width || first >= len(parts)-1 || parts[first].here {
			return l
		}
	}
}

func (f *frame) batch(i int, b *plan.Batch, at int) line {
	done, over, bads, all := 0, 0, 0, 0
	for _, h := range f.hosts {
		if h.Batch != i || h.Status == rollout.Kept {
			continue
		}
		all++
		switch h.Status {
		case rollout.Done:
			done++
			over++
		case rollout.Failed, rollout.Stuck, rollout.Unknown:
			bads++
			over++
		case rollout.Undone:
			over++
		}
	}
	m := mark{"·", "", faint}
	switch {
	case bads > 0:
		m = mark{"✗", "", bad}
	case all > 0 && done == all:
		m = mark{"✓", "", good}
	case all > 0 && over == all, over > done && f.s.roll.GoingBack():
		m = mark{"«", "", warn}
	case i == at && f.s.ended == nil:
		m = mark{"▶", "", moving}
	case all == 0:
		m = mark{"=", "", faint}
	}
	return line{{fmt.Sprintf("%s %s %d/%d", b.Name, m.sign, done, all), m.tone}}
}

func (f *frame) gate(i int, b *plan.Batch) line {
	what := "confirm"
	if b.Soak > 0 {
		what = "soak " + b.Soak.String()
		if b.Confirm {
			what += ", confirm"
		}
	}
	switch {
	case f.s.roll.Passed(i):
		return text(what+" ✓", good)
	case f.soaks[i] && f.s.asked != nil && f.s.asked.Batch == b.Name:
		return text("confirm ?", warn)
	case f.soaks[i]:
		end := f.s.waits[b.Name].Time.Add(b.Soak.Std())
		return text("soak ▶ "+left(end.Sub(f.c.Now)), moving)
	}
	return text(what+" ·", faint)
}

// counts is how many hosts stand where, and what is in service.
func (f *frame) counts() line {
	type group struct {
		mark
		n int
	}
	var groups []*group
	for _, h := range f.hosts {
		m := f.markOf(h)
		if h.Status == rollout.Doing { // one group, whatever the step
			m = mark{"▶", "switching", moving}
		}
		i := 0
		for i < len(groups) && groups[i].word != m.word {
			i++
		}
		if i == len(groups) {
			groups = append(groups, &group{mark: m})
		}
		groups[i].n++
	}
	serving, least := f.capacity()
	l := line{{fmt.Sprintf("in service %d of %d", serving, len(f.hosts)), plain}}
	if least >= 0 {
		l[0].text += fmt.Sprintf(", at least %d", least)
		if serving < least {
			l[0].tone = bad
		}
	}
	for i, g := range groups {
		sep := "  "
		if i == 0 {
			sep = "   "
		}
		l = append(l, piece{sep, plain}, piece{fmt.Sprintf("%s %d %s", g.sign, g.n, g.word), g.tone})
	}
	return l
}

// capacity is how many hosts serve as far as anybody knows, and how many the
// batch wants to be left; -1 where no batch was begun.
func (f *frame) capacity() (serving, least int) {
	before := 0
	for _, h := range f.hosts {
		ph := f.s.hosts[h.Name].plan
		served := ph.From.ID != ""
		if served {
			before++
		}
		if !h.Drained && (served || h.Status == rollout.Done) {
			serving++
		}
	}
	b, slice := f.s.roll.Position()
	if b < 0 {
		return serving, -1
	}
	return serving, max(0, before-f.s.plan.Body.Batches[b].Allowed(slice))
}
