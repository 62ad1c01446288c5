//go:build linux

package main

import (
	"errors"
	"fmt"
)

// guardSlack is how much worse than its goal a figure may be before the guard
// says no: machines of CI are small and never quiet.
const guardSlack = 1.5

// guardRun is the small bench that CI runs: shipit against the floor on a few
// hosts. What it compares are the least of several runs, which noise only
// makes larger, and counts, which it does not touch.
func (b *bench) guardRun() error {
	b.cases = []string{full, delta, noop, canary}
	who := []*contestant{find("shipit"), find("floor-go"), find("floor-go-delta")}
	all, _, err := b.measureAll(who)
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range all {
		if f.Error != "" {
			failed = append(failed, fmt.Errorf("%s, %s: %s", f.Contestant, f.Case, f.Error))
		}
	}
	t := tabulate(all)
	for _, n := range b.options.hosts {
		for _, rtt := range b.rtts {
			for _, g := range t.guards(n, rtt) {
				word := "ok"
				if !g.met() {
					word = "TOO MUCH"
					failed = append(failed, fmt.Errorf("%s on %d hosts at %s: %.3g %s, and at most %.3g are allowed", g.What, g.Hosts, g.RTT, g.Got, g.Unit, g.Bound))
				}
				fmt.Printf("%-40s %8.3g %-3s of %.3g allowed: %s\n", g.What, g.Got, g.Unit, g.Bound, word)
			}
		}
	}
	return errors.Join(failed...)
}
