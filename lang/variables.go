package lang

import (
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// An Assignment gives a value to a variable from outside of the definition.
type Assignment struct {
	Name  string
	Value string // text for type string, an HCL expression for all others
	From  string // how messages name the source: "--var", "SHIPIT_VAR_workers"
	// Lenient is set for the process environment, which other programs fill
	// too: an undeclared name is a warning there and an error elsewhere.
	Lenient bool
}

// A VariableDecl is a declared variable, for help and completion.
type VariableDecl struct {
	Name        string
	Type        string
	Description string
	Sensitive   bool
	Required    bool   // has no default
	Default     string // as JSON; "" where it has none or is sensitive
	Range       diag.Range
}

// Variables are the declared variables in the order of their declaration.
func (c *Config) Variables() []VariableDecl {
	var list []VariableDecl
	for _, v := range c.variables {
		d := VariableDecl{
			Name: v.name, Type: typeexpr.TypeString(v.want), Description: v.description, Sensitive: v.sensitive,
			Required: v.node.attrs["default"] == nil, Range: eval.Range(v.node.def),
		}
		if v.hasDefault && !v.sensitive {
			d.Default = jsonOf(v.value)
		}
		list = append(list, d)
	}
	return list
}

// Secrets are the texts inside the sensitive values that the definition and
// vars give, in every environment: what no output may show.
func (c *Config) Secrets(vars []Assignment) []string {
	if c.tooOld || c.unread {
		return nil
	}
	found := map[string]bool{}
	for _, env := range c.Environments() {
		e := c.evaluator(env, vars)
		e.offline = true
		for _, v := range c.variables {
			if v.sensitive {
				e.variableValue(v.name)
				if v.hasDefault {
					e.remember(v.value)
				}
			}
		}
		maps.Copy(found, e.secrets)
	}
	for _, a := range vars {
		// Also one that cannot be converted.
		for _, v := range c.variables {
			if v.sensitive && v.name == a.Name {
				found[a.Value] = true
			}
		}
	}
	return sortedKeys(found)
}

// A variable is the declaration of one.
type variable struct {
	node        *node
	name        string
	description string
	sensitive   bool
	want        cty.Type
	optional    *typeexpr.Defaults
	hasDefault  bool
	value       cty.Value // the default, converted
	bad         bool
}

// variable decodes the literal parts of a declaration.
func (c *Config) variable(n *node) *variable {
	s := c.structure
	v := &variable{node: n, name: n.name(), want: cty.DynamicPseudoType}
	if a := n.attrs["type"]; a != nil {
		want, optional, problems := typeexpr.TypeConstraintWithDefaults(a.expr)
		if problems.HasErrors() {
			c.badType(problems[0])
			v.bad = true
		} else {
			v.want, v.optional = want, optional
		}
	}
	if a := n.attrs["description"]; a != nil {
		if text, ok := c.literal(a, cty.String); ok {
			v.description = text.AsString()
		}
	}
	if a := n.attrs["sensitive"]; a != nil {
		if b, ok := c.literal(a, cty.Bool); ok {
			v.sensitive = b.True()
		}
	}
	a := n.attrs["default"]
	if a == nil {
		return v
	}
	if len(a.expr.Variables()) > 0 || v.bad {
		v.bad = true // checkReferences says why
		return v
	}
	eval.CountLoops(a.expr)
	loops := 0
	value, problems := a.expr.Value(&hcl.EvalContext{Functions: eval.Functions(nil, c.reader(a.expr.Range().Filename, &c.digests, &loops))})
	if problems.HasErrors() {
		v.bad = true
		if len(eval.UnknownFunctions(a.expr, eval.FunctionNames())) == 0 {
			for _, p := range problems {
				for _, d := range eval.Translate(p) {
					if v.sensitive {
						d.Detail = eval.Withheld
					}
					s.diags = append(s.diags, d)
				}
			}
		}
		return v
	}
	converted, why := v.convert(value)
	if why != "" {
		s.errorf("E0509", a.nameAt, "", why, "the default of %q has the wrong type", v.name)
		v.bad = true
		return v
	}
	v.value, v.hasDefault = converted, true
	if v.sensitive && !value.IsNull() && !(value.Type() == cty.String && value.AsString() == "") {
		s.diags = append(s.diags, diag.Diagnostic{
			Code: "W0405", Severity: diag.Warning, Subject: eval.Range(a.nameAt), Summary: fmt.Sprintf("a secret stands in the definition: %q", v.name),
			Detail: "Everybody who can read the repository can read the default.", Help: "Remove the default and give the value with SHIPIT_VAR_" + v.name + ".",
		})
	}
	return v
}

func (c *Config) badType(p *hcl.Diagnostic) {
	r := p.Subject
	word := c.structure.text(*r)
	d := c.structure.errorf("E0315", *r, "", "Types are string, number, bool, any, list(…), set(…), map(…), object({…}) and tuple([…]).", "not a type")
	types := []string{"string", "number", "bool", "any", "list", "set", "map", "object", "tuple"}
	if near := diag.Nearest(word, types); near != "" && near != word {
		d.Fixes = eval.Rename(*r, "", word, "", types)
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	} else if strings.HasPrefix(word, `"`) || near == word {
		d.Help = p.Detail
	}
}

// literal evaluates an attribute that allows no names.
func (c *Config) literal(a *attribute, want cty.Type) (cty.Value, bool) {
	v, problems := a.expr.Value(nil)
	if problems.HasErrors() {
		if len(a.expr.Variables()) == 0 {
			c.structure.errorf("E0301", a.expr.Range(), "", "It is read before any name is known.", "%s is a literal value", a.name)
		}
		return v, false
	}
	if v.IsNull() || v.Type() != want {
		c.structure.errorf("E0301", a.expr.Range(), "", "It is "+eval.Kind(v)+".", "%s has the wrong type", a.name)
		return v, false
	}
	return v, true
}

// convert turns a value into the type of the variable, or says why it cannot.
// It never repeats the value, which may be a secret.
func (v *variable) convert(value cty.Value) (cty.Value, string) {
	if unknown := surplus(value, v.want, "The value"); unknown != "" {
		return cty.DynamicVal, unknown
	}
	if v.optional != nil && !value.IsNull() {
		value = v.optional.Apply(value)
	}
	converted, err := convert.Convert(value, v.want)
	if err != nil {
		return cty.DynamicVal, fmt.Sprintf("It needs %s, and it is %s.", typeexpr.TypeString(v.want), eval.Kind(value))
	}
	if infinite(converted) {
		return cty.DynamicVal, "It has an infinite number in it."
	}
	return converted, ""
}

// infinite tells whether a number in v is the result of a division by zero.
func infinite(v cty.Value) bool {
	found := false
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		v, _ = v.Unmark()
		if v.Type() == cty.Number && v.IsKnown() && !v.IsNull() && v.AsBigFloat().IsInf() {
			found = true
		}
		return true, nil
	})
	return found
}

// surplus finds attributes that the type does not have; a conversion would
// drop them without a word.
func surplus(value cty.Value, want cty.Type, where string) string {
	if !want.IsObjectType() || value.IsNull() || !value.IsKnown() || !value.Type().IsObjectType() {
		return ""
	}
	known := sortedKeys(want.AttributeTypes())
	for _, name := range sortedKeys(value.Type().AttributeTypes()) {
		if !want.HasAttribute(name) {
			text := fmt.Sprintf("%s has an attribute %q that its type does not have. %s", where, name, eval.Listing("The type has", known))
			if near := diag.Nearest(name, known); near != "" {
				text += fmt.Sprintf(" Did you mean %q?", near)
			}
			return text
		}
		if why := surplus(value.GetAttr(name), want.AttributeType(name), where+"'s "+name); why != "" {
			return why
		}
	}
	return ""
}

// parseAssigned reads the text of an assignment.
func (v *variable) parseAssigned(a Assignment) (cty.Value, string) {
	if v.want == cty.String {
		return cty.StringVal(a.Value), ""
	}
	tokens, _ := hclsyntax.LexExpression([]byte(a.Value), a.From, hcl.InitialPos)
	if diags := eval.CheckLimits(tokens); len(diags) > 0 {
		return cty.DynamicVal, "It is too large or nested too deeply."
	}
	expr, problems := hclsyntax.ParseExpression([]byte(a.Value), a.From, hcl.InitialPos)
	if !problems.HasErrors() {
		value, more := expr.Value(nil)
		if !more.HasErrors() {
			return v.convert(value)
		}
	}
	if v.want == cty.DynamicPseudoType {
		return cty.StringVal(a.Value), ""
	}
	return cty.DynamicVal, fmt.Sprintf("It needs %s, written as in HCL: 16, true, [\"a\", \"b\"] or { a = 1 }.", typeexpr.TypeString(v.want))
}
