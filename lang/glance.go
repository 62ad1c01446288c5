package lang

import (
	"net/netip"
	"slices"

	"shipit/lang/schema"
)

// targets evaluates what the service does on each host. To validate, a glance
// is enough after the first host, where nothing was wrong with that.
func (e *evaluator) targets(n *node, hosts []*Host) []Target {
	clear(e.shapes)
	attrs, enough := e.ofHosts(n)
	list := make([]Target, 0, len(hosts))
	for i, h := range hosts {
		if i > 0 && enough && e.glance(attrs, h) {
			// The first host stands for what is the same on all.
			list = append(list, Target{Host: *h, Files: list[0].Files})
			continue
		}
		before := len(e.diags)
		list = append(list, e.target(n, h))
		enough = enough && len(e.diags) == before
	}
	return list
}

// ofHosts are the attributes of a service that differ between hosts. Enough
// tells that validate needs to look at nothing else: no rule between
// attributes depends on them.
func (e *evaluator) ofHosts(n *node) (attrs []*attribute, enough bool) {
	enough = e.glances
	var collect func(n *node)
	collect = func(n *node) {
		for _, name := range n.order {
			a := n.attrs[name]
			if !a.perHost || a.bad {
				continue
			}
			attrs = append(attrs, a)
			if a.schema.Type == schema.Duration || name == "json" || slices.Contains(patterns, name) {
				enough = false
			}
		}
		for _, b := range n.blocks {
			collect(b)
		}
	}
	collect(n)
	return attrs, enough
}

// glance tells whether nothing is wrong with the attributes on a host.
func (e *evaluator) glance(attrs []*attribute, h *Host) bool {
	if hidden(h) {
		return false // checkReach looks at where checks go
	}
	e.host, e.hostCtx = h, e.machineVals[h.Name]
	defer func() { e.host = nil }()
	before := len(e.diags)
	for _, a := range attrs {
		e.decode(a)
	}
	good := len(e.diags) == before
	e.diags = e.diags[:before] // the whole look tells it in its order
	return good
}

// hidden tells that a host is reached by a jump host and has no public
// address.
func hidden(h *Host) bool {
	ip, err := netip.ParseAddr(h.Address)
	return err == nil && len(h.SSH.Jump) > 0 && (ip.IsPrivate() || ip.IsLoopback())
}
