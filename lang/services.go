package lang

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// A wait is one name in the after of a service.
type wait struct {
	on string
	at hcl.Range
}

// Services are the names of the declared services, each behind those that it
// comes after, and otherwise in the order of their declaration.
func (c *Config) Services() []string {
	var names []string
	for _, n := range c.ordered() {
		names = append(names, n.name())
	}
	return names
}

// Declares tells whether the definition has a variable of that name.
func (c *Config) Declares(variable string) bool {
	return slices.Contains(c.symbols.Variables, variable)
}

// Includes are the files that the definition includes, in the order in which
// they were read.
func (c *Config) Includes() []string {
	return slices.DeleteFunc(slices.Clone(c.order), func(file string) bool { return file == c.path })
}

func (c *Config) ordered() []*node {
	order, _ := arrange(c.services, func(n *node) []string { return waitsFor(c.waits[n]) })
	return order
}

func waitsFor(waits []wait) []string {
	var list []string
	for _, w := range waits {
		list = append(list, w.on)
	}
	return list
}

// arrange puts each service behind those it comes after and keeps the order
// otherwise. Names that are nobody's are passed over. Services that wait for
// each other in a circle are circle, and stand last, as they came.
func arrange(services []*node, after func(*node) []string) (order, circle []*node) {
	left := slices.Clone(services)
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(n *node) bool {
			return !slices.ContainsFunc(after(n), func(name string) bool { return byName(left, name) != nil })
		})
		if i < 0 {
			break
		}
		order = append(order, left[i])
		left = slices.Delete(left, i, i+1)
	}
	if len(left) == 0 {
		return order, nil
	}
	order = append(order, left...)
	// Everybody who is left waits for somebody who is left: whoever follows
	// comes to a service a second time.
	for n := left[0]; ; {
		if i := slices.Index(circle, n); i >= 0 {
			return order, circle[i:]
		}
		circle = append(circle, n)
		for _, name := range after(n) {
			if next := byName(left, name); next != nil {
				n = next
				break
			}
		}
	}
}

func byName(services []*node, name string) *node {
	for _, n := range services {
		if n.name() == name {
			return n
		}
	}
	return nil
}

// checkServices reads the after of every service. What it says is static, so
// that the order is the same in every environment.
func (c *Config) checkServices() {
	c.waits = map[*node][]wait{}
	for _, n := range c.services {
		if a := n.attrs["after"]; a != nil {
			c.waits[n] = c.readAfter(n, a)
		}
	}
	if _, circle := arrange(c.services, func(n *node) []string { return waitsFor(c.waits[n]) }); circle != nil {
		c.structure.diags = append(c.structure.diags, c.circle(circle, func(n *node) []wait { return c.waits[n] }))
	}
}

func (c *Config) readAfter(n *node, a *attribute) []wait {
	s := c.structure
	const help = "Write after = [service.NAME]"
	list, problems := hcl.ExprList(a.expr)
	if problems.HasErrors() {
		s.errorf("E0301", a.expr.Range(), help, "", "after is a list of services")
		return nil
	}
	var waits []wait
	for _, e := range list {
		name, ok := serviceRef(e)
		if !ok {
			d := s.errorf("E0301", e.Range(), help, "It is read before any value is known, so that the order is the same in every environment.", "after names services")
			if v, problems := e.Value(nil); !problems.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
				d.Help = fmt.Sprintf("Write service.%s, without quotes.", v.AsString())
			}
			continue
		}
		if name == n.name() {
			s.errorf("E0417", e.Range(), "Remove it.", "", "service %q comes after itself", name)
			continue
		}
		if i := slices.IndexFunc(waits, func(w wait) bool { return w.on == name }); i >= 0 {
			d := eval.At("W0407", e.Range(), fmt.Sprintf("service %q is named twice", name), "", "Remove one of the two.")
			d.Severity = diag.Warning
			s.diags = append(s.diags, dangling(d, eval.Range(waits[i].at), "the first is here"))
			continue
		}
		if !c.options.Linked && byName(c.services, name) == nil {
			s.diags = append(s.diags, unknownService(name, e.Range(), c.others(n)))
			continue
		}
		waits = append(waits, wait{name, e.Range()})
	}
	return waits
}

// serviceRef is the name in service.NAME or service["NAME"].
func serviceRef(e hcl.Expression) (string, bool) {
	traversal, problems := hcl.AbsTraversalForExpr(e)
	if problems.HasErrors() || len(traversal) != 2 || traversal.RootName() != "service" {
		return "", false
	}
	switch step := traversal[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// others are the names of all services but n.
func (c *Config) others(n *node) []string {
	var list []string
	for _, o := range c.services {
		if o != n {
			list = append(list, o.name())
		}
	}
	return list
}

func unknownService(name string, at hcl.Range, known []string) diag.Diagnostic {
	d := eval.At("E0213", at, fmt.Sprintf("there is no service %q", name), eval.Listing("There are", known), "Include the file that declares it, or name that file on the command line, too.")
	if near := diag.Nearest(name, known); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	}
	return d
}

// circle reports services that wait for each other, where each says so.
func (c *Config) circle(members []*node, waits func(*node) []wait) diag.Diagnostic {
	var list []string
	var places []hcl.Range
	for i, n := range members {
		next := members[(i+1)%len(members)].name()
		list = append(list, n.name())
		for _, w := range waits(n) {
			if w.on == next {
				places = append(places, w.at)
				break
			}
		}
	}
	d := eval.At("E0417", places[0], "services come after each other in a circle",
		"The circle is "+strings.Join(append(list, list[0]), " → ")+".", "Remove one of them from after.")
	for i, at := range places[1:] {
		d.Related = append(d.Related, diag.Related{Range: eval.Range(at), Text: list[i+1] + " comes after " + list[(i+2)%len(list)]})
	}
	return d
}

// service finds the service that was asked for.
func (c *Config) service(name string) (*node, *diag.Diagnostic) {
	known := c.Services()
	if n := byName(c.services, name); n != nil {
		return n, nil
	}
	switch {
	case name == "" && len(c.services) == 1:
		return c.services[0], nil
	case name == "":
		return nil, &diag.Diagnostic{
			Code: "E0510", Severity: diag.Error, Summary: "which service?", Detail: eval.Listing("The definition declares", known),
			Help: fmt.Sprintf("Write --service %s.", known[0]), Subject: eval.Range(c.services[0].def),
		}
	}
	d := &diag.Diagnostic{Code: "E0213", Severity: diag.Error, Summary: fmt.Sprintf("there is no service %q", name), Detail: eval.Listing("There are", known)}
	if near := diag.Nearest(name, known); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	}
	return nil, d
}

// Overlaps finds what two services of one environment would both change on a
// host they share: a directory of releases, a file.
func Overlaps(definitions []*Definition) diag.List {
	var o overlaps
	for _, d := range definitions {
		o.add(d)
	}
	return o.diags
}

// overlaps knows who changes what on which host.
type overlaps struct {
	owners map[hostPath]owner
	told   map[clash]int // index in diags
	diags  diag.List
}

type hostPath struct{ host, path string } // the path of a directory ends in /

type owner struct {
	service string
	at      diag.Range
}

type clash struct{ first, second, path string }

func (o *overlaps) add(d *Definition) {
	if o.owners == nil {
		o.owners, o.told = map[hostPath]owner{}, map[clash]int{}
	}
	dir := d.Service.Transport.Path
	if dir != "" {
		dir = path.Clean(dir)
	}
	for _, t := range d.Targets {
		if dir != "" {
			o.claim(d, hostPath{t.Host.Name, dir + "/"}, d.Service.Transport.Range)
		}
		for _, f := range t.Files {
			o.claim(d, hostPath{t.Host.Name, path.Clean(f.Path)}, f.Range)
		}
	}
}

func (o *overlaps) claim(d *Definition, p hostPath, at diag.Range) {
	first, taken := o.owners[p]
	if !taken {
		o.owners[p] = owner{d.Service.Name, at}
		return
	}
	if first.service == d.Service.Name {
		return // that is told by itself
	}
	c := clash{first.service, d.Service.Name, p.path}
	i, again := o.told[c]
	if !again {
		i = len(o.diags)
		o.told[c] = i
		code, what, help := "E0406", fmt.Sprintf("write %q", p.path), "Leave the file to one of them."
		if dir, ok := strings.CutSuffix(p.path, "/"); ok {
			code, what, help = "E0418", fmt.Sprintf("live in %q", dir), "Give each service a path of its own."
		}
		o.diags = append(o.diags, dangling(diag.Diagnostic{
			Code: code, Severity: diag.Error, Subject: at, Envs: []string{d.Env.Name}, Help: help,
			Summary: fmt.Sprintf("the services %q and %q both %s", first.service, d.Service.Name, what),
		}, first.at, "that of "+first.service))
	}
	o.diags[i].Hosts = append(o.diags[i].Hosts, p.host)
}
