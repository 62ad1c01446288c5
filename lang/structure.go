package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A node is a block of a definition after its structure was checked against
// the schema table: every attribute and block in it is a known one.
type node struct {
	schema *schema.Block
	kind   *schema.Kind // nil where the block has no kinds
	labels []label      // without the kind
	attrs  map[string]*attribute
	order  []string // names of attrs in source order
	blocks []*node
	def    hcl.Range // the header
}

type label struct {
	text string
	at   hcl.Range
}

// An attribute is an expression with what can be known about it without
// evaluating it.
type attribute struct {
	name   string
	schema *schema.Attr // nil in a free block
	scope  schema.Scope
	expr   hcl.Expression
	nameAt hcl.Range
	refs   []eval.Ref
	// bad tells that a message about the expression was given; its value is
	// unknown then, so that nothing downstream complains again.
	bad     bool
	perHost bool
	selects bool
}

func (n *node) name() string {
	if len(n.labels) == 0 {
		return ""
	}
	return n.labels[len(n.labels)-1].text
}

// nameAt is where the block's name stands, or its header.
func (n *node) nameAt() hcl.Range {
	if len(n.labels) == 0 {
		return n.def
	}
	return n.labels[len(n.labels)-1].at
}

// at is the place of an attribute's value, or the header without it.
func (n *node) at(name string) hcl.Range {
	if a := n.attrs[name]; a != nil {
		return a.expr.Range()
	}
	return n.def
}

func (n *node) all(block string) []*node {
	var found []*node
	for _, b := range n.blocks {
		if b.schema.Name == block {
			found = append(found, b)
		}
	}
	return found
}

func (n *node) first(block string) *node {
	for _, b := range n.blocks {
		if b.schema.Name == block {
			return b
		}
	}
	return nil
}

// attrSchemas are the attributes that n may have, the kind's last.
func (n *node) attrSchemas() []*schema.Attr {
	var attrs []*schema.Attr
	for i := range n.schema.Attrs {
		attrs = append(attrs, &n.schema.Attrs[i])
	}
	if n.kind != nil {
		for i := range n.kind.Attrs {
			attrs = append(attrs, &n.kind.Attrs[i])
		}
	}
	return attrs
}

func (n *node) attrSchema(name string) *schema.Attr {
	for i := range n.schema.Attrs {
		if n.schema.Attrs[i].Name == name {
			return &n.schema.Attrs[i]
		}
	}
	if n.kind != nil {
		for i := range n.kind.Attrs {
			if n.kind.Attrs[i].Name == name {
				return &n.kind.Attrs[i]
			}
		}
	}
	panic("internal error: no attribute " + name + " in block " + n.schema.Name)
}

// A structurer turns parsed bodies into nodes.
type structurer struct {
	source func(file string) []byte
	diags  diag.List
}

func (s *structurer) errorf(code string, at hcl.Range, help, detail, format string, args ...any) *diag.Diagnostic {
	s.diags = append(s.diags, eval.At(code, at, fmt.Sprintf(format, args...), detail, help))
	return &s.diags[len(s.diags)-1]
}

// body fills n from body. Scope is that of the enclosing block.
func (s *structurer) body(n *node, body hcl.Body, scope schema.Scope) {
	if n.schema.Scope != schema.Inherit {
		scope = n.schema.Scope
	}
	n.attrs = map[string]*attribute{}
	if n.schema.Free {
		attrs, problems := body.JustAttributes()
		for _, p := range problems {
			s.errorf("E0112", *p.Subject, "Write it as an argument: name = value", "", "a %s block holds only arguments", n.schema.Name)
		}
		for name, a := range attrs {
			n.attrs[name] = &attribute{name: name, scope: scope, expr: a.Expr, nameAt: a.NameRange}
		}
		n.sort()
		return
	}
	content, problems := body.Content(s.hclSchema(n))
	from := len(s.diags)
	wrong := s.unsupported(n, problems)
	to := len(s.diags)
	for name, a := range content.Attributes {
		as := n.attrSchema(name)
		attrScope := scope
		if as.Scope != schema.Inherit {
			attrScope = as.Scope
		}
		n.attrs[name] = &attribute{name: name, schema: as, scope: attrScope, expr: a.Expr, nameAt: a.NameRange}
	}
	n.sort()
	for _, b := range content.Blocks {
		child := s.block(n.schema.Child(b.Type), b)
		if child == nil {
			wrong[b.Type] = true
			continue
		}
		n.blocks = append(n.blocks, child)
		s.body(child, b.Body, scope)
	}
	doubt(n, s.diags[from:to])
	s.required(n, wrong)
}

func (n *node) sort() {
	n.order = n.order[:0]
	for name := range n.attrs {
		n.order = append(n.order, name)
	}
	slices.SortFunc(n.order, func(a, b string) int { return n.attrs[a].nameAt.Start.Byte - n.attrs[b].nameAt.Start.Byte })
}

func (s *structurer) hclSchema(n *node) *hcl.BodySchema {
	want := &hcl.BodySchema{}
	for _, a := range n.attrSchemas() {
		want.Attributes = append(want.Attributes, hcl.AttributeSchema{Name: a.Name})
	}
	for _, b := range n.schema.Blocks {
		header := hcl.BlockHeaderSchema{Type: b.Name}
		if len(b.Kinds) > 0 {
			header.LabelNames = append(header.LabelNames, "kind")
		}
		for _, l := range b.Labels {
			header.LabelNames = append(header.LabelNames, l.Name)
		}
		want.Blocks = append(want.Blocks, header)
	}
	return want
}

// block checks the header of a block; nil where its kind is not known.
func (s *structurer) block(b *schema.Block, hb *hcl.Block) *node {
	n := &node{schema: b, def: hb.DefRange}
	labels, ranges := hb.Labels, hb.LabelRanges
	if len(b.Kinds) > 0 {
		n.kind = b.Kind(labels[0])
		if n.kind == nil {
			d := s.errorf("E0116", ranges[0], "", eval.Listing("The kinds are", b.KindNames()), "unknown kind of %s: %q", b.Name, labels[0])
			if near := diag.Nearest(labels[0], b.KindNames()); near != "" {
				d.Help = fmt.Sprintf("Did you mean %q?", near)
			}
			d.Fixes = eval.Rename(ranges[0], `"`, labels[0], `"`, b.KindNames())
			return nil
		}
		labels, ranges = labels[1:], ranges[1:]
	}
	for i, text := range labels {
		if want := b.Labels[i].Form.Check(text); want != "" {
			s.errorf("E0307", ranges[i], "", "It must be "+want+".", "not a %s of a %s", b.Labels[i].Name, b.Name)
		}
		n.labels = append(n.labels, label{text, ranges[i]})
	}
	return n
}

// unsupported translates what HCL says about names that are not in the
// schema, and returns those names with the attributes that they may mean.
func (s *structurer) unsupported(n *node, problems hcl.Diagnostics) map[string]bool {
	meant := map[string]bool{}
	var attrs, blocks []string
	for _, a := range n.attrSchemas() {
		attrs = append(attrs, a.Name)
	}
	for _, b := range n.schema.Blocks {
		blocks = append(blocks, b.Name)
	}
	where := "at the top level"
	if n.schema.Name != "" {
		where = "in a " + n.schema.Name + " block"
		if n.kind != nil {
			where = fmt.Sprintf("in a %s %q block", n.schema.Name, n.kind.Name)
		}
	}
	for _, p := range problems {
		name := s.text(*p.Subject)
		switch {
		case p.Summary == "Unsupported argument" || p.Summary == "Unsupported block type":
			meant[s.unknownName(*p.Subject, name, where, p.Summary == "Unsupported argument", attrs, blocks, n.schema.Elsewhere[name])] = true
		case strings.HasPrefix(p.Summary, "Extraneous label for "), strings.HasPrefix(p.Summary, "Missing "):
			meant[s.labels(n, *p)] = true
		default:
			s.diags = append(s.diags, eval.TranslateSyntax(p, s.source(p.Subject.Filename))...)
		}
	}
	return meant
}

func (s *structurer) unknownName(at hcl.Range, name, where string, isArgument bool, attrs, blocks []string, elsewhere string) string {
	same, other, code, what := attrs, blocks, "E0111", "argument"
	if !isArgument {
		same, other, code, what = blocks, attrs, "E0112", "block"
	}
	switch {
	case slices.Contains(schema.Reserved(), name):
		s.errorf("E0117", at, "Hosts are the only repetition: expressions with host are evaluated for each.", "The word is kept for later.", "%q is a reserved word", name)
		return ""
	case slices.Contains(other, name) && isArgument:
		s.errorf("E0113", at, fmt.Sprintf("Write %s { … }", name), "", "%q is a block, not an argument", name)
		return name
	case slices.Contains(other, name):
		s.errorf("E0113", at, fmt.Sprintf("Write %s = …", name), "", "%q is an argument, not a block", name)
		return name
	}
	d := s.errorf(code, at, "", eval.Listing("There can be", same), "unknown %s %q %s", what, name, where)
	if len(same) == 0 {
		d.Detail = fmt.Sprintf("There are no %ss %s.", what, where)
	}
	known := append(slices.Clone(same), other...)
	if slices.Contains(same, diag.Certain(name, known)) {
		d.Fixes = eval.Rename(at, "", name, "", known)
	}
	near := diag.Nearest(name, known)
	switch {
	case elsewhere != "":
		d.Help = elsewhere
	case near != "":
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	}
	return near
}

// labels explains a wrong number of labels and returns which block it is.
func (s *structurer) labels(n *node, p hcl.Diagnostic) string {
	for _, b := range n.schema.Blocks {
		if !strings.HasSuffix(p.Summary, " for "+b.Name) {
			continue
		}
		example := b.Name
		if len(b.Kinds) > 0 {
			example += fmt.Sprintf(" %q", b.Kinds[0].Name)
		}
		for _, l := range b.Labels {
			example += fmt.Sprintf(" %q", strings.ToUpper(l.Name))
		}
		detail := ""
		if len(b.Kinds) > 0 {
			detail = eval.Listing("The kinds are", b.KindNames())
		}
		s.errorf("E0115", *p.Subject, "Write "+example+" { … }", detail, "wrong number of labels for %s", b.Name)
		return b.Name
	}
	s.diags = append(s.diags, eval.TranslateSyntax(&p, nil)...)
	return ""
}

func (s *structurer) text(r hcl.Range) string {
	source := s.source(r.Filename)
	if r.Start.Byte > r.End.Byte || r.End.Byte > len(source) {
		return ""
	}
	return strings.Trim(string(source[r.Start.Byte:r.End.Byte]), `"`)
}

// required checks what must be there: attributes, groups of them, blocks. An
// attribute that a misspelt name probably meant is not missed.
func (s *structurer) required(n *node, meant map[string]bool) {
	for _, a := range n.attrSchemas() {
		if a.Required && n.attrs[a.Name] == nil && !meant[a.Name] {
			d := s.errorf("E0114", n.def, fmt.Sprintf("Add %s = …", a.Name), a.Doc, "%s is missing", a.Name)
			if n.schema.Name != "" {
				d.Label = "needs " + a.Name
			}
		}
	}
	groups, atMost := n.schema.ExactlyOne, n.schema.AtMostOne
	if n.kind != nil {
		groups, atMost = append(slices.Clone(groups), n.kind.ExactlyOne...), append(slices.Clone(atMost), n.kind.AtMostOne...)
	}
	for i, group := range append(slices.Clone(groups), atMost...) {
		var set []*attribute
		missed := false
		for _, name := range group {
			missed = missed || meant[name]
			if a := n.attrs[name]; a != nil {
				set = append(set, a)
			}
		}
		slices.SortFunc(set, func(a, b *attribute) int { return a.nameAt.Start.Byte - b.nameAt.Start.Byte })
		names := strings.Join(group, " or ")
		switch {
		case len(set) == 0 && !missed && i < len(groups):
			s.errorf("E0401", n.def, "Add one of them.", "", "%s is missing", names)
		case len(set) > 1:
			d := s.errorf("E0401", set[1].nameAt, "Remove one of them.", "", "only one of %s can be set", names)
			d.Related = []diag.Related{{Range: eval.Range(set[0].nameAt), Text: "the other is here"}}
		}
	}
	if n.schema.Name == "" {
		return // counted over all files
	}
	for _, b := range n.schema.Blocks {
		s.count(n.def, b, n.all(b.Name), meant[b.Name])
	}
}

func (s *structurer) count(parent hcl.Range, b *schema.Block, found []*node, meant bool) {
	if len(found) < b.Min && !meant {
		help := fmt.Sprintf("Add %s { … }", b.Name)
		if len(b.Kinds) > 0 {
			help = fmt.Sprintf("Add %s %q { … }", b.Name, b.Kinds[0].Name)
		}
		s.errorf("E0118", parent, help, b.Doc, "a %s block is missing", b.Name)
	}
	if b.Max > 0 && len(found) > b.Max {
		d := s.errorf("E0118", found[b.Max].def, "Remove one of them.", "", "more than one %s block", b.Name)
		d.Related = []diag.Related{{Range: eval.Range(found[0].def), Text: "the first is here"}}
	}
}

// parse reads the syntax of one file after its limits were checked.
func parse(text []byte, file string) (hcl.Body, diag.List) {
	tokens, _ := hclsyntax.LexConfig(text, file, hcl.InitialPos)
	if diags := eval.CheckLimits(tokens); len(diags) > 0 {
		return nil, diags
	}
	diags := eval.LeadingZeros(tokens)
	parsed, problems := hclsyntax.ParseConfig(text, file, hcl.InitialPos)
	diags = append(diags, eval.SyntaxErrors(problems, text)...)
	if parsed == nil {
		return nil, diags
	}
	return parsed.Body, diags
}
