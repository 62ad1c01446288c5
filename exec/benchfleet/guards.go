//go:build linux

package main

import "time"

// guards are the goals as the guard holds them: ratios by the least of each,
// with slack, and connections exactly. Round trips are in it where the cable
// takes time.
func (t table) guards(n int, rtt time.Duration) []goal {
	var out []goal
	for _, r := range []struct {
		what, than string
		bound      float64
	}{{noop, "floor-go", 1.2}, {delta, "floor-go-delta", 1.3}, {full, "floor-go", 1.2}, {canary, "floor-go-delta", 1.3}} {
		at := cell{r.what, "shipit", n, rtt}
		ours, floor := t[at], t[cell{r.what, r.than, n, rtt}]
		if len(ours) == 0 {
			continue
		}
		add := func(what string, got, bound float64) {
			out = append(out, goal{What: r.what + ": " + what, Got: got, Bound: bound, Hosts: n, RTT: rtt.String()})
		}
		if len(floor) > 0 && rtt == 0 {
			add("wall ÷ "+r.than, least(of(ours, wall))/least(of(floor, wall)), r.bound*guardSlack)
		}
		add("connections a host", least(of(ours, func(f figure) float64 { return float64(f.Conns) }))/float64(n), 1)
		if r.what == noop && rtt > 0 {
			add("round trips", least(of(ours, func(f figure) float64 { return float64(f.Trips) })), 12)
		}
	}
	return out
}
