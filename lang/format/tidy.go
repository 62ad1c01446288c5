package format

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A line is what tidy must know of a line before it may change it.
type line struct {
	inText    bool // the newline at its end belongs to a string or heredoc
	inComment bool // the newline at its end belongs to a /* comment */
	opens     bool // its last token is an opening bracket or brace
	closes    bool // its first token is a closing one
}

// tidy does what HCL's own formatter leaves undone: blank lines, trailing
// white space, // comments and the end of the file. The contents of strings
// and heredocs stay as they are.
func tidy(src []byte, name string) []byte {
	tokens := lex(src, name)
	lines := describe(tokens, bytes.Count(src, []byte("\n"))+1)
	var out bytes.Buffer
	blank := false // a blank line is due
	open := true   // what was written last wants no blank line after it; so does nothing
	for i, text := range bytes.Split(hashComments(src, tokens), []byte("\n")) {
		l := lines[i]
		if !l.inText {
			text = bytes.TrimRight(text, " \t\r")
		}
		continues := i > 0 && (lines[i-1].inText || lines[i-1].inComment)
		if len(text) == 0 && !l.inText && !l.inComment && !continues {
			blank = !open
			continue
		}
		if blank && !l.closes {
			out.WriteByte('\n')
		}
		out.Write(text)
		out.WriteByte('\n')
		blank, open = false, l.opens
	}
	return out.Bytes()
}

// describe tells of each line what the tokens on it are. HCL counts lines from
// one.
func describe(tokens hclsyntax.Tokens, count int) []line {
	lines := make([]line, count)
	begun := make([]bool, count)
	for _, t := range tokens {
		first, last := t.Range.Start.Line-1, t.Range.End.Line-1
		switch t.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenEOF:
			continue
		case hclsyntax.TokenComment:
			begun[first] = true
			for i := first; i < last && bytes.HasPrefix(t.Bytes, []byte("/*")); i++ {
				lines[i].inComment = true
			}
			continue // what a comment stands behind or before counts
		case hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
			for i := first; i < last; i++ {
				lines[i].inText = true
			}
		}
		if !begun[first] {
			begun[first] = true
			lines[first].closes = isCloser(t.Type)
		}
		lines[last].opens = isOpener(t.Type)
	}
	return lines
}

func isOpener(t hclsyntax.TokenType) bool {
	return t == hclsyntax.TokenOBrace || t == hclsyntax.TokenOBrack || t == hclsyntax.TokenOParen
}

func isCloser(t hclsyntax.TokenType) bool {
	return t == hclsyntax.TokenCBrace || t == hclsyntax.TokenCBrack || t == hclsyntax.TokenCParen
}

// hashComments writes // comments with #.
func hashComments(src []byte, tokens hclsyntax.Tokens) []byte {
	var out bytes.Buffer
	done := 0
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenComment && bytes.HasPrefix(t.Bytes, []byte("//")) {
			out.Write(src[done:t.Range.Start.Byte])
			out.WriteByte('#')
			done = t.Range.Start.Byte + len("//")
		}
	}
	out.Write(src[done:])
	return out.Bytes()
}
