//go:build linux

package main

import "time"

// held are the ratios to the floor that the guard holds shipit to: what was
// measured when this was last changed, which is not the goal. Wall is what
// people wait for; work is the CPU time of deployer and hosts together, which
// other programs of the machine change less. Who makes shipit faster lowers
// them.
var held = []struct {
	what, than string
	wall, work float64
}{
	{noop, "floor-go", 1.5, 1.3},
	{delta, "floor-go-delta", 2.6, 2.5},
	{full, "floor-go", 1.5, 1.4},
	{canary, "floor-go-delta", 2.2, 2.5},
}

// guards are what must hold on one fleet: ratios of the least of all runs,
// with slack, and counts, which nothing disturbs, exactly.
func (t table) guards(n int, rtt time.Duration) []goal {
	var out []goal
	for _, h := range held {
		at := cell{h.what, "shipit", n, rtt}
		ours, floor := t[at], t[cell{h.what, h.than, n, rtt}]
		if len(ours) == 0 {
			continue
		}
		add := func(what string, got, bound float64) {
			out = append(out, goal{What: h.what + ": " + what, Got: got, Bound: bound, Hosts: n, RTT: rtt.String()})
		}
		if len(floor) > 0 {
			add("wall ÷ "+h.than, least(of(ours, wall))/least(of(floor, wall)), h.wall*guardSlack)
			add("CPU of all ÷ "+h.than, least(of(ours, work))/least(of(floor, work)), h.work*guardSlack)
		}
		add("connections a host", least(of(ours, func(f figure) float64 { return float64(f.Conns) }))/float64(n), 1)
		// On a busy machine two waits can be seen as three.
		if most := map[string]float64{noop: 12, delta: 17}[h.what]; most > 0 && rtt > 0 {
			add("round trips", least(of(ours, func(f figure) float64 { return float64(f.Trips) })), most)
		}
		if h.what == delta {
			add("KB a host", least(of(ours, func(f figure) float64 { return float64(f.Sent) }))/float64(n)/1000, 33)
		}
	}
	return out
}

// work is the CPU time that a case took of everybody.
func work(f figure) float64 { return f.CPU + f.HostsCPU }
