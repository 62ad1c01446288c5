// Package format rewrites definitions in their one canonical form. It changes
// white space and the style of comments, never the meaning, and proves that
// for each file before it returns one.
package format

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

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
// with #, no white space at the end of a line, \n at the end of each, no byte
// order mark. A file that cannot be parsed is not formatted. name is for
// diagnostics, whose ranges are those of src.
func Format(src []byte, name string) ([]byte, diag.List) {
	if diags := check(src, name); diags.HasErrors() {
		return nil, diags
	}
	unix := unixLines(bytes.TrimPrefix(src, byteOrderMark))
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

var byteOrderMark = []byte("\ufeff")

// unixLines makes \n of \r\n everywhere, texts included: how an editor ends
// lines must not decide what reaches a host.
func unixLines(src []byte) []byte {
	return windowsNewline.ReplaceAll(src, []byte("\n"))
}

func lex(src []byte, name string) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // check has told what is wrong
	return tokens
}

// check tells why src cannot be formatted.
func check(src []byte, name string) diag.List {
	start := hcl.InitialPos
	if strings.HasSuffix(name, ".json") {
		return diag.List{eval.NoJSON(hcl.Range{Filename: name, Start: start, End: start})}
	}
	if len(src) > eval.MaxFile {
		return diag.List{eval.At("E0104", hcl.Range{Filename: name, Start: start, End: start}, "file too large",
			fmt.Sprintf("A file may have %d bytes.", eval.MaxFile), "")}
	}
	if i := invalidUTF8(src); i >= 0 {
		at := hcl.Pos{Line: 1 + bytes.Count(src[:i], []byte("\n")), Column: i - bytes.LastIndexByte(src[:i], '\n'), Byte: i}
		return diag.List{eval.At("E0103", hcl.Range{Filename: name, Start: at, End: at}, "the file is not UTF-8 text",
			fmt.Sprintf("The byte 0x%02x stands where no character can begin.", src[i]), "Save the file as UTF-8.")}
	}
	whole := src // what the places count in
	if rest, ok := bytes.CutPrefix(src, byteOrderMark); ok {
		src, start.Byte = rest, len(byteOrderMark)
	}
	tokens, _ := hclsyntax.LexConfig(src, name, start)
	if diags := eval.CheckLimits(tokens); diags.HasErrors() {
		return diags
	}
	_, problems := hclsyntax.ParseConfig(src, name, start)
	return eval.SyntaxErrors(problems, whole).Sorted()
}

// invalidUTF8 is where src is not UTF-8 text, or -1.
func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
