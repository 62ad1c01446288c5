package view

import (
	"strings"

	"shipit/lang/diag"
)

// before says which checks must pass before the first change, and on how
// many hosts.
func (v *planView) before() {
	count := map[string]int{}
	var order []string
	for _, h := range v.p.Body.Hosts {
		for _, s := range h.Before {
			name := strings.TrimPrefix(s.CheckName(), "check.")
			if count[name] == 0 {
				order = append(order, name)
			}
			count[name]++
		}
	}
	if order == nil {
		return
	}
	var parts []string
	for i, name := range order {
		text := diag.CleanLine(name)
		if i == len(order)-1 || count[order[i+1]] != count[name] {
			text += " on " + plural(count[name], "host")
		}
		parts = append(parts, text)
	}
	text := "before the first change: check " + strings.Join(parts, ", ") + ", as they run now"
	if v.p.Body.Request.IgnorePreflight {
		text += "; a no is told and ignored (--ignore-preflight)"
	}
	v.printf("\n")
	for _, line := range wrap(text, v.s.width()-2) {
		v.printf("  %s\n", line)
	}
}
