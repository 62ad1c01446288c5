package eval

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"shipit/lang/diag"
)

// sensitive is the mark of values that must not be shown.
type sensitive struct{}

// Sensitive marks v.
func Sensitive(v cty.Value) cty.Value { return v.Mark(sensitive{}) }

// IsSensitive tells whether v or anything inside it is marked.
func IsSensitive(v cty.Value) bool {
	if plain(v) {
		return false
	}
	return v.ContainsMarked()
}

// plain tells fast what most values are: a known text, number or boolean, or
// a few of them, without marks.
func plain(v cty.Value) bool {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() {
		return false
	}
	t := v.Type()
	if t.IsPrimitiveType() {
		return true
	}
	return t.IsTupleType() && !slices.ContainsFunc(v.AsValueSlice(), func(e cty.Value) bool {
		return e.IsMarked() || !e.IsKnown() || !e.Type().IsPrimitiveType()
	})
}

// Bare is v without marks, with whether it had any and whether all of it is
// known.
func Bare(v cty.Value) (bare cty.Value, secret, known bool) {
	if plain(v) {
		return v, false, true
	}
	bare, marks := v.UnmarkDeep()
	return bare, len(marks) > 0, bare.IsWhollyKnown()
}

// Withheld stands for a detail that would show a sensitive value.
const Withheld = "The detail is withheld, because a sensitive value takes part."

// Translate says in our words what went wrong in an evaluation.
func Translate(p *hcl.Diagnostic) diag.List {
	d := At("E0314", subject(p), lower(p.Summary), p.Detail, "")
	secret := takesSensitive(p)
	if call, ok := p.Extra.(hclsyntax.FunctionCallDiagExtra); ok {
		var template *TemplateError
		if errors.As(call.FunctionCallError(), &template) {
			return rendered(template.Diags, d.Subject)
		}
		d = functionFailed(d, call, p)
	} else if missing, ok := explain(p, secret); ok {
		missing.Subject = d.Subject
		return diag.List{missing}
	}
	if w, ok := words(valueWords(), p.Summary, p.Detail); ok && d.Code == "E0314" {
		d.Code, d.Summary, d.Detail, d.Help = w.code, w.says, strings.ReplaceAll(w.detail, "KIND", kindOf(p)), w.help
		if m := sameKey.FindStringSubmatch(p.Detail); m != nil && !secret {
			d.Label = m[1]
		}
		if call, ok := p.Expression.(*hclsyntax.FunctionCallExpr); ok && d.Help == "" {
			d.Help = Describe(call.Name)
		}
	}
	if secret {
		d.Detail = Withheld
	}
	return diag.List{d}
}

var (
	sameKey  = regexp.MustCompile(`produced the key ("(?:[^"\\]|\\.)*")`)
	requires = regexp.MustCompile(`(string|number|bool|list|set|map|object|tuple)(?: of \w+)? (?:is )?required`)
)

// untyped takes the words of the library's types out of its messages; what
// begins with ", got" is a value as Go would write it.
func untyped(text string) string {
	text, _, _ = strings.Cut(text, ", got ")
	return strings.NewReplacer("list or tuple", "list", "lists or tuples", "lists", "lists, sets and tuples", "lists and sets", "list, tuple, or set", "list or set",
		"a map or a tuple", "an object or a map", "tuple", "list", "regexp", "regular expression", "Regexp", "Regular expression").Replace(text)
}

// kindOf names the kind of the value that a message is about, which says
// nothing of the value itself.
func kindOf(p *hcl.Diagnostic) string {
	expr := p.Expression
	if t, ok := expr.(*hclsyntax.TemplateExpr); ok {
		for _, part := range t.Parts {
			if p.Subject != nil && part.Range() == *p.Subject {
				expr = part
			}
		}
	}
	if expr == nil {
		return "another one"
	}
	v, _ := expr.Value(p.EvalContext)
	v, _ = v.Unmark()
	return Kind(v)
}

func subject(p *hcl.Diagnostic) hcl.Range {
	if p.Subject != nil {
		return *p.Subject
	}
	if p.Expression != nil {
		return p.Expression.Range()
	}
	return hcl.Range{}
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// rendered adds to the messages of a template where it was rendered.
func rendered(diags diag.List, at diag.Range) diag.List {
	out := slices.Clone(diags)
	for i := range out {
		out[i].Related = append(slices.Clone(out[i].Related), diag.Related{Range: at, Text: "the template is rendered here"})
	}
	return out
}

func functionFailed(d diag.Diagnostic, call hclsyntax.FunctionCallDiagExtra, p *hcl.Diagnostic) diag.Diagnostic {
	name, err := call.CalledFunctionName(), call.FunctionCallError()
	d.Code, d.Summary = "E0310", name+" cannot be called so"
	d.Help = Describe(name)
	if err == nil { // the argument could not be converted
		d.Detail = "This is " + kindOf(p) + "."
		if m := requires.FindStringSubmatch(p.Detail); m != nil {
			needs := map[string]string{"bool": "true or false", "tuple": "a list", "map": "an object"}
			d.Detail = "It needs " + cmp.Or(needs[m[1]], "a "+m[1]) + ", and this is " + kindOf(p) + "."
		}
		return d
	}
	d.Detail = sentence(untyped(err.Error()))
	var arg function.ArgError
	if errors.As(err, &arg) {
		d.Label = ordinal(arg.Index) + " argument"
	}
	var read *ReadError
	var label *UnknownLabelError
	// The library's own kind of error hides what is in it, so that these two
	// do not say which argument they are about.
	point := func(i int) {
		if e, ok := p.Expression.(*hclsyntax.FunctionCallExpr); ok && i < len(e.Args) {
			d.Subject = Range(e.Args[i].Range())
		}
	}
	switch {
	case errors.As(err, &read):
		point(0)
		d.Code, d.Summary, d.Detail = "E0316", fmt.Sprintf("cannot read %q", read.Path), sentence(read.Err.Error())
		d.Help = "Paths start at the directory of the definition; ./ begins one beside the file that says it."
	case errors.As(err, &label):
		point(1)
		d.Code, d.Summary, d.Detail, d.Help, d.Label = "E0212", label.Error(), "", label.Help(), ""
	case name == loopName:
		d.Code, d.Summary, d.Help, d.Label = "E0124", "the loops run too long", "", ""
	case name == "expand":
		d.Code, d.Summary = "E0309", "not a pattern of names"
	}
	return d
}

func ordinal(i int) string {
	words := []string{"first", "second", "third", "fourth", "fifth"}
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("%dth", i+1)
}

// sentence makes a sentence of an error.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// takesSensitive tells whether a sensitive value takes part in what failed.
func takesSensitive(p *hcl.Diagnostic) bool {
	if p.Expression == nil || p.EvalContext == nil {
		return false
	}
	for _, traversal := range p.Expression.Variables() {
		v, problems := traversal.TraverseAbs(p.EvalContext)
		if problems.HasErrors() {
			// The name itself is wrong: look at what it starts from.
			if v, problems = traversal[:1].TraverseAbs(p.EvalContext); problems.HasErrors() {
				continue
			}
		}
		if IsSensitive(v) {
			return true
		}
	}
	return false
}

// explain finds the step that failed in a chain of names and says which
// names would have worked.
func explain(p *hcl.Diagnostic, secret bool) (diag.Diagnostic, bool) {
	ctx := p.EvalContext
	var value cty.Value
	var path string
	var steps []cty.Value
	var problems hcl.Diagnostics
	computed := false
	switch e := p.Expression.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		value, problems = e.Traversal[:1].TraverseAbs(ctx)
		path, steps = e.Traversal.RootName(), keysOf(e.Traversal[1:])
	case *hclsyntax.RelativeTraversalExpr:
		value, problems = e.Source.Value(ctx)
		path, steps = describe(e.Source), keysOf(e.Traversal)
	case *hclsyntax.IndexExpr:
		var key cty.Value
		value, problems = e.Collection.Value(ctx)
		key, more := e.Key.Value(ctx)
		problems = append(problems, more...)
		path, steps, computed = describe(e.Collection), []cty.Value{key}, true
	default:
		return diag.Diagnostic{}, false
	}
	if problems.HasErrors() {
		return diag.Diagnostic{}, false
	}
	for _, key := range steps {
		value, _ = value.Unmark()
		key, _ = key.Unmark()
		if !key.IsKnown() || key.IsNull() || !value.IsKnown() {
			return diag.Diagnostic{}, false
		}
		if value.IsNull() {
			return diag.Diagnostic{Code: "E0312", Severity: diag.Error, Summary: path + " is null", Detail: "Null has nothing inside it."}, true
		}
		next, known, found := enter(value, key)
		if !found {
			d := missing(path, value, key, known, computed, secret)
			// What a local holds stands in the definition; labels differ between hosts.
			if strings.HasPrefix(path, "local.") && key.Type() == cty.String && !computed && !secret {
				d.Fixes = Rename(subject(p), ".", key.AsString(), "", known)
			}
			return d, true
		}
		path += step(key)
		value = next
	}
	return diag.Diagnostic{}, false
}

func missing(path string, value, key cty.Value, known []string, computed, secret bool) diag.Diagnostic {
	d := diag.Diagnostic{Code: "E0207", Severity: diag.Error}
	t := value.Type()
	switch {
	case t.IsPrimitiveType():
		d.Summary = fmt.Sprintf("%s is %s and has nothing inside it", path, kind(t))
		return d
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		if key.Type() == cty.String {
			d.Summary = fmt.Sprintf("%s is %s: its elements have numbers, not names", path, kind(t))
			d.Help = "Write [0] for the first, or [*] for all."
		} else {
			d.Summary = fmt.Sprintf("%s has no element with this number", path)
			d.Detail = fmt.Sprintf("It has %d; the first is number 0.", value.LengthInt())
		}
		return d
	}
	d.Detail = Listing("It has", known)
	if len(known) == 0 {
		d.Detail = "It is empty."
	}
	if key.Type() != cty.String {
		d.Summary = path + " has names, not numbers"
		return d
	}
	name := key.AsString()
	if secret {
		d.Summary, d.Detail = path+" has no entry for this key", Withheld
		return d
	}
	if computed {
		d.Summary, d.Label = path+" has no entry for this key", fmt.Sprintf("%q", name)
	} else {
		d.Summary = fmt.Sprintf("%s has no %q", path, name)
	}
	if near := diag.Nearest(name, known); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	}
	return d
}

// enter goes one step into v, or lists what would have been there.
func enter(v, key cty.Value) (next cty.Value, known []string, found bool) {
	t := v.Type()
	switch {
	case t.IsObjectType() || t.IsMapType():
		for it := v.ElementIterator(); it.Next(); {
			k, element := it.Element()
			if key.Type() == cty.String && k.AsString() == key.AsString() {
				return element, nil, true
			}
			known = append(known, k.AsString())
		}
	case t.IsListType() || t.IsTupleType():
		if key.Type() == cty.Number {
			if n, _ := key.AsBigFloat().Int64(); key.AsBigFloat().IsInt() && n >= 0 && n < int64(v.LengthInt()) {
				return v.Index(key), nil, true
			}
		}
	}
	return cty.NilVal, known, false
}

func keysOf(t hcl.Traversal) []cty.Value {
	var keys []cty.Value
	for _, s := range t {
		switch s := s.(type) {
		case hcl.TraverseAttr:
			keys = append(keys, cty.StringVal(s.Name))
		case hcl.TraverseIndex:
			keys = append(keys, s.Key)
		default:
			return keys
		}
	}
	return keys
}

func step(key cty.Value) string {
	if key.Type() == cty.String {
		return "." + key.AsString()
	}
	return "[" + key.AsBigFloat().Text('f', -1) + "]"
}

// describe names an expression for a sentence.
func describe(e hcl.Expression) string {
	if s, ok := e.(*hclsyntax.ScopeTraversalExpr); ok {
		path := s.Traversal.RootName()
		for _, key := range keysOf(s.Traversal[1:]) {
			path += step(key)
		}
		return path
	}
	return "the value"
}
