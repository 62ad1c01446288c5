//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"
)

// guardSlack is how much worse than its goal a figure may be before the guard
// says no: machines of CI are small and never quiet.
const guardSlack = 1.5

// guardRTT is the round-trip time at which round trips are counted.
const guardRTT = 20 * time.Millisecond

// guardRun is the small bench that CI runs: shipit against the floor on a few
// hosts, and alone once more where round trips can be counted. What it
// compares are the least of several runs, which noise only makes larger, and
// counts, which it does not touch.
func (b *bench) guardRun() error {
	b.cases = []string{full, delta, noop, canary}
	b.rtts = []time.Duration{0}
	all, _, err := b.measureAll([]*contestant{find("shipit"), find("floor-go"), find("floor-go-delta")})
	if err != nil {
		return err
	}
	b.cases, b.rtts, b.runs = []string{full, delta, noop}, []time.Duration{guardRTT}, 1
	far, _, err := b.measureAll([]*contestant{find("shipit")})
	if err != nil {
		return err
	}
	return judge(append(all, far...), b.options.hosts)
}

// judge prints what the guard has seen and says what is wrong with it.
func judge(all []figure, hosts []int) error {
	var wrong []error
	for _, f := range all {
		if f.Error != "" {
			wrong = append(wrong, fmt.Errorf("%s, %s: %s", f.Contestant, f.Case, f.Error))
		}
	}
	t := tabulate(all)
	for _, n := range hosts {
		for _, g := range append(t.guards(n, 0), t.guards(n, guardRTT)...) {
			word := "ok"
			if !g.met() {
				word = "TOO MUCH"
				wrong = append(wrong, fmt.Errorf("%s on %d hosts at %s: %.3g, and at most %.3g is allowed", g.What, g.Hosts, g.RTT, g.Got, g.Bound))
			}
			fmt.Printf("%-40s %6.3g of %.3g allowed: %s\n", g.What, g.Got, g.Bound, word)
		}
	}
	return errors.Join(wrong...)
}
