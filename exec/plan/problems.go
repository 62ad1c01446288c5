package plan

import (
	"fmt"
	"slices"
	"strings"

	"shipit/lang/diag"
)

// Problems are the reasons why p cannot be applied, each a sentence with what
// to do; none if it can. Hosts with the same problem are told together. What
// --without left out is no problem any more: that decision is in the plan.
func (p *Plan) Problems() []string {
	out := slices.Clone(p.Body.Against)
	for _, a := range p.Body.Policy {
		if !a.OK && a.Level != "warn" {
			out = append(out, fmt.Sprintf("an assert of the definition does not hold: %s (%s)", a.Message, a.Range))
		}
	}
	type kind struct {
		action  Action
		problem string
	}
	var order []kind
	hosts := map[kind][]string{}
	for _, h := range p.Body.Hosts {
		if h.Problem == "" || h.LeftOut() {
			continue
		}
		k := kind{h.Action, h.Problem}
		if hosts[k] == nil {
			order = append(order, k)
		}
		hosts[k] = append(hosts[k], h.Name)
	}
	for _, k := range order {
		names := hosts[k]
		what := ": "
		if k.action == Unreachable {
			what = " cannot be reached: "
		}
		without := strings.Join(names, " --without ")
		if len(names) > 3 {
			without = "HOST for each of them"
		}
		out = append(out, fmt.Sprintf("%s%s%s (or go on with --without %s)", diag.FoldSome(names, mostNames), what, k.problem, without))
	}
	return out
}

// leftOut ends the problem of a host that the request left out.
const leftOut = "left out by --without"

// LeftOut tells that the request left the host out.
func (h *Host) LeftOut() bool { return strings.HasSuffix(h.Problem, leftOut) }
