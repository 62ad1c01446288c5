package lang

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A shape is an expression about a host, taken apart: most are a text with the
// host's name somewhere, and need not be evaluated as a whole for each of
// 1,000 hosts. It gives the value that HCL would give, or none: then HCL is
// asked, which also says what is wrong.
type shape struct {
	// uses is what the expression takes from host. Without name and address,
	// few values are possible, and known keeps what became of them.
	uses  []string
	known map[string]decoded
	texts []text // or nil
	list  bool
}

// A text is written piece after piece.
type text []piece

type piece struct {
	part         // where it is the same on all hosts
	field string // name or address of the host
	expr  hclsyntax.Expression
	in    *names
	only  bool // nothing converts it to text
	uses  []string
	known map[string]part
}

type part struct {
	text    string
	unknown bool
}

// names are what the names in an expression stand for: those of the
// definition, or those that a template is given.
type names struct {
	ctx   *hcl.EvalContext
	given map[string]hclsyntax.Expression
	outer *names
}

// maxPieces bounds the memory that a shape takes.
const maxPieces = 10_000

// shaped decodes an attribute for the present host by its shape.
func (e *evaluator) shaped(a *attribute) (decoded, bool) {
	if !a.perHost || a.bad || e.plainly || e.host == nil || e.host.Name == "" {
		return decoded{}, false
	}
	s, ok := e.shapes[a]
	if !ok {
		s = e.shape(a)
		e.shapes[a] = s
	}
	switch {
	case s == nil:
		return decoded{}, false
	case few(s.uses):
		d, ok := s.known[e.host.key(s.uses)]
		return d, ok
	}
	e.nextLoops()
	list := make([]string, len(s.texts))
	known := true
	for i, t := range s.texts {
		p, ok := e.write(t)
		if !ok {
			e.shapes[a] = nil
			return decoded{}, false
		}
		list[i] = p.text
		known = known && !p.unknown
	}
	if !known {
		return decoded{}, true
	}
	value, wrong := convertTexts(a.schema, list, s.list)
	return decoded{value: value, ok: true}, wrong == nil
}

// keep remembers what HCL made of an attribute on the present host.
func (e *evaluator) keep(a *attribute, d decoded) {
	if s := e.shapes[a]; s != nil && few(s.uses) {
		s.known[e.host.key(s.uses)] = d
	}
}

// shape takes an expression apart; nil where nothing is won.
func (e *evaluator) shape(a *attribute) *shape {
	expr, ok := a.expr.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	in := &names{ctx: e.context(a).NewChild()}
	in.ctx.Variables = map[string]cty.Value{}
	s := &shape{uses: in.uses(expr)}
	if few(s.uses) {
		s.known = map[string]decoded{}
		return s
	}
	exprs := []hclsyntax.Expression{expr}
	switch a.schema.Type {
	case schema.String:
	case schema.Strings, schema.Command:
		tuple, ok := expr.(*hclsyntax.TupleConsExpr)
		if !ok {
			return nil
		}
		exprs, s.list = tuple.Exprs, true
	default:
		return nil
	}
	e.nextLoops()
	for _, expr := range exprs {
		var t text
		if !e.take(&t, expr, in, true) {
			return nil
		}
		s.texts = append(s.texts, t)
	}
	return s
}

// take appends the pieces of expr to t. Only tells that the expression is not
// a part of a longer text, so that it must be text by itself.
func (e *evaluator) take(t *text, expr hclsyntax.Expression, in *names, only bool) bool {
	if len(*t) > maxPieces {
		return false
	}
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return e.take(t, x.Expression, in, only)
	case *hclsyntax.TemplateWrapExpr:
		return e.take(t, x.Wrapped, in, only)
	case *hclsyntax.TemplateExpr:
		for _, part := range x.Parts {
			if !e.take(t, part, in, false) {
				return false
			}
		}
		return true
	case *hclsyntax.FunctionCallExpr:
		if body, inside := e.template(x, in); body != nil {
			return e.take(t, body, inside, false)
		}
	case *hclsyntax.ScopeTraversalExpr:
		root := x.Traversal.RootName()
		if in.outer != nil && len(x.Traversal) == 1 {
			return e.take(t, in.given[root], in.outer, only)
		}
		if use := in.uses(x); in.outer == nil && root == "host" && len(x.Traversal) == 2 && (use[0] == "name" || use[0] == "address") {
			*t = append(*t, piece{field: use[0]})
			return true
		}
	}
	p := piece{expr: expr, in: in, only: only, uses: in.uses(expr)}
	if few(p.uses) {
		p.known = map[string]part{}
	}
	if len(p.uses) > 0 {
		*t = append(*t, p)
		return true
	}
	same, ok := e.part(&p)
	if last := len(*t) - 1; ok && last >= 0 && (*t)[last].in == nil && (*t)[last].field == "" && !same.unknown {
		(*t)[last].text += same.text
		return true
	}
	*t = append(*t, piece{part: same})
	return ok
}

// template is the text of a template in place of a call of templatefile, and
// its names; nil where the call is to be made.
func (e *evaluator) template(call *hclsyntax.FunctionCallExpr, in *names) (hclsyntax.Expression, *names) {
	if call.Name != "templatefile" || in.outer != nil || len(call.Args) != 2 || call.ExpandFinal || len(in.uses(call.Args[0])) > 0 {
		return nil, nil
	}
	object, ok := call.Args[1].(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil, nil
	}
	path, ok := e.part(&piece{expr: call.Args[0], in: in, only: true})
	if !ok || path.unknown {
		return nil, nil
	}
	given := map[string]hclsyntax.Expression{}
	for _, item := range object.Items {
		name, problems := item.KeyExpr.Value(nil)
		if problems.HasErrors() || !name.IsKnown() || name.IsNull() || name.Type() != cty.String {
			return nil, nil
		}
		given[name.AsString()] = item.ValueExpr
	}
	library := in.ctx.Parent().Functions
	body := e.reader(call.Range().Filename, &e.used, &e.loops).Template(path.text, sortedKeys(given), library)
	if body == nil {
		return nil, nil
	}
	used := map[string]bool{}
	for _, t := range body.Variables() {
		used[t.RootName()] = true
	}
	for name, expr := range given {
		if used[name] {
			continue
		}
		if _, ok := e.in(in, expr); !ok || len(in.uses(expr)) > 0 {
			return nil, nil // it is evaluated, too, and may be wrong
		}
	}
	return body, &names{ctx: &hcl.EvalContext{Functions: eval.InTemplates(library)}, given: given, outer: in}
}

// write writes a text for the present host.
func (e *evaluator) write(t text) (part, bool) {
	var b strings.Builder
	unknown := false
	for i := range t {
		p := &t[i]
		switch {
		case p.field == "name":
			b.WriteString(e.host.Name)
		case p.field == "address":
			b.WriteString(e.host.Address)
		case p.in == nil:
			b.WriteString(p.text)
			unknown = unknown || p.unknown
		default:
			part, ok := e.part(p)
			if !ok {
				return part, false
			}
			b.WriteString(part.text)
			unknown = unknown || part.unknown
		}
	}
	return part{cty.NormalizeString(b.String()), unknown}, true
}

// part evaluates a piece, once for all hosts that do not differ for it.
func (e *evaluator) part(p *piece) (part, bool) {
	key := ""
	if p.known != nil {
		key = e.host.key(p.uses)
		if known, ok := p.known[key]; ok {
			return known, true
		}
	}
	v, ok := e.in(p.in, p.expr)
	if !ok || v.IsMarked() || v.IsKnown() && (v.IsNull() || p.only && v.Type() != cty.String) {
		return part{}, false
	}
	result := part{unknown: true}
	if v.IsKnown() {
		s, err := convert.Convert(v, cty.String)
		if err != nil || s.IsMarked() || !s.IsKnown() || s.IsNull() {
			return part{}, false
		}
		result = part{text: s.AsString()}
	}
	if p.known != nil {
		p.known[key] = result
	}
	return result, true
}

// in evaluates an expression among names, for the present host.
func (e *evaluator) in(n *names, expr hclsyntax.Expression) (cty.Value, bool) {
	ctx := n.ctx
	if n.outer == nil {
		ctx.Variables["host"] = e.hostCtx
	} else {
		ctx = &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: n.ctx.Functions}
		for _, t := range expr.Variables() {
			v, ok := e.in(n.outer, n.given[t.RootName()])
			if !ok {
				return v, false
			}
			ctx.Variables[t.RootName()] = v
		}
	}
	v, problems := expr.Value(ctx)
	return v, !problems.HasErrors()
}

// uses is what an expression takes from host: name, labels.dc, or labels for
// all of them; "" is everything.
func (n *names) uses(expr hclsyntax.Expression) []string {
	var list []string
	for _, t := range expr.Variables() {
		switch {
		case n.outer != nil:
			list = append(list, n.outer.uses(n.given[t.RootName()])...)
		case t.RootName() == "host":
			use := step(t, 1)
			if label := step(t, 2); use == "labels" && label != "" {
				use += "." + label
			}
			list = append(list, use)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// step is a name in a traversal, "" where it has none at i.
func step(t hcl.Traversal, i int) string {
	if i >= len(t) {
		return ""
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString()
		}
	}
	return ""
}

// few tells that many hosts give the same for what is used.
func few(uses []string) bool {
	return !slices.Contains(uses, "") && !slices.Contains(uses, "name") && !slices.Contains(uses, "address")
}

// key is the same for hosts that do not differ in what is used.
func (h *Host) key(uses []string) string {
	var key []byte
	add := func(text string) {
		key = strconv.AppendInt(key, int64(len(text)), 10)
		key = append(append(key, ':'), text...)
	}
	for _, use := range uses {
		label, one := strings.CutPrefix(use, "labels.")
		switch {
		case one:
			if value, ok := h.Labels[label]; ok {
				add(value)
			} else {
				key = append(key, '-')
			}
		case use == "labels":
			for _, label := range sortedKeys(h.Labels) {
				add(label)
				add(h.Labels[label])
			}
			key = append(key, ';')
		default:
			key = append(strconv.AppendInt(key, int64(h.Port), 10), ';')
		}
	}
	return string(key)
}
