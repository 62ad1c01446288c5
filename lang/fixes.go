package lang

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// doubt takes the fixes from those of diags, which are about the names in n,
// that would set an argument twice or make a block too many.
func doubt(n *node, diags diag.List) {
	meant := map[string]int{}
	for _, d := range diags {
		for _, f := range d.Fixes {
			meant[f.Text]++
		}
	}
	for i, d := range diags {
		for _, f := range d.Fixes {
			b := n.schema.Child(f.Text)
			once := b == nil || b.Max == 1
			if n.attrs[f.Text] != nil || once && meant[f.Text] > 1 || b != nil && b.Max > 0 && len(n.all(f.Text)) >= b.Max {
				diags[i].Fixes = nil
			}
		}
	}
}

// escapeShell adds its fix to what is said of a shell variable in an argument
// that a shell reads.
func (c *Config) escapeShell(a *attribute, diags diag.List) {
	if a.schema == nil || a.name != "shell" && a.name != "content" && a.schema.Type != schema.Command {
		return
	}
	for i, d := range diags {
		if d.Code == "E0211" {
			diags[i].Fixes = eval.EscapeShell(c.files[d.Subject.File], hclRange(d.Subject))
		}
	}
}

func hclRange(r diag.Range) hcl.Range {
	pos := func(p diag.Pos) hcl.Pos { return hcl.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }
	return hcl.Range{Filename: r.File, Start: pos(r.Start), End: pos(r.End)}
}

// wrongFixes are the fixes of a value that stands in the text as it is.
func (c *Config) wrongFixes(a *attribute, d diag.Diagnostic) []diag.Fix {
	r := hclRange(d.Subject)
	source := string(r.SliceBytes(c.files[d.Subject.File]))
	switch d.Code {
	case "E0302":
		if word, ok := quotedWord(source); ok {
			return eval.Rename(r, `"`, word, `"`, a.schema.OneOf)
		}
	case "E0305":
		return eval.QuoteMode(source, r)
	case "E0301":
		if text, ok := quotedWord(source); ok && a.schema.Type == schema.Bool && (text == "true" || text == "false") {
			return []diag.Fix{{Title: fmt.Sprintf("write %s without quotes", text), Range: d.Subject, Text: text}}
		}
	}
	return nil
}

// quotedWord is what a literal text without escapes and expressions says.
func quotedWord(source string) (string, bool) {
	text, ok := strings.CutPrefix(source, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	if !ok || !closed || !hclsyntax.ValidIdentifier(text) {
		return "", false
	}
	return text, true
}
