//go:build linux

package main

import (
	"fmt"
	"time"
)

// A goal is a row of the design's table of speed, on one fleet.
type goal struct {
	What  string  `json:"what"`
	Got   float64 `json:"got"`
	Bound float64 `json:"bound"`
	Least bool    `json:"at_least,omitempty"` // the bound is from below
	Unit  string  `json:"unit,omitempty"`
	Hosts int     `json:"hosts"`
	RTT   string  `json:"rtt"`
}

func (g goal) met() bool {
	if g.Least {
		return g.Got >= g.Bound
	}
	return g.Got <= g.Bound
}

// miss says by how much.
func (g goal) verdict() string {
	if g.met() {
		return "met"
	}
	if g.Least {
		return fmt.Sprintf("**missed** by %.0f %%", 100*(1-g.Got/g.Bound))
	}
	return fmt.Sprintf("**missed** by %.0f %%", 100*(g.Got/g.Bound-1))
}

// goals judges shipit on one fleet. Ratios are medians of those of each run.
func (t table) goals(n int, rtt time.Duration) []goal {
	var out []goal
	add := func(g goal) {
		g.Hosts, g.RTT = n, rtt.String()
		out = append(out, g)
	}
	at := func(what, who string) cell { return cell{what, who, n, rtt} }
	slower := func(what, than string, bound float64) {
		if r := t.paired(at(what, "shipit"), at(what, than)); len(r) > 0 {
			add(goal{What: what + ": wall ÷ " + than, Got: median(r), Bound: bound})
		}
	}
	faster := func(what, than string, bound float64) {
		if r := t.paired(at(what, than), at(what, "shipit")); len(r) > 0 {
			add(goal{What: what + ": " + than + " ÷ wall", Got: median(r), Bound: bound, Least: true})
		}
	}
	slower(micro, "floor-go", 1.2)
	slower(noop, "floor-go", 1.2)
	faster(noop, "ansible", 20)
	slower(delta, "floor-go-delta", 1.3)
	faster(delta, "ansible", 10)
	faster(delta, "rsync-ssh", 2)
	if best, ok := t.quickest(at(full, ""), []string{"floor-go", "floor-ssh", "floor-ssh-mux"}); ok {
		slower(full, best.who, 1.2)
	}
	if n >= 100 {
		faster(full, "ansible", 9)
	} else {
		faster(full, "ansible", 6)
	}
	slower(canary, "floor-go-delta", 1.3)
	for _, what := range []string{noop, full, delta, canary} {
		fs := t[at(what, "shipit")]
		if len(fs) == 0 {
			continue
		}
		most := func(get func(figure) float64) float64 {
			m := 0.0
			for _, v := range of(fs, get) {
				m = max(m, v)
			}
			return m
		}
		add(goal{What: what + ": connections a host", Got: most(func(f figure) float64 { return float64(f.Conns) }) / float64(n), Bound: 1})
		if trips := least(of(fs, func(f figure) float64 { return float64(f.Trips) })); trips > 0 {
			bound := 15.0
			if what == noop {
				bound = 12
			}
			add(goal{What: what + ": round trips", Got: trips, Bound: bound})
		}
		add(goal{What: what + ": deployer's CPU a host", Got: 1000 * median(of(fs, cpu)) / float64(n), Bound: 5, Unit: "ms"})
		add(goal{What: what + ": deployer's memory", Got: most(func(f figure) float64 { return float64(f.RSS) }) / (1 << 20), Bound: 100, Unit: "MiB"})
		if what == noop || what == delta {
			bound := 20.0
			if what == delta {
				bound += treeBytes / treeFiles / 1000
			}
			add(goal{What: what + ": bytes a host", Got: most(func(f figure) float64 { return float64(f.Sent) }) / float64(n) / 1000, Bound: bound, Unit: "KB"})
		}
	}
	return out
}
