package lang

import (
	"reflect"

	"github.com/zclconf/go-cty/cty"
)

// again lets validate look at a host of a service once where environments do
// not differ in anything that its expressions use.
type again struct{ services map[*node]*faultless }

// faultless are the hosts of a service that nothing is wrong with, as long as
// the names that the expressions use have these values.
type faultless struct {
	names map[*attribute]map[string]cty.Value
	hosts map[string]*Host
	value map[string]cty.Value
}

// faultless is what earlier environments found out about the service, nothing
// where a value differs.
func (a *again) faultless(e *evaluator, n *node) *faultless {
	names := map[*attribute]map[string]cty.Value{}
	var collect func(n *node)
	collect = func(n *node) {
		for _, name := range n.order {
			if a := n.attrs[name]; !a.bad {
				names[a] = e.context(a).Variables
			}
		}
		for _, b := range n.blocks {
			collect(b)
		}
	}
	for _, b := range n.blocks {
		switch b.schema.Name {
		case "file", "drain", "restart", "check", "hook": // what target looks at
			collect(b)
		}
	}
	f := a.services[n]
	if f == nil || !sameNames(f.names, names) {
		f = &faultless{names: names, hosts: map[string]*Host{}, value: map[string]cty.Value{}}
		a.services[n] = f
	}
	return f
}

func sameNames(a, b map[*attribute]map[string]cty.Value) bool {
	if len(a) != len(b) {
		return false
	}
	for attr, names := range a {
		if len(names) != len(b[attr]) {
			return false
		}
		for name, value := range names {
			other, ok := b[attr][name]
			if !ok || !value.RawEquals(other) {
				return false
			}
		}
	}
	return true
}

func (f *faultless) has(e *evaluator, h *Host) bool {
	known, ok := f.hosts[h.Name]
	return ok && f.value[h.Name].RawEquals(e.machineVals[h.Name]) && reflect.DeepEqual(known.SSH, h.SSH)
}

func (f *faultless) add(e *evaluator, h *Host) {
	f.hosts[h.Name], f.value[h.Name] = h, e.machineVals[h.Name]
}

// targets evaluates what the service does on each host.
func (e *evaluator) targets(n *node, hosts []*Host) []Target {
	var f *faultless
	if e.again != nil && len(hosts) > 1 {
		f = e.again.faultless(e, n)
	}
	list := make([]Target, 0, len(hosts))
	for i, h := range hosts {
		// The first host also stands for what is the same on all.
		if i > 0 && f != nil && f.has(e, h) {
			list = append(list, Target{Host: *h, Files: list[0].Files})
			continue
		}
		before := len(e.diags)
		list = append(list, e.target(n, h))
		if f != nil && len(e.diags) == before {
			f.add(e, h)
		}
	}
	return list
}
