package eval

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shipit/lang/diag"
)

// Rename is the fix that writes the one name that was certainly meant; nil
// where there is room for doubt. Before and after surround the name in r.
func Rename(r hcl.Range, before, name, after string, candidates []string) []diag.Fix {
	meant := diag.Certain(name, candidates)
	if meant == "" || meant == name || r.End.Byte-r.Start.Byte != len(before+name+after) {
		return nil
	}
	return []diag.Fix{{Title: fmt.Sprintf("write %s for %s", meant, name), Range: Range(r), Text: before + meant + after}}
}

// renameStep is Rename for a step of a chain of names: the .NAME of var.NAME.
func renameStep(step hcl.Traverser, candidates []string) []diag.Fix {
	attr, ok := step.(hcl.TraverseAttr)
	if !ok {
		return nil
	}
	return Rename(attr.SrcRange, ".", attr.Name, "", candidates)
}

// insert is the fix that puts text at a byte of the line that r begins in.
func insert(source []byte, r hcl.Range, at int, text, title string) []diag.Fix {
	return replace(source, r, at, at, text, title)
}

// replace is the fix of the bytes from to to, which lie in the line that r
// begins in.
func replace(source []byte, r hcl.Range, from, to int, text, title string) []diag.Fix {
	if from < 0 || from > to || to > len(source) || r.Start.Byte > len(source) {
		return nil
	}
	// Columns count from r, which the parser placed.
	start := strings.LastIndexByte(string(source[:r.Start.Byte]), '\n') + 1
	if from < start || strings.ContainsRune(string(source[start:to]), '\n') {
		return nil
	}
	pos := func(at int) diag.Pos {
		return diag.Pos{Line: r.Start.Line, Column: 1 + graphemes(source[start:at]), Byte: at}
	}
	return []diag.Fix{{Title: title, Range: diag.Range{File: r.Filename, Start: pos(from), End: pos(to)}, Text: text}}
}

// graphemes counts characters as HCL does.
func graphemes(text []byte) int {
	sc := hcl.NewRangeScanner(text, "", func(data []byte, atEOF bool) (int, []byte, error) { return len(data), data, nil })
	if !sc.Scan() {
		return 0
	}
	return sc.Range().End.Column - 1
}

var shellName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// escapeShell is the fix of "${HOME}", or of "${HOME:-x}" at its colon: a
// dollar more. It wants the name to begin right after "${".
func escapeShell(source []byte, r hcl.Range) []diag.Fix {
	if r.Start.Byte > len(source) {
		return nil
	}
	open := strings.LastIndex(string(source[:r.Start.Byte]), "${")
	if open < 0 || open > 0 && source[open-1] == '$' {
		return nil
	}
	name := string(source[open+2 : r.Start.Byte])
	if !shellName.MatchString(name) {
		return nil
	}
	return insert(source, r, open, "$", fmt.Sprintf("write $${%s… for the shell", name))
}

// EscapeShell is the fix of a shell variable that stands alone in "${…}".
func EscapeShell(source []byte, r hcl.Range) []diag.Fix {
	if r.End.Byte >= len(source) || source[r.End.Byte] != '}' {
		return nil
	}
	end := r
	end.Start = r.End
	return escapeShell(source, end)
}

// escapeDirective is the fix of "%{http_code}": a percent sign more. A word
// that resembles a directive may be meant as one.
func escapeDirective(source []byte, r hcl.Range) []diag.Fix {
	word := text(source, r)
	open := r.Start.Byte - 2
	if word == "" || open < 0 || string(source[open:r.Start.Byte]) != "%{" || open > 0 && source[open-1] == '%' {
		return nil
	}
	if diag.Nearest(word, []string{"if", "for", "else", "endif", "endfor", "elseif", "elif", "end", "fi"}) != "" {
		return nil
	}
	return insert(source, r, open, "%", fmt.Sprintf("write %%%%{%s} for the text itself", word))
}

var colonAt = regexp.MustCompile(`^\s*("?)([A-Za-z_][A-Za-z0-9_-]*)("?)\s*:\s*(.*?)\s*$`)

// colonToEqual is the fix of `a: 1`.
func colonToEqual(source []byte, r hcl.Range) []diag.Fix {
	line := lineAt(source, r.Start.Byte)
	m := colonAt.FindStringSubmatchIndex(line)
	if m == nil {
		return nil
	}
	value, quotes := line[m[8]:m[9]], line[m[2]:m[3]]+line[m[6]:m[7]]
	if value == "" || strings.HasPrefix(value, "{") || strings.HasSuffix(value, ",") || len(quotes) == 1 {
		return nil // an object may be a block, and a comma is of another language
	}
	start := strings.LastIndexByte(string(source[:min(r.Start.Byte, len(source))]), '\n') + 1
	name := line[m[4]:m[5]]
	from, to := start+m[2], start+m[7]+strings.IndexByte(line[m[7]:], ':')+1
	written := name + " ="
	if to < start+len(line) && source[to] != ' ' && source[to] != '\t' {
		written += " "
	}
	return replace(source, r, from, to, written, fmt.Sprintf("write %s = …", name))
}

// quoteMode is the fix of mode = 0644, which the tokens around t show.
func quoteMode(tokens hclsyntax.Tokens, i int) []diag.Fix {
	t := tokens[i]
	if i < 2 || tokens[i-1].Type != hclsyntax.TokenEqual || string(tokens[i-2].Bytes) != "mode" || !octal(string(t.Bytes), 4) {
		return nil
	}
	if i+1 < len(tokens) && !slices.Contains([]hclsyntax.TokenType{hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenCBrace, hclsyntax.TokenEOF}, tokens[i+1].Type) {
		return nil // part of a calculation
	}
	return []diag.Fix{{Title: fmt.Sprintf("write \"%s\"", t.Bytes), Range: Range(t.Range), Text: `"` + string(t.Bytes) + `"`}}
}

// QuoteMode is the fix of mode = 640: three octal digits without quotes.
func QuoteMode(source string, r hcl.Range) []diag.Fix {
	if !octal(source, 3) || source[0] == '0' {
		return nil
	}
	return []diag.Fix{{Title: fmt.Sprintf("write \"0%s\"", source), Range: Range(r), Text: `"0` + source + `"`}}
}

func octal(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "01234567") == ""
}
