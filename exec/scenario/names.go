package scenario

import (
	"fmt"
	"slices"
	"strings"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/exec/sim"
	"shipit/lang"
	"shipit/lang/diag"
	"shipit/lang/eval"
)

func (p *play) say(diags diag.List) { p.res.Diags = append(p.res.Diags, diags...) }

func (p *play) errorf(code string, at diag.Range, help, format string, args ...any) {
	p.say(diag.List{{Code: code, Severity: diag.Error, Subject: at, Summary: fmt.Sprintf(format, args...), Help: help}})
}

// placed gives messages about the environment, the service and the values a
// place in the scenario.
func (p *play) placed(diags diag.List) diag.List {
	for i := range diags {
		d := &diags[i]
		switch d.Code {
		case "E0505", "E0506":
			d.Subject = p.s.Env.Range
		case "E0510", "E0213":
			d.Subject = p.s.Service.Range
		case "E0502":
			d.Subject = p.s.ValuesAt
		}
		if d.Code == "E0506" || d.Code == "E0510" { // its help is for the command line
			d.Help = strings.NewReplacer("Write -e ", "Write env = ", "--service ", "service = ").Replace(d.Help)
		}
	}
	return diags
}

// match are the hosts that patterns mean, in the order of the fleet. One that
// means none is a mistake.
func (p *play) match(patterns []lang.Text) []string {
	meant := map[string]bool{}
	for _, t := range patterns {
		chosen := plan.Choose([]string{t.Text}, p.names)
		if missing := p.missing(t.Text); missing != "" {
			p.errorf("E0603", t.Range, "The hosts are "+lang.Fold(p.names)+".", "%q means %s, which is not there", t.Text, missing)
		} else if len(chosen) == 0 {
			help := "The hosts are " + lang.Fold(p.names) + "."
			if near := diag.Nearest(t.Text, p.names); near != "" {
				help = fmt.Sprintf("Did you mean %q?", near)
			}
			p.errorf("E0603", t.Range, help, "no host is meant by %q", t.Text)
		}
		for name := range chosen {
			meant[name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(p.names), func(name string) bool { return !meant[name] })
}

// missing is a host of a range that the fleet has not, "" if there is none.
func (p *play) missing(pattern string) string {
	if !strings.Contains(pattern, "[") || strings.ContainsAny(pattern, "*?") {
		return ""
	}
	names, err := eval.Expand(pattern)
	if err != nil {
		return ""
	}
	for _, name := range names {
		if !slices.Contains(p.names, name) {
			return name
		}
	}
	return ""
}

// assign gives hosts the values of patterns. The narrowest pattern wins: a
// name over a range over a glob.
func (p *play) assign(picks []lang.Pick, what string) map[string]string {
	values := map[string]string{}
	from := map[string]lang.Pick{}
	for _, pick := range picks {
		for _, name := range p.match([]lang.Text{pick.Pattern}) {
			was, again := from[name]
			mine, its := narrowness(pick.Pattern.Text), narrowness(was.Pattern.Text)
			switch {
			case again && mine < its:
				continue
			case again && mine == its && was.Value.Text != pick.Value.Text:
				p.say(diag.List{{
					Code: "E0604", Severity: diag.Error, Subject: pick.Pattern.Range,
					Summary: fmt.Sprintf("%s says two things of %s", what, name), Help: "Name the host, or make the patterns narrower.",
					Related: []diag.Related{{Range: was.Pattern.Range, Text: "the other is here"}},
				}})
				return values
			}
			values[name], from[name] = pick.Value.Text, pick
		}
	}
	return values
}

func narrowness(pattern string) int {
	switch {
	case pattern == "*":
		return 0
	case strings.ContainsAny(pattern, "*?"):
		return 1
	case strings.ContainsAny(pattern, "[") || strings.Contains(pattern, ".."):
		return 2
	}
	return 3
}

// arm makes the hosts meet the faults of the scenario. Steps that the plan
// does not have are mistakes.
func (p *play) arm() bool {
	all := map[string]bool{} // the steps of the plan
	back := map[string]bool{}
	on := map[string]map[string]bool{} // by step, the hosts
	steps := map[string]plan.Step{}
	add := func(host string, of []plan.Step, to map[string]bool) {
		for _, s := range of {
			to[s.ID], steps[s.ID] = true, s
			if on[s.ID] == nil {
				on[s.ID] = map[string]bool{}
			}
			on[s.ID][host] = true
		}
	}
	for _, h := range p.plan.Body.Hosts {
		for _, of := range [][]plan.Step{h.Stage, h.Switch, h.After} {
			add(h.Name, of, all)
		}
		add(h.Name, h.Undo, back)
	}
	add("", p.plan.Body.Hooks, all)
	for _, f := range p.s.Faults {
		have := all
		if f.OnRollback {
			have = back
		}
		hosts := p.match(f.Hosts)
		if !p.known(f.Step, have) {
			continue
		}
		fault := simulated(f, steps[f.Step.Text])
		if on[f.Step.Text][""] {
			p.fleet.Deployer().Meet(fault)
		}
		for _, name := range hosts {
			p.fleet.Host(name).Meet(fault)
		}
	}
	for _, i := range []*lang.Interruption{p.s.Kill, p.s.Abort} {
		if i != nil {
			p.match(i.Hosts)
			p.known(i.At, all)
		}
	}
	return !p.res.Diags.HasErrors()
}

// unmet warns of faults that nothing ran into: they say less than their
// author thinks.
func (p *play) unmet() {
	for _, f := range p.s.Faults {
		met := p.fleet.Deployer().Met(f.Step.Text)
		for _, name := range p.match(f.Hosts) {
			met = met || p.fleet.Host(name).Met(f.Step.Text)
		}
		if !met {
			p.say(diag.List{{
				Code: "W0601", Severity: diag.Warning, Subject: f.Step.Range, Summary: fmt.Sprintf("nothing ran into the fault of %q", f.Step.Text),
				Help: "See with -v where the run ended before, or remove the fault.",
			}})
		}
	}
	for _, i := range []*lang.Interruption{p.s.Kill, p.s.Abort} {
		if i != nil && !p.interrupted {
			p.say(diag.List{{
				Code: "W0601", Severity: diag.Warning, Subject: i.At.Range, Summary: fmt.Sprintf("the run never came to %q there", i.At.Text),
				Help: "See with -v where the run ended before.",
			}})
		}
	}
}

// known reports a step that is not in the plan.
func (p *play) known(step lang.Text, steps map[string]bool) bool {
	if steps[step.Text] {
		return true
	}
	var names []string
	for name := range steps {
		names = append(names, name)
	}
	slices.Sort(names)
	help := "The steps are " + strings.Join(names, ", ") + "."
	if near := diag.Nearest(step.Text, names); near != "" {
		help = fmt.Sprintf("Did you mean %q?", near)
	} else if len(names) == 0 {
		help = "The plan changes nothing there."
	}
	p.errorf("E0601", step.Range, help, "the plan has no step %q", step.Text)
	return false
}

// simulated is a fault as the fleet meets it. Its host ends a step
// that hangs, and a check asks until its deadline before it says no.
func simulated(f lang.Fault, s plan.Step) sim.Fault {
	out := sim.Fault{
		Step: f.Step.Text, Skip: f.Passes, Times: f.Times, Extra: f.Extra.Std(),
		Phases: []string{"stage", "switch", "after", "prune", "hook", ""}, Output: []string{"the scenario says that it fails"},
	}
	if f.OnRollback {
		out.Phases = []string{"undo"}
	}
	out.How = map[string]sim.How{"fail": sim.Fails, "hang": sim.Fails, "cut": sim.Drops, "vanish": sim.Vanishes, "slow": sim.Slows}[f.How]
	limit := exec.Limit(&s)
	switch {
	case f.How == "fail" && s.Op == plan.OpCheck:
		out.Extra = limit
	case f.How == "hang":
		out.Extra, out.Output = limit, []string{"no end within " + lang.Duration(limit).String()}
	}
	if out.Times == 0 {
		out.Times = -1
		if f.How == "cut" || f.How == "vanish" {
			out.Times = 1
		}
	}
	return out
}
