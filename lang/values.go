package lang

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// variableValue is var.NAME: what was given from outside, or by the
// environment, or the default.
func (e *evaluator) variableValue(name string) cty.Value {
	for _, v := range e.variables {
		if v.name == name {
			return e.symbol("var."+name, v.node.nameAt(), func() cty.Value { return e.choose(v) })
		}
	}
	return cty.DynamicVal
}

func (e *evaluator) choose(v *variable) cty.Value {
	resolved := Variable{Name: v.name, Sensitive: v.sensitive}
	value, at, known := e.given(v, &resolved)
	value = eval.Light(value)
	if v.sensitive {
		e.remember(value)
	}
	if known {
		resolved.Known, resolved.JSON = true, jsonOf(value)
	}
	if v.sensitive {
		value = eval.Sensitive(value)
	}
	e.resolved = append(e.resolved, resolved)
	if known {
		e.checkValue(v, value, at, resolved.From)
	}
	return value
}

// given finds the value of v and where it stands.
func (e *evaluator) given(v *variable, resolved *Variable) (value cty.Value, at hcl.Range, known bool) {
	at = v.node.nameAt()
	unknown := cty.UnknownVal(v.want)
	if v.bad {
		return cty.DynamicVal, at, false
	}
	if a, ok := e.assigned[v.name]; ok {
		resolved.From = a.From
		value, why := v.parseAssigned(a)
		if why != "" {
			e.errorf("E0503", at, "", why, "the value of %q from %s has the wrong type", v.name, a.From)
			return unknown, at, false
		}
		return value, at, true
	}
	if pair, ok := e.envValues()[v.name]; ok {
		resolved.From = "environment " + e.envName
		return e.fromEnvironment(v, pair)
	}
	if v.hasDefault {
		resolved.From = "default"
		return v.value, v.node.attrs["default"].nameAt, true
	}
	if !e.offline {
		help := fmt.Sprintf("Give it with --var %s=…, SHIPIT_VAR_%s, or values of environment %q.", v.name, v.name, e.envName)
		if v.sensitive {
			help = fmt.Sprintf("Give it with SHIPIT_VAR_%s; --var %s=… works too, but the process list shows it.", v.name, v.name)
		}
		e.errorf("E0501", at, help, v.description, "the variable %q has no value", v.name)
	}
	return unknown, at, false
}

func (e *evaluator) fromEnvironment(v *variable, pair hcl.KeyValuePair) (cty.Value, hcl.Range, bool) {
	at := pair.Value.Range()
	unknown := cty.UnknownVal(v.want)
	a := e.env.attrs["values"]
	if a.bad {
		return unknown, at, false
	}
	raw, problems := pair.Value.Value(e.context(a))
	if problems.HasErrors() {
		e.problems(problems)
		return unknown, at, false
	}
	value, why := v.convert(raw)
	if why != "" {
		e.errorf("E0503", at, "", why, "the value of %q has the wrong type", v.name)
		return unknown, at, false
	}
	if v.sensitive {
		at = pair.Key.Range() // the value is not for showing
	}
	return value, at, true
}

// envValues are the values of the environment by the name of the variable.
func (e *evaluator) envValues() map[string]hcl.KeyValuePair {
	if e.env == nil || e.env.attrs["values"] == nil {
		return nil
	}
	pairs, problems := hcl.ExprMap(e.env.attrs["values"].expr)
	if problems.HasErrors() {
		return nil // checkEnvironment says so
	}
	values := map[string]hcl.KeyValuePair{}
	for _, pair := range pairs {
		key, problems := pair.Key.Value(nil)
		if !problems.HasErrors() && key.Type() == cty.String {
			values[key.AsString()] = pair
		}
	}
	return values
}

// checkEnvironment checks the keys of the environment's values.
func (e *evaluator) checkEnvironment() {
	if e.env == nil || e.env.attrs["values"] == nil || e.env.attrs["values"].bad {
		return
	}
	a := e.env.attrs["values"]
	pairs, problems := hcl.ExprMap(a.expr)
	if problems.HasErrors() {
		e.errorf("E0301", a.expr.Range(), "Write values = { name = value }", "", "values is an object with the names of variables")
		return
	}
	seen := map[string]hcl.Range{}
	for _, pair := range pairs {
		key, problems := pair.Key.Value(nil)
		if problems.HasErrors() || key.IsNull() || key.Type() != cty.String {
			e.errorf("E0301", pair.Key.Range(), "", "", "the name of a variable is literal text")
			continue
		}
		name := key.AsString()
		at := pair.Key.Range()
		if first, ok := seen[name]; ok {
			d := eval.At("E0110", at, fmt.Sprintf("%q is set twice", name), "", "Remove one of the two.")
			d.Related = []diag.Related{{Range: eval.Range(first), Text: "set here before"}}
			e.report(d)
			continue
		}
		seen[name] = at
		if e.declared(name) {
			continue
		}
		d := eval.At("E0508", at, fmt.Sprintf("there is no variable %q", name), eval.Listing("Declared are", e.symbols.Variables), "")
		if near := diag.Nearest(name, e.symbols.Variables); near != "" {
			d.Help = fmt.Sprintf("Did you mean %q?", near)
		}
		d.Fixes = eval.Rename(at, "", name, "", e.symbols.Variables)
		e.report(d)
	}
}

func (e *evaluator) declared(name string) bool {
	for _, v := range e.variables {
		if v.name == name {
			return true
		}
	}
	return false
}

// checkAssigned checks the names that were given values from outside.
func (e *evaluator) checkAssigned(vars []Assignment) {
	for _, a := range vars {
		if e.declared(a.Name) {
			continue
		}
		d := diag.Diagnostic{
			Code: "E0502", Severity: diag.Error, Summary: fmt.Sprintf("there is no variable %q", a.Name),
			Detail: fmt.Sprintf("%s gives it a value. %s", a.From, eval.Listing("Declared are", e.symbols.Variables)),
		}
		if a.Lenient {
			d.Code, d.Severity = "W0401", diag.Warning
		}
		if near := diag.Nearest(a.Name, e.symbols.Variables); near != "" {
			d.Help = fmt.Sprintf("Did you mean %q?", near)
		}
		d.Detail = strings.TrimSpace(d.Detail)
		e.report(d)
	}
}

// checkValue evaluates the validations of v.
func (e *evaluator) checkValue(v *variable, value cty.Value, at hcl.Range, from string) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{v.name: value})}}
	for _, n := range v.node.all("validation") {
		condition, message := n.attrs["condition"], n.attrs["message"]
		if condition == nil || message == nil || condition.bad || message.bad {
			continue
		}
		ctx.Functions = e.functionsFor(condition)
		ok, problems := condition.expr.Value(ctx)
		if problems.HasErrors() {
			e.problems(problems)
			continue
		}
		ok, _ = ok.UnmarkDeep()
		if !ok.IsKnown() {
			continue
		}
		if ok.IsNull() || ok.Type() != cty.Bool {
			e.errorf("E0301", condition.expr.Range(), "", "It is "+eval.Kind(ok)+".", "condition needs a bool")
			continue
		}
		if ok.True() {
			continue
		}
		d := eval.At("E0504", at, fmt.Sprintf("the value of %q is not allowed", v.name), e.message(message, ctx), "")
		d.Label = "from " + from
		d.Related = []diag.Related{{Range: eval.Range(condition.expr.Range()), Text: "the rule is here"}}
		e.report(d)
	}
}

// message is the text of a message attribute; one that depends on a
// sensitive value is withheld.
func (e *evaluator) message(a *attribute, ctx *hcl.EvalContext) string {
	text, problems := a.expr.Value(ctx)
	if problems.HasErrors() {
		return ""
	}
	if eval.IsSensitive(text) {
		return eval.Withheld
	}
	if text.IsNull() || !text.IsKnown() || text.Type() != cty.String {
		return ""
	}
	return text.AsString()
}

// remember collects the texts inside a sensitive value, so that no message
// can show them.
func (e *evaluator) remember(v cty.Value) {
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		v, _ = v.Unmark()
		if v.IsKnown() && !v.IsNull() {
			switch v.Type() {
			case cty.String:
				e.secrets[v.AsString()] = true
			case cty.Number:
				e.secrets[v.AsBigFloat().Text('f', -1)] = true
			}
		}
		return true, nil
	})
}
