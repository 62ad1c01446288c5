package lang

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// lint finds what is allowed and yet hardly meant. It looks at expressions
// without evaluating them, so that it says the same whatever the values are.
func (c *Config) lint() diag.List {
	l := linter{Config: c, functions: eval.Functions(nil, &eval.Files{}), used: map[string]bool{}}
	for _, n := range c.nodes {
		l.node(n)
	}
	for _, a := range c.locals {
		// A local of an included file is there for others, too.
		if !l.used[a.name] && a.nameAt.Filename == c.path {
			l.warn("W0409", a.nameAt, "", "Remove it.", "nothing uses local.%s", a.name)
		}
	}
	return l.diags
}

type linter struct {
	*Config
	functions map[string]function.Function
	used      map[string]bool // locals
	diags     diag.List
}

func (l *linter) warn(code string, at hcl.Range, detail, help, format string, args ...any) {
	d := eval.At(code, at, fmt.Sprintf(format, args...), detail, help)
	d.Severity = diag.Warning
	l.diags = append(l.diags, d)
}

func (l *linter) node(n *node) {
	for _, name := range n.order {
		a := n.attrs[name]
		for _, r := range a.refs {
			if r.Root != "local" {
				continue
			}
			l.used[r.Name] = true
			if r.All {
				for _, name := range l.symbols.Locals {
					l.used[name] = true
				}
			}
		}
		if expr, ok := a.expr.(hclsyntax.Node); ok {
			l.comparisons(expr)
		}
	}
	for _, b := range n.blocks {
		l.node(b)
	}
}

// comparisons finds == and != between types that are never equal: unlike
// other operators, they convert nothing.
func (l *linter) comparisons(expr hclsyntax.Node) {
	var found []*hclsyntax.BinaryOpExpr
	var loopNames []string
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.BinaryOpExpr:
			if n.Op == hclsyntax.OpEqual || n.Op == hclsyntax.OpNotEqual {
				found = append(found, n)
			}
		case *hclsyntax.ForExpr:
			loopNames = append(loopNames, n.KeyVar, n.ValVar)
		}
		return nil
	})
	for _, op := range found {
		left, right := l.typeOf(op.LHS, loopNames, 0), l.typeOf(op.RHS, loopNames, 0)
		if left.of == cty.NilType || right.of == cty.NilType || left.of == right.of || left.null && right.null {
			continue
		}
		sign, answer := "==", "no"
		if op.Op == hclsyntax.OpNotEqual {
			sign, answer = "!=", "yes"
		}
		l.warn("W0410", op.Range(), fmt.Sprintf("A %s never equals a %s, so the answer is always %s.", left.of.FriendlyName(), right.of.FriendlyName(), answer),
			"Write both with the same type; tostring and tonumber convert.", "%s compares a %s with a %s", sign, left.of.FriendlyName(), right.of.FriendlyName())
	}
}

// A static is what can be known of an expression in advance: its type,
// where that is a primitive one, and whether it may be null.
type static struct {
	of   cty.Type // NilType where it is not known
	null bool
}

// maxTyped bounds how deep typeOf follows an expression and its locals, of
// which one may lead to itself.
const maxTyped = 20

func (l *linter) typeOf(expr hclsyntax.Expression, loopNames []string, depth int) static {
	if depth > maxTyped {
		return static{}
	}
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return l.typeOf(x.Expression, loopNames, depth+1)
	case *hclsyntax.TemplateWrapExpr:
		return l.typeOf(x.Wrapped, loopNames, depth+1)
	case *hclsyntax.LiteralValueExpr:
		if !x.Val.IsNull() {
			return primitive(x.Val.Type(), false)
		}
	case *hclsyntax.TemplateExpr:
		return primitive(cty.String, false)
	case *hclsyntax.BinaryOpExpr:
		return primitive(x.Op.Type, false)
	case *hclsyntax.UnaryOpExpr:
		return primitive(x.Op.Type, false)
	case *hclsyntax.FunctionCallExpr:
		return l.typeOfCall(x)
	case *hclsyntax.ScopeTraversalExpr:
		if !slices.Contains(loopNames, x.Traversal.RootName()) {
			return l.typeOfName(x.Traversal, depth)
		}
	}
	return static{}
}

func primitive(t cty.Type, null bool) static {
	if !t.IsPrimitiveType() {
		return static{}
	}
	return static{t, null}
}

// typeOfCall is the type that a function has whatever it is given.
func (l *linter) typeOfCall(x *hclsyntax.FunctionCallExpr) static {
	f, ok := l.functions[x.Name]
	if !ok || x.ExpandFinal {
		return static{}
	}
	args := make([]cty.Type, len(x.Args))
	for i := range args {
		args[i] = cty.DynamicPseudoType
	}
	t, err := f.ReturnType(args)
	if err != nil {
		return static{}
	}
	return primitive(t, true)
}

func (l *linter) typeOfName(t hcl.Traversal, depth int) static {
	var steps []string
	for _, step := range t[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			return static{}
		}
		steps = append(steps, attr.Name)
	}
	if len(steps) != 1 {
		return static{}
	}
	name := steps[0]
	switch root := t.RootName(); root {
	case "var":
		for _, v := range l.variables {
			if v.name == name {
				return primitive(v.want, true)
			}
		}
	case "local":
		for _, a := range l.locals {
			if expr, ok := a.expr.(hclsyntax.Expression); ok && a.name == name {
				return l.typeOf(expr, nil, depth+1)
			}
		}
	default:
		switch root + "." + name {
		case "env.name", "service.name", "service.user", "release.tag", "release.commit", "release.date", "host.name", "host.address":
			return static{cty.String, true}
		case "release.n":
			return static{cty.Number, true}
		case "env.protected":
			return static{cty.Bool, true}
		}
	}
	return static{}
}

// checkReach finds a check that the deployer asks of an address that only
// the jump host can reach.
func (e *evaluator) checkReach(n *node, c Check) {
	h := e.host
	if h == nil || !hidden(h) || c.From != "deployer" {
		return
	}
	at, asked := n.def, h.Address
	switch c.Kind {
	case "http":
		at = n.at("url")
		text, _ := c.Attrs["url"].(string)
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		asked = u.Hostname()
	case "tcp":
		if n.attrs["address"] != nil {
			at = n.at("address")
			asked, _ = c.Attrs["address"].(string)
		}
	default:
		return
	}
	if asked != h.Address {
		return
	}
	e.warnf("W0411", at, `Remove from = "deployer", so that the host asks.`, fmt.Sprintf("%s is not a public address, and SSH reaches the host through %s.", asked, h.SSH.Jump[len(h.SSH.Jump)-1]),
		"the deployer may not reach the host without its jump host")
}
