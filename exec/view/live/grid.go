package live

import (
	"fmt"
	"slices"
	"strings"

	"shipit/exec/rollout"
	"shipit/exec/view"
)

// grid draws the hosts in at most so many rows: one a row with what it is at
// where they are few, their names side by side, or else a sign for each.
func (f *frame) grid(rows int) []line {
	switch {
	case rows <= 0:
		return nil
	case len(f.hosts) <= rows:
		return f.list()
	}
	across := max(1, f.c.Width/(f.longer+4))
	if (len(f.hosts)+across-1)/across <= rows {
		return f.columns(across)
	}
	return f.cells(rows)
}

// list is a row for each host.
func (f *frame) list() []line {
	var out []line
	for i, h := range f.hosts {
		m := f.markOf(h)
		l := line{{m.sign + " ", m.tone}, {pad(f.names[i], f.longer), f.toneOf(h, plain)}, {"  " + pad(m.word, 12) + " ", m.tone}}
		out = append(out, append(l, piece{f.about(h), faint}))
	}
	return out
}

// columns is names side by side.
func (f *frame) columns(across int) []line {
	var out []line
	for i, h := range f.hosts {
		if i%across == 0 {
			out = append(out, nil)
		}
		m := f.markOf(h)
		row := &out[len(out)-1]
		*row = append(*row, piece{m.sign + " ", m.tone}, piece{pad(f.names[i], f.longer), f.toneOf(h, m.tone)}, piece{"  ", plain})
	}
	return out
}

// tens is how many signs stand together, so that they can be counted.
const tens = 10

// cells is a sign for each host, behind the name of the first of its row.
func (f *frame) cells(rows int) []line {
	label := f.longer + 2
	if label > f.c.Width/3 {
		label = 0
	}
	room := f.c.Width - label
	across := max(room, 1)
	if room > tens {
		across = (room + 1) / (tens + 1) * tens
	}
	need := (len(f.hosts) + across - 1) / across
	first := 0
	var more line
	if need > rows && rows > 1 { // a window around what matters
		rows--
		at := max(0, f.focus()) / across
		first = min(max(0, at-rows/2), need-rows)
		more = text(fmt.Sprintf("hosts %d to %d of %d; arrows move", first*across+1, min((first+rows)*across, len(f.hosts)), len(f.hosts)), faint)
	}
	var out []line
	for row := first; row < min(first+rows, need); row++ {
		l := line{}
		if label > 0 {
			l = append(l, piece{pad(f.names[row*across], label), faint})
		}
		for i, h := range f.hosts[row*across : min((row+1)*across, len(f.hosts))] {
			if i > 0 && i%tens == 0 && room > tens {
				l = append(l, piece{" ", plain})
			}
			m := f.markOf(h)
			l = append(l, piece{m.sign, f.toneOf(h, m.tone)})
		}
		out = append(out, l)
	}
	if more != nil {
		out = append(out, more)
	}
	return out
}

// toneOf is the tone of a host's name or cell: that which is chosen stands
// out, and while somebody searches, those that do not match step back.
func (f *frame) toneOf(h rollout.Host, t tone) tone {
	switch {
	case h.Name == f.c.Host:
		return chosen
	case f.c.Query != "" && !strings.Contains(h.Name, f.c.Query):
		return faint
	}
	return t
}

// focus is the host that keys are about: the chosen one, else the first that
// failed, else the first at which something is done; -1 where there is none.
func (f *frame) focus() int {
	index := func(is func(rollout.Host) bool) int { return slices.IndexFunc(f.hosts, is) }
	if i := index(func(h rollout.Host) bool { return h.Name == f.c.Host }); i >= 0 {
		return i
	}
	if n := len(f.s.failures); n > 0 {
		return index(func(h rollout.Host) bool { return h.Name == f.s.failures[0] })
	}
	return index(func(h rollout.Host) bool { return f.s.hosts[h.Name].began.Type != "" })
}

// about is what a host is at, or how it ended, in a few words.
func (f *frame) about(h rollout.Host) string {
	st := f.s.hosts[h.Name]
	if st.began.Type != "" {
		return st.doing(f.c.Now)
	}
	if why := view.Why(h); why != "" {
		return why
	}
	if h.Took > 0 {
		return view.Took(h.Took)
	}
	return ""
}

// chosen is a row about the chosen host, nil where a list tells it or none is.
func (f *frame) chosen() []line {
	i := slices.IndexFunc(f.hosts, func(h rollout.Host) bool { return h.Name == f.c.Host })
	if i < 0 {
		return nil
	}
	h := f.hosts[i]
	m := f.markOf(h)
	batch := ""
	if h.Batch >= 0 {
		batch = " in batch " + f.s.plan.Body.Batches[h.Batch].Name
	}
	return []line{{{m.sign + " " + h.Name, chosen}, {batch + ": ", faint}, {m.word + "  ", m.tone}, {f.about(h), plain}}}
}
