// Package eval holds what expressions need: the functions, the limits that
// keep a stranger's file from taking the machine down, the names in scope,
// and messages for what goes wrong.
package eval

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shipit/lang/diag"
)

// The limits of a source file. HCL's parser is recursive, and a stack
// overflow cannot be recovered from, so they hold before it runs.
const (
	MaxFile      = 1 << 20
	MaxNesting   = 100
	MaxOperators = 1000
	MaxFor       = 2
	MaxExponent  = 400
	MaxDigits    = 100
	MaxText      = 16 << 20 // of what a function writes, in bytes
	MaxProblems  = 50       // that are told about the syntax of one file
)

// CheckLimits counts on the flat stream of tokens what the parser would have
// to recurse into. It reports the first token that is too much.
func CheckLimits(tokens hclsyntax.Tokens) diag.List {
	depth, operators := 0, 0
	var fors []int          // the depths at which a "for" was opened
	var directives []string // open %{if} and %{for}
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
			if depth > MaxNesting {
				return diag.List{At("E0105", t.Range, "nested too deeply",
					fmt.Sprintf("Brackets, braces, strings and templates may be nested %d deep.", MaxNesting), "")}
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth = max(depth-1, 0)
			for len(fors) > 0 && fors[len(fors)-1] > depth {
				fors = fors[:len(fors)-1]
			}
		case hclsyntax.TokenNewline:
			if depth == 0 {
				operators = 0
			}
		case hclsyntax.TokenEqual, hclsyntax.TokenComma:
			operators = 0
		case hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit:
			// Text may become a number; a long row of digits is often a name.
			number := t.Type == hclsyntax.TokenNumberLit || strings.ContainsAny(string(t.Bytes), "eE")
			if number && hugeNumber(string(t.Bytes)) {
				return diag.List{At("E0107", t.Range, "number too large", fmt.Sprintf("A number may have %d digits and an exponent of at most %d.", MaxDigits, MaxExponent), "")}
			}
		case hclsyntax.TokenIdent:
			word := string(t.Bytes)
			directive := i > 0 && tokens[i-1].Type == hclsyntax.TokenTemplateControl
			switch {
			case directive && (word == "if" || word == "for"):
				directives = append(directives, word)
				if len(directives) > MaxNesting {
					return diag.List{At("E0105", t.Range, "nested too deeply", fmt.Sprintf("Template directives may be nested %d deep.", MaxNesting), "")}
				}
			case directive && strings.HasPrefix(word, "end") && len(directives) > 0:
				directives = directives[:len(directives)-1]
			}
			// A `for` opens a loop only right after a bracket or brace.
			if word == "for" && (directive || opensFor(tokens, i)) {
				if !directive {
					fors = append(fors, depth)
				}
				if len(fors)+countFor(directives) > MaxFor {
					return diag.List{At("E0122", t.Range, "too many loops inside each other",
						fmt.Sprintf("At most %d for expressions may be nested.", MaxFor), "Move the inner one to a local, or write the list out.")}
				}
			}
		default:
			if isOperator(t.Type) {
				operators++
				if operators > MaxOperators {
					return diag.List{At("E0106", t.Range, "expression too long",
						fmt.Sprintf("An expression may have %d operators.", MaxOperators), "Split it into locals.")}
				}
			}
		}
	}
	return nil
}

func countFor(directives []string) int {
	n := 0
	for _, d := range directives {
		if d == "for" {
			n++
		}
	}
	return n
}

func opensFor(tokens hclsyntax.Tokens, i int) bool {
	for i--; i >= 0; i-- {
		switch tokens[i].Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			continue
		case hclsyntax.TokenOBrack, hclsyntax.TokenOBrace:
			return true
		default:
			return false
		}
	}
	return false
}

func isOperator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenBang, hclsyntax.TokenQuestion:
		return true
	}
	return false
}

// hugeNumber tells whether text reads as a number that takes minutes to
// print: 1e20000000 has twenty million digits.
func hugeNumber(text string) bool {
	text = strings.TrimSpace(text)
	mantissa, exponent, found := strings.Cut(strings.ToLower(text), "e")
	if strings.Trim(mantissa, "+-.0123456789") != "" || mantissa == "" {
		return false
	}
	if !found {
		return len(mantissa) > MaxDigits && isDigit(mantissa[len(mantissa)-1]) && mantissa[0] != '0'
	}
	if strings.Trim(exponent, "+-0123456789") != "" || exponent == "" {
		return false
	}
	n, err := strconv.Atoi(exponent)
	return err != nil || n > MaxExponent || n < -MaxExponent || len(mantissa) > MaxDigits
}

// Range turns a range of HCL into one of ours.
func Range(r hcl.Range) diag.Range {
	return diag.Range{
		File:  r.Filename,
		Start: diag.Pos{Line: r.Start.Line, Column: r.Start.Column, Byte: r.Start.Byte},
		End:   diag.Pos{Line: r.End.Line, Column: r.End.Column, Byte: r.End.Byte},
	}
}

// At makes an error at a range.
func At(code string, r hcl.Range, summary, detail, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: code, Severity: diag.Error, Summary: summary, Detail: detail, Help: help, Subject: Range(r)}
}

// LeadingZeros reports numbers that are written with a leading zero: who
// writes 0644 means an octal number, which HCL does not have.
func LeadingZeros(tokens hclsyntax.Tokens) diag.List {
	var diags diag.List
	for i, t := range tokens {
		if t.Type == hclsyntax.TokenNumberLit && len(t.Bytes) > 1 && t.Bytes[0] == '0' && isDigit(t.Bytes[1]) {
			diags = append(diags, At("E0313", t.Range, "number with a leading zero",
				fmt.Sprintf("HCL reads %s as the number %s, not as an octal one.", t.Bytes, strings.TrimLeft(string(t.Bytes[:len(t.Bytes)-1]), "0")+string(t.Bytes[len(t.Bytes)-1:])),
				fmt.Sprintf("Write \"%s\" for a mode, or leave out the zero.", t.Bytes)))
			diags[len(diags)-1].Fixes = quoteMode(tokens, i)
		}
	}
	return diags
}
