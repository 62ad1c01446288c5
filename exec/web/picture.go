package web

import (
	"fmt"
	"slices"
	"time"

	"shipit/exec/view"
)

// The measures of the picture.
const (
	wideLine  = 1000
	highLine  = 18
	mostLines = 1000
)

// A picture is a timeline as it stands in a page.
type picture struct {
	Lines        []hostLine
	Marks        []mark
	High         int
	More         int // hosts that are left out
	Began, Ended time.Time
}

// draw is the picture of some lines: what has no end goes on until now.
func (t *timeline) draw(lines []hostLine, now time.Time) picture {
	p := picture{Began: t.began, Ended: now}
	for _, l := range lines {
		switch {
		case len(l.Spans) == 0:
		case len(p.Lines) == mostLines:
			p.More++
		default:
			spans := slices.Clone(l.Spans)
			for i := range spans {
				if spans[i].To.IsZero() {
					spans[i].To = now
				}
			}
			p.Lines = append(p.Lines, hostLine{Host: l.Host, Spans: spans})
		}
	}
	p.Marks = place(p.Lines, p.Began, p.Ended)
	p.High = highLine * len(p.Lines)
	return p
}

// host is the picture of one host.
func (t *timeline) host(name string, now time.Time) picture {
	i, ok := t.at[name]
	if !ok {
		return picture{}
	}
	return t.draw(t.lines[i:i+1], now)
}

// A mark is an instant below the picture.
type mark struct {
	X    int
	Text string
}

// place gives spans their place in the picture.
func place(lines []hostLine, began, ended time.Time) []mark {
	all := max(ended.Sub(began), time.Millisecond)
	x := func(t time.Time) int { return int(float64(t.Sub(began)) / float64(all) * wideLine) }
	for i := range lines {
		lines[i].Y = i * highLine
		for j := range lines[i].Spans {
			sp := &lines[i].Spans[j]
			sp.X = x(sp.From)
			sp.Width = max(2, x(sp.To)-sp.X)
		}
	}
	var marks []mark
	for i := range 5 {
		d := all * time.Duration(i) / 4
		marks = append(marks, mark{i * wideLine / 4, fmt.Sprintf("+%s", view.Took(d))})
	}
	return marks
}
