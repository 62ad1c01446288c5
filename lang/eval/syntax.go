package eval

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"shipit/lang/diag"
)

var (
	colonArgument = regexp.MustCompile(`^\s*"?([A-Za-z_][A-Za-z0-9_-]*)"?\s*:\s*(.*?)\s*$`)
	setBefore     = regexp.MustCompile(`:(\d+),(\d+)-(\d+)\.`)
)

// SyntaxErrors says in our words what the parser found in source: each mistake
// once, and no more than MaxProblems.
func SyntaxErrors(problems hcl.Diagnostics, source []byte) diag.List {
	var diags diag.List
	lines := map[int]bool{}
	unclosed := false
	for _, p := range problems {
		if p.Severity != hcl.DiagError {
			continue
		}
		// Behind a string that is not closed, every line seems to hold another.
		if p.Summary == "Invalid multi-line string" {
			if unclosed {
				continue
			}
			unclosed = true
		}
		// The parser often stumbles twice over one mistake.
		if line := subject(p).Start.Line; !lines[line] && len(lines) < MaxProblems {
			lines[line] = true
			diags = append(diags, TranslateSyntax(p, source)...)
		}
	}
	return diags
}

// NoJSON refuses a file in the JSON form of HCL, which people do not review.
func NoJSON(at hcl.Range) diag.Diagnostic {
	return At("E0134", at, "a definition is written in HCL, not in its JSON form",
		"In JSON every expression is a string, and there are no comments. The JSON Schema of 'shipit schema --json-schema' is for editors and generators to know the names.",
		"Write it as a file that ends in .hcl.")
}

// TranslateSyntax says in our words what the parser found.
func TranslateSyntax(p *hcl.Diagnostic, source []byte) diag.List {
	r := subject(p)
	d := At("E0101", r, lower(p.Summary), p.Detail, "")
	if w, ok := words(syntaxWords(), p.Summary, p.Detail); ok {
		d = At(w.code, tight(r), w.says, w.detail, w.help)
	}
	line := lineAt(source, r.Start.Byte)
	switch {
	case p.Summary == "Invalid multi-line string":
		d.Subject = Range(fromQuote(source, r))
	case p.Summary == "Missing item separator":
		notClosed(&d, text(source, r), "list", "]")
	case p.Summary == "Missing argument separator":
		notClosed(&d, text(source, r), "call", ")")
	case p.Summary == "Missing attribute separator":
		notClosed(&d, text(source, r), "object", "}")
	case strings.HasPrefix(p.Summary, "Argument or block definition"), p.Summary == "Invalid argument name":
		if m := colonArgument.FindStringSubmatch(line); m != nil {
			d.Code, d.Summary = "E0108", "arguments are set with \"=\", not with \":\""
			d.Detail = ""
			d.Help = fmt.Sprintf("Write %s = %s", m[1], m[2])
			d.Fixes = colonToEqual(source, r)
		}
	case p.Summary == "Invalid template control keyword", p.Summary == "Invalid template directive":
		d.Code, d.Summary = "E0109", "\"%{\" begins a template directive"
		d.Detail = "After \"%{\" stands if, for, else, endif or endfor."
		d.Help = "Write %%{ for the text itself."
		d.Fixes = escapeDirective(source, r)
	case strings.HasPrefix(p.Summary, "Extra characters after interpolation"):
		d.Summary = "something stands behind the expression in \"${\""
		d.Detail = "Between \"${\" and \"}\" stands one expression."
		d.Help = "Write $${ for a shell to read it."
		d.Fixes = escapeShell(source, r)
	case p.Summary == "Attribute redefined":
		d.Code, d.Summary = "E0110", fmt.Sprintf("%q is set twice", text(source, r))
		d.Detail = ""
		d.Help = "Remove one of the two."
		if m := setBefore.FindStringSubmatch(p.Detail); m != nil {
			d.Related = []diag.Related{{Range: rangeAt(source, r.Filename, m[1:]), Text: "set here before"}}
		}
	}
	return diag.List{d}
}

// tight is a range without a line break at its end, at which an underline
// would stand on the next line.
func tight(r hcl.Range) hcl.Range {
	if r.End.Line > r.Start.Line && r.End.Column == 1 && r.End.Byte == r.Start.Byte+1 {
		r.End = r.Start
	}
	return r
}

// notClosed says of a missing comma that it is none where another bracket
// ends.
func notClosed(d *diag.Diagnostic, found, what, end string) {
	if found == "]" || found == ")" || found == "}" {
		d.Code, d.Summary, d.Detail, d.Help = "E0125", "the "+what+" is not closed", fmt.Sprintf("A %q stands where its %q is expected.", found, end), "Write the missing "+end+" before it."
	}
}

// fromQuote is the rest of the line that r is in, from its last quote on: the
// string that was not closed.
func fromQuote(source []byte, r hcl.Range) hcl.Range {
	at := min(r.Start.Byte, len(source))
	start := bytes.LastIndexByte(source[:at], '\n') + 1
	quote := bytes.LastIndexByte(source[start:at], '"')
	if quote < 0 {
		return tight(r)
	}
	end := r.Start
	r.Start.Byte, r.Start.Column, r.End = start+quote, 1+graphemes(source[start:start+quote]), end
	return r
}

// text is the source at r.
func text(source []byte, r hcl.Range) string {
	if r.Start.Byte < 0 || r.End.Byte > len(source) || r.Start.Byte > r.End.Byte {
		return ""
	}
	return string(source[r.Start.Byte:r.End.Byte])
}

func lineAt(source []byte, at int) string {
	at = max(0, min(at, len(source)))
	start := bytes.LastIndexByte(source[:at], '\n') + 1
	end := bytes.IndexByte(source[start:], '\n')
	if end < 0 {
		return string(source[start:])
	}
	return string(source[start : start+end])
}

// rangeAt makes a range within one line of line, column and end column as
// HCL writes them in its messages.
func rangeAt(source []byte, file string, numbers []string) diag.Range {
	n := make([]int, 3)
	for i := range n {
		n[i], _ = strconv.Atoi(numbers[i])
	}
	offset := 0
	for i := 1; i < n[0]; i++ {
		next := bytes.IndexByte(source[offset:], '\n')
		if next < 0 {
			break
		}
		offset += next + 1
	}
	return diag.Range{
		File:  file,
		Start: diag.Pos{Line: n[0], Column: n[1], Byte: offset + n[1] - 1},
		End:   diag.Pos{Line: n[0], Column: n[2], Byte: offset + n[2] - 1},
	}
}
