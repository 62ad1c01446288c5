package lang

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A TopicError tells that there is nothing to explain under a name.
type TopicError struct {
	Topic string
	help  string
}

func (e *TopicError) Error() string { return fmt.Sprintf("there is no %q in the language", e.Topic) }

// Help says which names there are.
func (e *TopicError) Help() string { return e.help }

// An Explanation is what there is to say about a topic.
type Explanation struct {
	Text    string // whole, with the example
	Example *Example
}

var codeTopic = regexp.MustCompile(`^[EeWw][0-9]{4}$`)

// Explain tells what a code means, or a function, or a block, kind or
// attribute of the language by its path: service.check.http.status. The path
// may begin at any block.
func Explain(topic string) (Explanation, error) {
	if codeTopic.MatchString(topic) {
		p, ok := PageOf(strings.ToUpper(topic))
		if !ok {
			return Explanation{}, &TopicError{topic, "docs/language.md lists all codes."}
		}
		return Explanation{Text: p.Text()}, nil
	}
	if name := strings.TrimSuffix(topic, "()"); slices.Contains(eval.FunctionNames(), name) {
		call, result, _ := strings.Cut(eval.Describe(name), ": ")
		return Explanation{Text: fmt.Sprintf("%s\n\nA function: %s.\n", call, result)}, nil
	}
	p, err := find(topic)
	if err != nil {
		return Explanation{}, err
	}
	return p.explain(), nil
}

// A spot is a block, kind or attribute in the table.
type spot struct {
	blocks []*schema.Block // from the top level
	scope  schema.Scope
	kind   *schema.Kind
	attr   *schema.Attr
}

func (p spot) block() *schema.Block { return p.blocks[len(p.blocks)-1] }

// path names the place as Explain finds it.
func (p spot) path() string {
	var parts []string
	for _, b := range p.blocks[1:] {
		parts = append(parts, b.Name)
	}
	if p.kind != nil {
		parts = append(parts, p.kind.Name)
	}
	if p.attr != nil {
		parts = append(parts, p.attr.Name)
	}
	return strings.Join(parts, ".")
}

// places are all that can be explained, in the order of the table.
func places() []spot {
	var list []spot
	attrs := func(p spot, attrs []schema.Attr) {
		for i := range attrs {
			p.attr = &attrs[i]
			list = append(list, p)
		}
	}
	var walk func(p spot)
	walk = func(p spot) {
		b := p.block()
		if b.Scope != schema.Inherit {
			p.scope = b.Scope
		}
		if b.Name != "" {
			list = append(list, p)
		}
		attrs(p, b.Attrs)
		for i := range b.Kinds {
			of := p
			of.kind = &b.Kinds[i]
			list = append(list, of)
			attrs(of, of.kind.Attrs)
		}
		for _, c := range b.Blocks {
			walk(spot{blocks: append(slices.Clone(p.blocks), c), scope: p.scope})
		}
	}
	walk(spot{blocks: []*schema.Block{schema.File()}})
	return list
}

// Topics are all that Explain knows besides codes.
func Topics() []string {
	var list []string
	for _, p := range places() {
		list = append(list, p.path())
	}
	return append(list, eval.FunctionNames()...)
}

// find looks for a path, from the top level first and then from any block.
func find(topic string) (spot, error) {
	all := places()
	var ends []spot
	for _, p := range all {
		for i, path := range append([]string{p.path()}, p.withKinds()...) {
			if path == topic {
				return p, nil
			}
			// What all kinds have is found by one of them only if that is named.
			if strings.HasSuffix(path, "."+topic) && (i == 0 || strings.Contains(topic, ".")) {
				ends = append(ends, p)
				break
			}
		}
	}
	switch {
	case len(ends) == 1:
		return ends[0], nil
	case len(ends) > 1:
		var names []string
		for _, p := range ends {
			names = append(names, p.path())
		}
		return spot{}, &TopicError{topic, eval.Listing("Which one?", names)}
	}
	return spot{}, &TopicError{topic, nearestTopic(topic, all)}
}

// withKinds are the paths of an attribute that all kinds have with each of
// them in front: service.check.http.within.
func (p spot) withKinds() []string {
	if p.attr == nil || p.kind != nil {
		return nil
	}
	var paths []string
	for i := range p.block().Kinds {
		paths = append(paths, spot{blocks: p.blocks, kind: &p.block().Kinds[i], attr: p.attr}.path())
	}
	return paths
}

// nearestTopic corrects the first part of the path that is wrong.
func nearestTopic(topic string, all []spot) string {
	var paths []string
	for _, p := range all {
		paths = append(paths, p.path())
	}
	head, tail := topic, ""
	for {
		i := strings.LastIndexByte(head, '.')
		parent := ""
		if i >= 0 {
			parent = head[:i+1]
		}
		if parent == "" || slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(p, parent) }) {
			var names []string
			for _, p := range paths {
				if rest, ok := strings.CutPrefix(p, parent); ok && !strings.Contains(rest, ".") {
					names = append(names, rest)
				}
			}
			if parent == "" {
				for _, p := range paths { // a path may begin anywhere
					names = append(names, strings.Split(p, ".")...)
				}
				names = append(names, eval.FunctionNames()...)
			}
			if near := diag.Nearest(head[len(parent):], names); near != "" {
				return fmt.Sprintf("did you mean %s?", parent+near+tail)
			}
			if parent != "" {
				return eval.Listing("There are", names)
			}
			return "`shipit schema` lists the blocks; `shipit explain E0107` explains a code."
		}
		head, tail = head[:i], head[i:]+tail
	}
}

// explain writes about a place.
func (p spot) explain() Explanation {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.path())
	switch {
	case p.attr != nil:
		p.explainAttr(&b)
	case p.kind != nil:
		fmt.Fprintf(&b, "A kind of %s. %s\n", p.block().Name, p.kind.Doc)
		contents(&b, append(slices.Clone(p.kind.Attrs), p.block().Attrs...), nil)
	default:
		fmt.Fprintf(&b, "A block%s. %s\n", times(p.block()), p.block().Doc)
		contents(&b, p.block().Attrs, p.block())
	}
	for _, g := range p.groups() {
		if p.attr == nil || slices.Contains(g, p.attr.Name) {
			fmt.Fprintf(&b, "\nExactly one of %s is set.\n", strings.Join(g, ", "))
		}
	}
	example := p.example()
	if where := example.where(); where != "" {
		fmt.Fprintf(&b, "\nExample (%s):\n\n", where)
	} else {
		b.WriteString("\nExample:\n\n")
	}
	for line := range strings.Lines(example.Text) {
		b.WriteString("    " + line)
	}
	return Explanation{Text: b.String(), Example: &example}
}

func (p spot) explainAttr(b *strings.Builder) {
	a := p.attr
	fmt.Fprintf(b, "%s\n\n", a.Doc)
	row := func(name, text string) { fmt.Fprintf(b, "  %-8s %s\n", name, text) }
	kind := string(a.Type)
	for _, t := range schema.TypeDocs() {
		if t.Name == a.Type {
			kind += ". " + t.Doc
		}
	}
	row("type", kind)
	switch {
	case a.Required:
		row("default", "none: it must be set")
	case a.Default != "":
		row("default", a.Default)
	default:
		row("default", "not set")
	}
	if len(a.OneOf) > 0 {
		row("values", strings.Join(a.OneOf, ", "))
	}
	if a.Max != 0 {
		row("values", fmt.Sprintf("%d to %d", a.Min, a.Max))
	}
	in := "the top level of a file"
	if len(p.blocks) > 1 {
		in = strings.TrimSuffix(p.path(), "."+a.Name)
	}
	row("in", in)
	row("names", namesIn(p.scope, a))
	if a.Secret {
		row("secrets", "may depend on a sensitive variable")
	}
}

// namesIn tells which names the expression of an attribute may use.
func namesIn(scope schema.Scope, a *schema.Attr) string {
	if a.Scope != schema.Inherit {
		scope = a.Scope
	}
	switch names := scope.Names(); {
	case scope == schema.Own:
		return "var, of this variable only"
	case len(names) > 0:
		return strings.Join(names, ", ")
	case scope == schema.Literal:
		return "none, it is literal"
	}
	return "none, only functions"
}

func (p spot) groups() [][]string {
	groups := slices.Clone(p.block().ExactlyOne)
	if p.kind != nil {
		groups = append(groups, p.kind.ExactlyOne...)
	}
	return groups
}

func times(b *schema.Block) string {
	switch {
	case b.Min == 1 && b.Max == 1:
		return ", exactly once"
	case b.Max == 1:
		return ", at most once"
	}
	return ""
}

// contents lists what stands in a block.
func contents(b *strings.Builder, attrs []schema.Attr, block *schema.Block) {
	list := func(title string, rows [][2]string) {
		if len(rows) == 0 {
			return
		}
		fmt.Fprintf(b, "\n%s:\n", title)
		width := 0
		for _, r := range rows {
			width = max(width, len(r[0]))
		}
		for _, r := range rows {
			fmt.Fprintf(b, "  %-*s  %s\n", width, r[0], r[1])
		}
	}
	var rows [][2]string
	for _, a := range attrs {
		rows = append(rows, [2]string{a.Name, firstSentence(a.Doc)})
	}
	list("Arguments", rows)
	if block == nil {
		return
	}
	rows = nil
	for _, k := range block.Kinds {
		rows = append(rows, [2]string{k.Name, firstSentence(k.Doc)})
	}
	list("Kinds", rows)
	rows = nil
	for _, c := range block.Blocks {
		rows = append(rows, [2]string{c.Name, firstSentence(c.Doc)})
	}
	list("Blocks", rows)
}

func firstSentence(doc string) string {
	if first, _, ok := strings.Cut(doc, ". "); ok {
		return first + "."
	}
	return doc
}

// example is the smallest block that shows the place.
func (p spot) example() Example {
	e := Example{InService: len(p.blocks) > 1 && p.blocks[1].Name == "service"}
	blocks := p.blocks[1:]
	if e.InService {
		blocks = blocks[1:] // the service itself is large
	}
	var b strings.Builder
	for i, block := range blocks {
		last := i == len(blocks)-1
		b.WriteString(block.Name)
		kind := p.kind
		if kind == nil && len(block.Kinds) > 0 {
			kind = &block.Kinds[0]
		}
		if kind != nil {
			fmt.Fprintf(&b, " %q", kind.Name)
		}
		for _, l := range block.Labels {
			fmt.Fprintf(&b, " %q", l.Sample(block.Name))
		}
		b.WriteString(" {\n")
		var attr *schema.Attr
		if last {
			attr = p.attr
		}
		sampleBody(&b, block, kind, attr)
		if !last {
			b.WriteString("\n")
		}
	}
	if len(blocks) == 0 && p.attr != nil {
		fmt.Fprintf(&b, "%s = %s\n", p.attr.Name, p.attr.Sample(p.block().Name))
	} else if len(blocks) == 0 {
		e.InService = false
		b.WriteString(smallest)
	}
	b.WriteString(strings.Repeat("}\n", len(blocks)))
	e.Text = string(hclwrite.Format([]byte(b.String())))
	return e
}

// smallest is a whole service.
const smallest = `service "hello" {
  hosts = hosts.web

  release {
    repo   = "https://git.example.org/hello"
    scheme = "release/{date}/{n}"
  }

  transport "push" {
    path = "/srv/hello"
  }

  restart "systemd" {
    unit = "hello.service"
  }
}
`

// sampleBody writes what a block needs, and attr.
func sampleBody(b *strings.Builder, block *schema.Block, kind *schema.Kind, attr *schema.Attr) {
	attrs, groups := slices.Clone(block.Attrs), slices.Clone(block.ExactlyOne)
	if kind != nil {
		attrs, groups = append(attrs, kind.Attrs...), append(groups, kind.ExactlyOne...)
	}
	name := ""
	if attr != nil {
		name = attr.Name
	}
	for i, a := range attrs {
		chosen := slices.ContainsFunc(groups, func(g []string) bool { return schema.Partner(g, name) == a.Name })
		if a.Required || chosen || a.Name == name {
			fmt.Fprintf(b, "%s = %s\n", a.Name, attrs[i].Sample(block.Name))
		}
	}
	if block.Free {
		b.WriteString("port = 8080\n")
	}
}

// Overview lists the blocks of the language for people.
func Overview() string {
	var b strings.Builder
	b.WriteString("The blocks of a definition. `shipit explain BLOCK` tells more of one, as does\n`shipit explain service.batch.size` of an argument.\n\n")
	for _, p := range places() {
		if p.kind != nil || p.attr != nil {
			continue
		}
		name := p.block().Name
		for _, l := range p.block().Labels {
			name += " " + strings.ToUpper(l.Name)
		}
		if len(p.block().Kinds) > 0 {
			name = strings.Replace(name+" ", " ", " KIND ", 1)
		}
		fmt.Fprintf(&b, "%-26s %s\n", strings.Repeat("  ", len(p.blocks)-2)+strings.TrimSpace(name), firstSentence(p.block().Doc))
	}
	return b.String()
}
