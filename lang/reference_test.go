package lang_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/lang"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

const (
	manual = "../docs/language.md"
	begin  = "<!-- From here on generated: go test ./lang -update -->\n"
)

// TestReferenceSaysWhatTheSchemaSays keeps the second half of the manual equal
// to the table that drives decoding.
func TestReferenceSaysWhatTheSchemaSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	chapters, have, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no line %q", manual, begin)
	}
	want := reference()
	if *update {
		if err := os.WriteFile(manual, []byte(chapters+begin+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s is not what the schema says; run go test ./lang -update (-want +got):\n%s", manual, diff)
	}
}

// TestReferenceMentionsEverything does not trust the generator.
func TestReferenceMentionsEverything(t *testing.T) {
	t.Parallel()
	text := reference()
	var walk func(b *schema.Block)
	mention := func(block string, attrs []schema.Attr) {
		for _, a := range attrs {
			for _, want := range []string{"`" + a.Name + "`", string(a.Type), a.Default, a.Doc} {
				if !strings.Contains(text, want) {
					t.Errorf("%s.%s: %q is not in the reference", block, a.Name, want)
				}
			}
		}
	}
	walk = func(b *schema.Block) {
		if !strings.Contains(text, b.Doc) || b.Doc == "" {
			t.Errorf("the block %q is not explained", b.Name)
		}
		mention(b.Name, b.Attrs)
		for _, k := range b.Kinds {
			if !strings.Contains(text, fmt.Sprintf("`%s %q`", b.Name, k.Name)) || k.Doc == "" {
				t.Errorf("the kind %s %q is not explained", b.Name, k.Name)
			}
			mention(b.Name+" "+k.Name, k.Attrs)
		}
		for _, c := range b.Blocks {
			walk(c)
		}
	}
	walk(schema.File())
	walk(schema.Scenarios())
}

func reference() string {
	var b strings.Builder
	b.WriteString("\n## Reference\n\nEvery block with its attributes. \"Required\" stands in the place of a default; an empty place means that\nnothing is set. The names that expressions may use are given for each block.\n")
	file := schema.File()
	fmt.Fprintf(&b, "\n### Top level\n\n%s\n\n", file.Doc)
	attributes(&b, file.Attrs, schema.Literal)
	for _, c := range file.Blocks {
		block(&b, c, "", schema.Literal)
	}
	fmt.Fprintf(&b, "\n## Scenario files\n\n%s See [testing](testing.md).\n", schema.Scenarios().Doc)
	for _, c := range schema.Scenarios().Blocks {
		block(&b, c, "", schema.Constant)
	}
	b.WriteString("\n## Functions\n\n| function | result |\n|---|---|\n")
	for _, name := range eval.FunctionNames() {
		call, result, _ := strings.Cut(eval.Describe(name), ": ")
		fmt.Fprintf(&b, "| `%s` | %s |\n", call, cell(result))
	}
	b.WriteString("\n## Codes of messages\n\nA code never changes its meaning. E01 is about text and structure, E02 about names, E03 about values, E04 about\nrules between blocks, E05 about variables and environments, E06 about scenarios and releases; W are warnings.\n\n| code | meaning |\n|---|---|\n")
	for _, c := range lang.Codes() {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Code, cell(c.Meaning))
	}
	return b.String()
}

func block(b *strings.Builder, s *schema.Block, parent string, scope schema.Scope) {
	if s.Scope != schema.Inherit {
		scope = s.Scope
	}
	title := s.Name
	if parent != "" {
		title = parent + " › " + s.Name
	}
	header := s.Name
	if len(s.Kinds) > 0 {
		header += ` "KIND"`
	}
	for _, l := range s.Labels {
		header += fmt.Sprintf(" %q", strings.ToUpper(l.Name))
	}
	fmt.Fprintf(b, "\n### %s\n\n`%s { … }`%s. %s\n", title, header, times(s), s.Doc)
	if names := scope.Names(); len(names) > 0 {
		fmt.Fprintf(b, "\nIn scope: `%s`.\n", strings.Join(names, "`, `"))
	}
	groups(b, s.ExactlyOne)
	if len(s.Attrs) > 0 {
		b.WriteString("\n")
		attributes(b, s.Attrs, scope)
	}
	for _, k := range s.Kinds {
		fmt.Fprintf(b, "\n`%s %q`: %s\n", s.Name, k.Name, k.Doc)
		groups(b, k.ExactlyOne)
		if len(k.Attrs) > 0 {
			b.WriteString("\n")
			attributes(b, k.Attrs, scope)
		}
	}
	for _, c := range s.Blocks {
		block(b, c, title, scope)
	}
}

func times(s *schema.Block) string {
	switch {
	case s.Min == 1 && s.Max == 1:
		return ", exactly once"
	case s.Max == 1:
		return ", at most once"
	}
	return ", any number"
}

func groups(b *strings.Builder, groups [][]string) {
	for _, g := range groups {
		fmt.Fprintf(b, "\nExactly one of `%s` is set.\n", strings.Join(g, "`, `"))
	}
}

func attributes(b *strings.Builder, attrs []schema.Attr, scope schema.Scope) {
	b.WriteString("| attribute | type | default | meaning |\n|---|---|---|---|\n")
	for _, a := range attrs {
		fallback := ""
		switch {
		case a.Required:
			fallback = "required"
		case a.Default != "":
			fallback = "`" + a.Default + "`"
		}
		doc := a.Doc
		if len(a.OneOf) > 0 {
			doc += " One of `" + strings.Join(a.OneOf, "`, `") + "`."
		}
		if a.Max != 0 {
			doc += fmt.Sprintf(" %d to %d.", a.Min, a.Max)
		}
		if a.Scope != schema.Inherit && a.Scope != scope {
			if names := a.Scope.Names(); len(names) > 0 {
				doc += " In scope: `" + strings.Join(names, "`, `") + "`."
			} else {
				doc += " No names."
			}
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", a.Name, a.Type, fallback, cell(doc))
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
