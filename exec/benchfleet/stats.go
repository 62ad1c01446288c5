//go:build linux

package main

import (
	"slices"
	"time"
)

// A cell is one contestant in one case on one fleet, over all runs.
type cell struct {
	what string
	who  string
	n    int
	rtt  time.Duration
}

// A table holds the figures of the runs that went well, by cell, in the
// order of runs.
type table map[cell][]figure

func tabulate(all []figure) table {
	t := table{}
	for _, f := range all {
		if f.Error == "" {
			c := cell{f.Case, f.Contestant, f.Hosts, f.RTT}
			t[c] = append(t[c], f)
		}
	}
	return t
}

// of gives a quantity of all runs of a cell.
func of[T any](fs []figure, get func(figure) T) []T {
	var out []T
	for _, f := range fs {
		out = append(out, get(f))
	}
	return out
}

func wall(f figure) float64 { return f.Wall }
func cpu(f figure) float64  { return f.CPU }

// median of values; 0 of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// least of values; 0 of none.
func least(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return slices.Min(v)
}

// paired gives the ratio of two contestants' walls in each run that both did
// well.
func (t table) paired(a, b cell) []float64 {
	var out []float64
	for _, x := range t[a] {
		for _, y := range t[b] {
			if x.Run == y.Run && y.Wall > 0 {
				out = append(out, x.Wall/y.Wall)
			}
		}
	}
	return out
}

// quickest is the contestant with the least median of some.
func (t table) quickest(c cell, who []string) (cell, bool) {
	var best cell
	found := false
	for _, c.who = range who {
		if len(t[c]) > 0 && (!found || median(of(t[c], wall)) < median(of(t[best], wall))) {
			best, found = c, true
		}
	}
	return best, found
}
