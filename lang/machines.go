package lang

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// groupValue is hosts.NAME: the list of the group's machines.
func (e *evaluator) groupValue(name string) cty.Value {
	for _, g := range e.groups {
		if g.name() == name {
			return e.symbol("hosts."+name, g.nameAt(), func() cty.Value { return e.group(g) })
		}
	}
	return cty.DynamicVal
}

// group decodes a hosts block.
func (e *evaluator) group(n *node) cty.Value {
	e.sayNothing(n)
	list, ok := e.members(n)
	if !ok {
		return cty.UnknownVal(cty.List(eval.HostType()))
	}
	labels := get[map[string]string](e, n, "labels")
	if a := n.attrs["labels"]; a != nil {
		e.unknownHosts(a)
	}
	ssh, port := e.ssh(n.first("ssh"), SSH{}, 0)
	special := map[string]*node{}
	for _, h := range n.all("host") {
		special[h.name()] = h
	}
	var values []cty.Value
	var names []string
	for _, m := range list {
		names = append(names, m.name)
		h := e.machine(n, m, labels, ssh, port)
		if s := special[m.name]; s != nil {
			e.override(h, s)
			m.at = s.nameAt()
			delete(special, m.name)
		}
		if first := e.machines[m.name]; first != nil {
			dup := eval.At("E0413", m.at, fmt.Sprintf("the host %q is in two places", m.name), "", "Name each host once, in one group.")
			if first.Group == n.name() {
				dup.Summary = fmt.Sprintf("the host %q stands twice in its group", m.name)
			}
			dup.Related = []diag.Related{{Range: first.Range, Text: "the first is here"}}
			e.report(dup)
			continue
		}
		e.machines[m.name] = h
		e.machineOrder = append(e.machineOrder, h)
		e.machineVals[m.name] = hostValue(h)
		values = append(values, e.machineVals[m.name])
	}
	for _, h := range n.all("host") {
		if special[h.name()] != nil {
			un := eval.At("E0210", h.nameAt(), fmt.Sprintf("the group has no host %q", h.name()), "A host block says what is different on one of the group's names.", "")
			if near := diag.Nearest(h.name(), names); near != "" {
				un.Help = fmt.Sprintf("Did you mean %q?", near)
			}
			e.report(un)
		}
	}
	if len(values) == 0 {
		return cty.ListValEmpty(eval.HostType())
	}
	return cty.ListVal(values)
}

// machine is a host as its list and its group describe it. What the group
// says about ssh wins over an inventory.
func (e *evaluator) machine(n *node, m member, labels map[string]string, ssh SSH, port int) *Host {
	h := &Host{
		Name: m.name, Address: cmp.Or(m.address, m.name), Port: cmp.Or(port, m.port), SSH: ssh,
		Group: n.name(), Labels: map[string]string{}, Range: eval.Range(n.nameAt()),
	}
	h.SSH.User = cmp.Or(ssh.User, m.user)
	if n.attrs["names"] == nil {
		h.Range = eval.Range(m.at)
	}
	maps.Copy(h.Labels, labels)
	maps.Copy(h.Labels, m.labels)
	return h
}

// sayNothing reports what only makes sense beside from_command.
func (e *evaluator) sayNothing(n *node) {
	if n.attrs["from_command"] != nil {
		return
	}
	for _, name := range []string{"group", "label_vars", "snapshot"} {
		if a := n.attrs[name]; a != nil {
			w := eval.At("W0407", a.nameAt, name+" says nothing here", "It chooses from what from_command prints.", "Remove "+name+".")
			w.Severity = diag.Warning
			e.report(w)
		}
	}
}

// unknownHosts reports hosts that depend on a value nobody gave: they are
// the one thing that must be known offline.
func (e *evaluator) unknownHosts(a *attribute) {
	if a.bad || e.values[a].IsWhollyKnown() || !e.offline {
		return
	}
	for _, r := range a.refs {
		if r.Root == "var" && (r.All || !e.variableValue(r.Name).IsWhollyKnown()) {
			e.errorf("E0507", a.expr.Range(), fmt.Sprintf("Give variable %q a default, or a value in every environment.", r.Name),
				"Hosts are static, so that every expression of every host can be checked offline.", "the hosts depend on a variable without a value")
			return
		}
	}
}

func (e *evaluator) override(h *Host, n *node) {
	h.Range = eval.Range(n.nameAt())
	if address, ok := e.attr(n, "address"); ok {
		h.Address = address.(string)
	}
	h.SSH, h.Port = e.ssh(n.first("ssh"), h.SSH, h.Port)
	if port, ok := e.attr(n, "port"); ok {
		h.Port = int(port.(int64))
	}
	labels := maps.Clone(h.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, get[map[string]string](e, n, "labels"))
	h.Labels = labels
}

// ssh decodes an ssh block over what is inherited.
func (e *evaluator) ssh(n *node, base SSH, port int) (SSH, int) {
	if n == nil {
		return base, port
	}
	if v, ok := e.attr(n, "user"); ok {
		base.User = v.(string)
	}
	if v, ok := e.attr(n, "port"); ok {
		port = int(v.(int64))
	}
	if v, ok := e.attr(n, "jump"); ok {
		base.Jump = v.([]string)
	}
	if v, ok := e.attr(n, "identity"); ok {
		base.Identity = v.(string)
	}
	if v, ok := e.attr(n, "via"); ok {
		if base.Via = v.(string); base.Via == "builtin" {
			base.Via = ""
		}
	}
	if n.attrs["legacy_algorithms"] != nil { // a group's block does not have it
		if v, ok := e.attr(n, "legacy_algorithms"); ok {
			base.Legacy = v.(bool)
		}
	}
	if v, ok := e.attr(n, "known_hosts"); ok {
		at := n.at("known_hosts")
		below, _, err := e.reader(at.Filename, &e.used, &e.loops).Read(v.(string))
		if err != nil {
			e.errorf("E0316", at, "Paths start at the directory of the definition; ./ begins one beside the file that says it.", sentence(err), "cannot read %q", v)
		}
		base.KnownHosts = below
	}
	return base, port
}

func hostValue(h *Host) cty.Value {
	labels := cty.MapValEmpty(cty.String)
	if len(h.Labels) > 0 {
		values := map[string]cty.Value{}
		for k, v := range h.Labels {
			values[k] = cty.StringVal(v)
		}
		labels = cty.MapVal(values)
	}
	port := cty.NullVal(cty.Number)
	if h.Port != 0 {
		port = cty.NumberIntVal(int64(h.Port))
	}
	return cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal(h.Name), "address": cty.StringVal(h.Address), "port": port, "labels": labels,
	})
}

// unlistedHost stands for a host that only a command can name.
func unlistedHost() cty.Value {
	text := cty.UnknownVal(cty.String).RefineNotNull()
	return cty.ObjectVal(map[string]cty.Value{
		"name": text, "address": text, "port": cty.UnknownVal(cty.Number), "labels": cty.UnknownVal(cty.Map(cty.String)).RefineNotNull(),
	})
}

// allHosts are the machines of all groups.
func (e *evaluator) allHosts() []*Host {
	for _, g := range e.groups {
		e.groupValue(g.name())
	}
	return e.machineOrder
}

// hostList is the attribute hosts of n as a list of hosts, for expressions.
func (e *evaluator) hostList(n *node) cty.Value {
	names, ok := e.hostNames(n)
	if !ok {
		return cty.UnknownVal(cty.List(eval.HostType()))
	}
	var values []cty.Value
	for _, name := range names {
		values = append(values, e.machineVals[name])
	}
	if len(values) == 0 {
		return cty.ListValEmpty(eval.HostType())
	}
	return cty.ListVal(values)
}

// hostNames reads the attribute hosts: a list of hosts or of their names.
func (e *evaluator) hostNames(n *node) ([]string, bool) {
	a := n.attrs["hosts"]
	if a == nil {
		return nil, !n.attrSchema("hosts").Required
	}
	if d, ok := e.decoded[a]; ok {
		names, _ := d.value.([]string)
		return names, d.ok
	}
	key := e.listKey(a)
	names, ok := e.lists[key]
	if !ok || key == "" {
		if names, ok = e.readHosts(a); ok && key != "" {
			e.lists[key] = names // of which nothing needs to be told twice
		}
	}
	e.decoded[a] = decoded{value: names, ok: ok}
	return names, ok
}

// wholeList is env.hosts or hosts.NAME where the expression is nothing else,
// as most are.
func wholeList(a *attribute) string {
	if _, ok := a.expr.(*hclsyntax.ScopeTraversalExpr); !ok || len(a.refs) != 1 || a.refs[0].All || len(a.expr.Variables()[0]) != 2 {
		return ""
	}
	switch r := a.refs[0]; r.Root {
	case "env", "hosts":
		return r.Root + "." + r.Name
	}
	return ""
}

// listKey is the same for attributes that give the same list: batches of many
// services choose among the same hosts in the same words.
func (e *evaluator) listKey(a *attribute) string {
	if key := wholeList(a); key != "" || e.service == nil || e.service.attrs["hosts"] == nil {
		return key
	}
	among := ""
	for _, r := range a.refs {
		switch {
		case r.Root == "service" && !r.All && r.Name == "hosts":
			if among = wholeList(e.service.attrs["hosts"]); among == "" {
				return ""
			}
		case !slices.Contains([]string{"var", "local", "env", "hosts"}, r.Root):
			return ""
		}
	}
	return strings.Join([]string{a.expr.Range().Filename, among, e.source(a)}, "\x00")
}

func (e *evaluator) readHosts(a *attribute) ([]string, bool) {
	v := e.value(a)
	if eval.IsSensitive(v) {
		e.errorf("E0414", a.expr.Range(), "", "Plans show which hosts there are.", "hosts cannot be sensitive")
		return nil, false
	}
	if !v.IsWhollyKnown() {
		e.unknownHosts(a)
		return nil, false
	}
	at := a.expr.Range()
	if v.IsNull() {
		return nil, true
	}
	if v.Type().IsObjectType() && v.Type().Equals(eval.HostType()) {
		v = cty.ListVal([]cty.Value{v})
	}
	if t := v.Type(); !t.IsListType() && !t.IsTupleType() && !t.IsSetType() {
		e.errorf("E0301", at, "Write hosts = hosts.NAME, or select(service.hosts, { label = \"value\" }).", "It is "+eval.Kind(v)+".", "hosts needs a list of hosts")
		return nil, false
	}
	var names []string
	first := map[string]bool{}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		name, ok := e.hostName(element, at)
		if !ok {
			return nil, false
		}
		if first[name] {
			e.errorf("E0413", at, "Wrap it in distinct(…), or name the host once.", "", "the host %q stands twice in the list", name)
			return nil, false
		}
		first[name] = true
		names = append(names, name)
	}
	return names, true
}

// hostName reads one element of a list of hosts.
func (e *evaluator) hostName(v cty.Value, at hcl.Range) (string, bool) {
	name := ""
	switch t := v.Type(); {
	case v.IsNull():
	case t == cty.String:
		name = v.AsString()
	case t.IsObjectType() && t.HasAttribute("name") && t.AttributeType("name") == cty.String && !v.GetAttr("name").IsNull():
		name = v.GetAttr("name").AsString()
	}
	if name == "" {
		help := ""
		if t := v.Type(); t.IsListType() || t.IsTupleType() {
			help = "Use concat(a, b) to put lists together."
		}
		e.errorf("E0301", at, help, "An element is "+eval.Kind(v)+".", "hosts needs a list of hosts")
		return "", false
	}
	all := e.allHosts()
	if e.machines[name] != nil {
		return name, true
	}
	if len(e.unlisted) > 0 {
		return "", false // it may be one of those
	}
	var known []string
	for _, h := range all {
		known = append(known, h.Name)
	}
	help := "Declare it in a hosts block."
	if near := diag.Nearest(name, known); near != "" {
		help = fmt.Sprintf("Did you mean %q?", near)
	}
	e.errorf("E0210", at, help, "", "no group has a host %q", name)
	return "", false
}
