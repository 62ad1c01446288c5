// Package format rewrites definitions in their one canonical form. It changes
// white space and the style of comments, never the meaning, and proves that
// for each file before it returns one.
package format

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// passes bounds how often formatting is repeated until nothing changes: what
// one pass moves can change how HCL aligns its neighbours.
const passes = 5

// Format returns src in canonical form: HCL's own layout, at most one blank
// line between things and none at the beginning or end of a block, comments
// with #, no white space at the end of a line, \n at the end of each. A file
// that cannot be parsed is not formatted. name is for diagnostics.
func Format(src []byte, name string) ([]byte, diag.List) {
	unix := unixLines(src)
	if diags := parse(unix, name); diags.HasErrors() {
		return nil, diags
	}
	want := meaning(lex(unix, name))
	out := unix
	for range passes {
		before := out
		out = tidy(hclwrite.Format(out), name)
		if bytes.Equal(out, before) {
			break
		}
	}
	if at, ok := same(want, meaning(lex(out, name))); !ok {
		return nil, diag.List{eval.At("E0199", at, "cannot format this without changing what it means",
			"The file is fine as it is, and stays so. This is a mistake of shipit.",
			"Report it with this line; until then write it in another way.")}
	}
	return out, nil
}

// Diff shows what Format changed as a unified diff, "" if nothing.
func Diff(name string, a, b []byte) string {
	return udiff.Unified("a/"+name, "b/"+name, string(a), string(b))
}

var windowsNewline = regexp.MustCompile(`\r+\n`)

// unixLines makes \n of \r\n everywhere, texts included: how an editor ends
// lines must not decide what reaches a host.
func unixLines(src []byte) []byte {
	return windowsNewline.ReplaceAll(src, []byte("\n"))
}

func lex(src []byte, name string) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // parse has told what is wrong
	return tokens
}

// parse tells why src cannot be formatted.
func parse(src []byte, name string) diag.List {
	if len(src) > eval.MaxFile {
		whole := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		return diag.List{eval.At("E0104", whole, "file too large", fmt.Sprintf("A file may have %d bytes.", eval.MaxFile), "")}
	}
	if diags := eval.CheckLimits(lex(src, name)); diags.HasErrors() {
		return diags
	}
	_, problems := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	var diags diag.List
	for _, p := range problems {
		if p.Severity != hcl.DiagError {
			continue
		}
		at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		if p.Subject != nil {
			at = *p.Subject
		}
		diags = append(diags, eval.At("E0101", at, p.Summary, p.Detail, ""))
	}
	return diags.Sorted()
}
