package lang

import (
	"fmt"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// A Linked is one service of several definitions.
type Linked struct {
	Config  int // which of the definitions declares it
	Service string
}

// Link looks at definitions together that were loaded with Options.Linked:
// which services there are, in the order of their after, and what is wrong
// between them. What the definitions say of themselves was told by Load.
func Link(configs []*Config) ([]Linked, diag.List) {
	var diags diag.List
	var all []*node
	home := map[*node]int{}
	for i, c := range configs {
		for _, n := range c.services {
			if first := byName(all, n.name()); first != nil {
				d := eval.At("E0123", n.nameAt(), fmt.Sprintf("the service %q is declared in two definitions", n.name()), "", "Rename or remove one of the two.")
				diags = append(diags, dangling(d, eval.Range(first.nameAt()), "the first is here"))
				continue
			}
			home[n] = i
			all = append(all, n)
		}
	}
	waits := func(n *node) []wait { return configs[home[n]].waits[n] }
	for _, n := range all {
		for _, w := range waits(n) {
			if byName(all, w.on) == nil {
				var known []string
				for _, o := range all {
					if o != n {
						known = append(known, o.name())
					}
				}
				diags = append(diags, unknownService(w.on, w.at, known))
			}
		}
	}
	order, circle := arrange(all, func(n *node) []string { return waitsFor(waits(n)) })
	for _, n := range circle {
		if home[n] != home[circle[0]] { // Load told of circles in one definition
			diags = append(diags, configs[home[n]].circle(circle, waits))
			break
		}
	}
	var list []Linked
	for _, n := range order {
		list = append(list, Linked{Config: home[n], Service: n.name()})
	}
	return list, diags
}
