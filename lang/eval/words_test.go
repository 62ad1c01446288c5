package eval

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"shipit/lang/diag"
)

// TestEveryMessageOfTheLibraryHasOurWords reads the summaries of all messages
// in the source of the parser and the evaluation, so that a new version that
// says something new is noticed.
func TestEveryMessageOfTheLibraryHasOurWords(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/hcl/v2").Output()
	if err != nil {
		t.Skip("the source of the library is not here:", err)
	}
	// Said elsewhere, by what is compared with the schema; or to programmers.
	elsewhere := map[string]bool{
		"Unsupported argument": true, "Unsupported block type": true, "Missing required argument": true, "Extraneous label for …": true, "Missing …": true,
		"Unexpected … block": true, "Invalid path step": true, "Attribute redefined": true, "Invalid template control keyword": true, "Invalid template directive": true,
		"Extra characters after interpolation expression": true, "Error in function call": true, "Invalid function argument": true, "Missing newline after block": true,
	}
	all := append(syntaxWords(), valueWords()...)
	seen := 0
	dir := strings.TrimSpace(string(out))
	for _, pattern := range []string{"hclsyntax/*.go", "ops.go", "traversal.go"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, summary := range summaries(t, file) {
				seen++
				if _, ok := words(all, summary, ""); !ok && !elsewhere[summary] && !hasPart(all, summary) {
					t.Errorf("%s: no words for %q", filepath.Base(file), summary)
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("found %d messages only", seen)
	}
}

// hasPart tells whether there are words for some detail of the summary.
func hasPart(all []wording, summary string) bool {
	for _, w := range all {
		if start, open := strings.CutSuffix(w.summary, "…"); w.summary == summary || open && strings.HasPrefix(summary, start) {
			return true
		}
	}
	return false
}

// summaries are the texts that stand behind "Summary:" in a Go file, or are
// given to a variable or constant of such a name.
func summaries(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	add := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(list) < 10_000 {
				text, _ := strconv.Unquote(lit.Value)
				if i := strings.IndexByte(text, '%'); i >= 0 {
					after := text[i+2:]
					text = text[:i] + "…"
					if after == " block" {
						text += after
					}
				}
				list = append(list, text)
				return false
			}
			_, index := n.(*ast.IndexExpr)
			return !index
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Summary" {
				add(n.Value)
			}
		case *ast.AssignStmt:
			if id, ok := n.Lhs[0].(*ast.Ident); ok && id.Name == "summary" {
				add(n.Rhs[0])
			}
		case *ast.ValueSpec:
			if name := n.Names[0].Name; len(n.Values) == 1 && (name == "invalidIndex" || name == "unsupportedAttr") {
				add(n.Values[0])
			}
		}
		return true
	})
	return list
}

// TestMessagesAreInOurWords gives texts that are wrong in every way that the
// parser and the evaluation tell apart.
func TestMessagesAreInOurWords(t *testing.T) {
	t.Parallel()
	theirs := append(syntaxWords(), valueWords()...)
	for text, code := range map[string]string{
		"a {": "E0125", "a = [1": "E0125", "a = [1}": "E0125", "a = f(1]": "E0125", "a = {b = 1]": "E0125", "a = {": "E0127", "a = { b = 1": "E0125", "a = f(1": "E0125", "a = (1\n": "E0125", "a = \"${b\"": "E0125", "a = b[*x]": "E0125", "a = b[1": "E0125", "a = f(b... c)": "E0125",
		"a = 1 & 2": "E0126", "a = 2 ** 3": "E0127", "a = `x`": "E0126", "a = 'x'": "E0126", "a = 1;": "E0126", "a = “x”": "E0126", "a = @": "E0126",
		"a = ": "E0127", "a = 1 +\n": "E0127", "a = true ? 1": "E0127", "a = {b}": "E0128", "a = { b = }": "E0127",
		"a = [1 2]": "E0128", "a = f(1 2)": "E0128", "a = {b = 1 c = 2}": "E0128", "a = {b.c d}": "E0128", "a = {b 1}": "E0128", "a = 1, b = 2": "E0128", "a = 1 b": "E0128",
		"a = \"x\ny\"": "E0129", `a = "\q"`: "E0129", `a = "\u12"`: "E0129", `a = "\U12"`: "E0129", "a \"${b}\" {}": "E0129",
		"a b": "E0130", "1": "E0130", "\"a\" = 1": "E0130", "a \"b\" = {}": "E0130", "a \"b\"\n{}": "E0130", "a \"b\" 1 {}": "E0130", "a { b = 1, c = 2 }": "E0130", "a { b c }": "E0130", "a {} b {}": "E0130",
		"a = \"%{if true}x\"": "E0131", "a = \"%{for x in []}x\"": "E0131", "a = \"%{if true}%{else}%{else}%{endif}\"": "E0131", "a = \"%{for x in []}%{else}%{endfor}\"": "E0131",
		"a = \"%{if true}%{endfor}\"": "E0131", "a = \"%{endif}\"": "E0131", "a = \"%{for x}%{endfor}\"": "E0131", "a = \"%{if true}%{endif x}\"": "E0131",
		"a = [for]": "E0132", "a = [for x of y : x]": "E0132", "a = [for x in y x]": "E0132", "a = [for x in y : x => x]": "E0132", "a = {for x in y : x}": "E0132", "a = [for x in y : x...]": "E0132",
		"a = b.": "E0133", "a = b.\"c\"": "E0133", "a = b.*.c.*.d": "E0133", "a = x::": "E0133", "a = x::y": "E0133",
		"a = -\"x\"": "E0318", "a = 1 + []": "E0318", "a = !1": "E0318", "a = 0/0": "E0314", "a = true && 1": "E0318",
		"a = \"x${null}\"": "E0319", "a = \"x${[1]}\"": "E0319", "a = \"%{for x in [null]}${x}%{endfor}\"": "E0319",
		"a = true ? 1 : []": "E0320", "a = null ? 1 : 2": "E0320", "a = 1 ? 1 : 2": "E0320",
		"a = [for x in null : x]": "E0321", "a = [for x in 1 : x]": "E0321", "a = [for x in [1] : x if null]": "E0321", "a = [for x in [1] : x if \"y\"]": "E0321", "a = null[*]": "",
		"a = {for x in [1] : null => x}": "E0322", "a = {for x in [1] : [x] => x}": "E0322", "a = {for x in [1, 1] : x => x}": "E0322", "a = {(null) = 1}": "E0322", "a = {([]) = 1}": "E0322", "a = {b.c = 1}": "E0322",
		"a = [1][null]": "E0207", "a = [1][0.5]": "E0207", "a = [1][-1]": "E0207", "a = [1][1]": "E0207", "a = [][0]": "E0207", "a = toset([1])[0]": "E0207", "a = 1[0]": "E0207", "a = [1][\"x\"]": "E0207",
		"a = {}.b": "E0207", "a = [{b = 1}].b": "E0207", "a = tolist([{b = 1}]).b": "E0207", "a = toset([{b = 1}]).b": "E0207", "a = tomap({b = 1}).c": "E0207", "a = \"x\".c": "E0207", "a = null.c": "E0312", "a = null[0]": "E0312",
		"a = max(null...)": "E0310", "a = max(1...)": "E0310", "a = upper()": "E0310", "a = upper(1, 2)": "E0310", "a = upper([])": "E0310", "a = upper(null)": "E0310", "a = merge(1)": "E0310", "a = keys(1)": "E0310",
	} {
		source := []byte(text)
		f, problems := hclsyntax.ParseConfig(source, "test", hcl.InitialPos)
		var said diag.List
		for _, p := range problems {
			said = append(said, TranslateSyntax(p, source)...)
		}
		if len(said) == 0 {
			attrs, _ := f.Body.JustAttributes()
			for _, a := range attrs {
				_, problems := a.Expr.Value(&hcl.EvalContext{Functions: Functions(nil, &Files{})})
				for _, p := range problems {
					said = append(said, Translate(p)...)
				}
			}
		}
		if code == "" && len(said) == 0 {
			continue
		}
		if len(said) == 0 || said[0].Code != code {
			t.Errorf("%q: %v, want %s", text, said, code)
			continue
		}
		for _, d := range said {
			for _, jargon := range []string{"tuple", "cty", "expression result", "required, but", "Unsuitable"} {
				if strings.Contains(d.Summary+d.Detail+d.Help, jargon) {
					t.Errorf("%q: %q in %+v", text, jargon, d)
				}
			}
			if _, known := words(theirs, strings.ToUpper(d.Summary[:1])+d.Summary[1:], ""); known {
				t.Errorf("%q: their summary %q", text, d.Summary)
			}
		}
	}
}
