package lang

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

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

// Overview lists the blocks of the language for people.
func Overview() string {
	var b strings.Builder
	b.WriteString("The blocks of a definition. `shipit explain BLOCK` tells more of one, as does\n`shipit explain service.batch.size` of an argument.\n\n")
	for _, p := range places() {
		if p.kind != nil || p.attr != nil {
			continue
		}
		name := p.block().Name
		if name == "scenario" {
			b.WriteString("\nThe blocks of a scenario file, NAME.test.hcl beside NAME.hcl:\n\n")
		}
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
