package format

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A word is a token without what formatting may change.
type word struct {
	kind hclsyntax.TokenType
	text string
	at   hcl.Range
}

// meaning is what formatting must keep: all tokens in order, comments with
// their text, the contents of strings to the byte. Line breaks count once.
func meaning(tokens hclsyntax.Tokens) []word {
	var words []word
	newline := func(at hcl.Range) {
		if len(words) > 0 && words[len(words)-1].kind != hclsyntax.TokenNewline {
			words = append(words, word{hclsyntax.TokenNewline, "\n", at})
		}
	}
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenEOF:
			newline(t.Range) // there may have been none
		case hclsyntax.TokenNewline:
			newline(t.Range)
		case hclsyntax.TokenComment:
			words = append(words, word{t.Type, comment(t.Bytes), t.Range})
			if bytes.HasSuffix(t.Bytes, []byte("\n")) {
				newline(t.Range)
			}
		case hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
			words = append(words, word{t.Type, string(t.Bytes), t.Range})
		default:
			words = append(words, word{t.Type, string(bytes.TrimSpace(t.Bytes)), t.Range})
		}
	}
	return words
}

// comment is a comment in the style and without the trailing white space that
// formatting gives it.
func comment(text []byte) string {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
	}
	all := strings.Join(lines, "\n")
	if rest, ok := strings.CutPrefix(all, "//"); ok {
		return "#" + rest
	}
	return all
}

// same compares meanings, and tells where the first is lost in the second.
func same(want, got []word) (at hcl.Range, ok bool) {
	for i, w := range want {
		if i >= len(got) || w.kind != got[i].kind || w.text != got[i].text {
			return w.at, false
		}
	}
	if len(got) > len(want) {
		return got[len(want)].at, false
	}
	return hcl.Range{}, true
}
