package eval

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"shipit/lang/diag"
)

// Files is where the functions file and templatefile read. Read gets the
// path as the definition says it and gives the path below the root with the
// bytes.
type Files struct {
	Read  func(path string) (string, []byte, error)
	Cache map[string]*Template
	// Loops counts what the loops of the present expression ran over. Who
	// evaluates an expression sets it to 0 before.
	Loops *int
}

// A Template is a parsed file for templatefile.
type Template struct {
	expr  hclsyntax.Expression
	diags diag.List
	refs  []hcl.Traversal // the names that it uses
	calls diag.List       // of functions that there are not
}

// A TemplateError is what is wrong inside a template, with places there.
type TemplateError struct {
	Diags diag.List
}

func (e *TemplateError) Error() string { return "the template cannot be rendered" }

// A ReadError tells that a file could not be read.
type ReadError struct {
	Path string
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("cannot read %q: %v", e.Path, e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

func (f *Files) read(path string) (string, []byte, error) {
	below, text, err := f.Read(path)
	if err != nil {
		return "", nil, &ReadError{path, err}
	}
	if !utf8.Valid(text) {
		return "", nil, &ReadError{path, fmt.Errorf("it is not UTF-8 text")}
	}
	return below, text, nil
}

func (f *Files) fileFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			_, text, err := f.read(args[0].AsString())
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(string(text)), nil
		},
	})
}

// templateFunc renders a template with the names that it is given and no
// others. A template cannot render another one.
func (f *Files) templateFunc(functions map[string]function.Function) function.Function {
	functions = InTemplates(functions)
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "path", Type: cty.String},
			// Marks and unknowns stay inside the variables, so that messages
			// about the template know which of them are sensitive.
			{Name: "variables", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			unknown := cty.UnknownVal(cty.String)
			path, text, err := f.read(args[0].AsString())
			if err != nil {
				return unknown, err
			}
			given, marks := args[1].Unmark()
			if !given.IsKnown() {
				return unknown.WithMarks(marks), nil
			}
			if t := given.Type(); !t.IsObjectType() && !t.IsMapType() {
				return unknown, function.NewArgErrorf(1, "the names are written { name = value }, not as %s", kind(t))
			}
			variables := given.AsValueMap()
			t := f.parse(path, text, functions)
			if diags := t.check(variables); len(diags) > 0 {
				return unknown, &TemplateError{diags}
			}
			rendered, problems := t.expr.Value(&hcl.EvalContext{Variables: variables, Functions: functions})
			if problems.HasErrors() {
				var diags diag.List
				for _, p := range problems {
					diags = append(diags, Translate(p)...)
				}
				return unknown, &TemplateError{diags}
			}
			rendered, more := rendered.Unmark()
			switch {
			case !rendered.IsKnown():
				rendered = unknown
			case rendered.IsNull(), !rendered.Type().IsPrimitiveType():
				return unknown, &TemplateError{diag.List{At("E0311", t.expr.Range(), "template gives no text", "It gives "+Kind(rendered)+".", "")}}
			case rendered.Type() != cty.String:
				text, err := convertFunc(cty.String).Call([]cty.Value{rendered})
				if err != nil {
					return unknown, err
				}
				rendered = text
			}
			return rendered.WithMarks(marks, more), nil
		},
	})
}

// InTemplates are the functions that a template may call.
func InTemplates(functions map[string]function.Function) map[string]function.Function {
	functions = maps.Clone(functions)
	delete(functions, "templatefile")
	return functions
}

// Template is what a template says that is given names; nil where rendering
// it tells what is wrong.
func (f *Files) Template(path string, names []string, functions map[string]function.Function) hclsyntax.Expression {
	below, text, err := f.read(path)
	if err != nil {
		return nil
	}
	given := map[string]cty.Value{}
	for _, name := range names {
		given[name] = cty.DynamicVal
	}
	t := f.parse(below, text, InTemplates(functions))
	if len(t.check(given)) > 0 {
		return nil
	}
	return t.expr
}

// parse reads a template once.
func (f *Files) parse(path string, text []byte, functions map[string]function.Function) *Template {
	if t := f.Cache[path]; t != nil {
		return t
	}
	t := &Template{}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	tokens, _ := hclsyntax.LexTemplate(text, path, hcl.InitialPos)
	t.diags = CheckLimits(tokens)
	if len(t.diags) == 0 {
		expr, problems := hclsyntax.ParseTemplate(text, path, hcl.InitialPos)
		t.expr = expr
		t.diags = SyntaxErrors(problems, text)
	}
	if t.expr != nil {
		CountLoops(t.expr)
		t.refs = t.expr.Variables()
		t.calls = UnknownFunctions(t.expr, slices.Sorted(maps.Keys(functions)))
	}
	if f.Cache != nil {
		f.Cache[path] = t
	}
	return t
}

// check reports the names that the template uses and was not given.
func (t *Template) check(variables map[string]cty.Value) diag.List {
	if len(t.diags) > 0 {
		return t.diags
	}
	var diags diag.List
	for _, ref := range t.refs {
		name := ref.RootName()
		if _, ok := variables[name]; ok {
			continue
		}
		diags = append(diags, unknownInTemplate(name, ref.SourceRange(), slices.Sorted(maps.Keys(variables))))
	}
	return append(diags, t.calls...)
}

func unknownInTemplate(name string, r hcl.Range, names []string) diag.Diagnostic {
	d := At("E0311", r, fmt.Sprintf("the template is not given %q", name),
		"A template knows only the names that templatefile gives to it. "+Listing("Here these are", names), "")
	if near := diag.Nearest(name, names); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	} else {
		d.Help = fmt.Sprintf("Add %s = … to the object after the path, or write $${%s} for the text itself.", name, name)
	}
	return d
}
