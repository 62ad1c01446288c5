package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/schema"
)

// Symbols are the declared names that a reference can be checked against
// without evaluating anything.
type Symbols struct {
	Variables, Locals, Groups, Functions []string
}

// A Ref is one use of a name in an expression.
type Ref struct {
	Root string // var, local, hosts, env, service, release, host
	Name string // what follows it: the variable, the local, the attribute
	// All tells that no name follows, or one that is computed.
	All   bool
	Range hcl.Range
}

// References checks every name in expr against what scope allows and what is
// declared. The references are what the expression needs to be evaluated;
// with a diagnostic, it cannot be.
func References(expr hcl.Expression, scope schema.Scope, symbols Symbols) ([]Ref, diag.List) {
	var refs []Ref
	var diags diag.List
	for _, traversal := range expr.Variables() {
		ref, problem := reference(traversal, scope, symbols)
		if problem != nil {
			diags = append(diags, *problem)
			continue
		}
		refs = append(refs, ref)
	}
	return refs, append(diags, UnknownFunctions(expr, symbols.Functions)...)
}

func reference(traversal hcl.Traversal, scope schema.Scope, symbols Symbols) (Ref, *diag.Diagnostic) {
	root := traversal.RootName()
	rootRange := traversal[0].SourceRange()
	allowed := scope.Names()
	if !slices.Contains(allowed, root) {
		d := outOfScope(root, rootRange, scope)
		if d.Code == "E0201" && len(traversal) > 1 {
			d.Fixes = Rename(rootRange, "", root, "", allowed)
		}
		return Ref{}, &d
	}
	ref := Ref{Root: root, All: true, Range: traversal.SourceRange()}
	if len(traversal) < 2 {
		return ref, nil
	}
	switch step := traversal[1].(type) {
	case hcl.TraverseAttr:
		ref.Name, ref.All = step.Name, false
	case hcl.TraverseIndex:
		if step.Key.Type() != cty.String {
			return ref, nil
		}
		ref.Name, ref.All = step.Key.AsString(), false
	default:
		return ref, nil
	}
	problem := func(code, what string, known []string) *diag.Diagnostic {
		d := At(code, traversal[1].SourceRange(), fmt.Sprintf("unknown %s %q", what, ref.Name), "", "")
		d.Detail = Listing("Known are", known)
		if near := diag.Nearest(ref.Name, known); near != "" {
			d.Help = fmt.Sprintf("Did you mean %q?", near)
		}
		d.Fixes = renameStep(traversal[1], known)
		return &d
	}
	switch root {
	case "var":
		if !slices.Contains(symbols.Variables, ref.Name) {
			d := problem("E0203", "variable", symbols.Variables)
			if d.Help == "" {
				d.Help = fmt.Sprintf("Declare it: variable %q {}", ref.Name)
			}
			return ref, d
		}
	case "local":
		if !slices.Contains(symbols.Locals, ref.Name) {
			d := problem("E0204", "local", symbols.Locals)
			if d.Help == "" {
				d.Help = fmt.Sprintf("Declare it: locals { %s = … }", ref.Name)
			}
			return ref, d
		}
	case "hosts":
		if !slices.Contains(symbols.Groups, ref.Name) {
			return ref, problem("E0205", "group of hosts", symbols.Groups)
		}
	default:
		known := schema.Roots()[root]
		if !slices.Contains(known, ref.Name) {
			return ref, problem("E0206", "attribute of "+root, known)
		}
	}
	return ref, nil
}

// outOfScope explains a name that an expression cannot use.
func outOfScope(root string, r hcl.Range, scope schema.Scope) diag.Diagnostic {
	allowed := scope.Names()
	inScope := "Only constants and functions can be used here."
	if len(allowed) > 0 {
		inScope = "In scope here: " + strings.Join(allowed, ", ") + "."
	}
	summary := fmt.Sprintf("%q cannot be used here", root)
	switch root {
	case "host":
		return At("E0202", r, summary, "host stands for the machine that is deployed to, so it exists only inside file, check, drain, restart and hooks at a host. "+inScope, helpHost(allowed))
	case "release":
		return At("E0202", r, summary, "release stands for the version that is chosen when planning. "+inScope, "")
	case "service":
		return At("E0202", r, summary, "service is known only inside the service block, and not in its own hosts and user. "+inScope, "")
	case "env":
		return At("E0202", r, summary, "env is known only inside the service block, because everything else is the same in every environment. "+inScope, "")
	case "hosts":
		return At("E0202", r, summary, "The groups of hosts are known where an environment or the service chooses among them. "+inScope, "")
	case "local", "var":
		return At("E0202", r, summary, inScope, "")
	case "path", "each", "count", "self", "data", "module", "terraform":
		return At("E0201", r, fmt.Sprintf("there is no %q", root), "shipit has no such name. "+inScope, "")
	}
	d := At("E0201", r, fmt.Sprintf("unknown name %q", root), inScope, "")
	if strings.ToUpper(root) == root && strings.ToLower(root) != root {
		d.Code = "E0211"
		d.Summary = fmt.Sprintf("unknown name %q: a shell variable?", root)
		d.Help = fmt.Sprintf("Write $${%s} for a shell to replace it, or give a value by a variable; run = [...] goes through no shell.", root)
		return d
	}
	if near := diag.Nearest(root, allowed); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	} else if len(allowed) > 0 {
		d.Help = fmt.Sprintf("For text, write %q with quotes.", root)
	}
	return d
}

func helpHost(allowed []string) string {
	if slices.Contains(allowed, "service") {
		return "Use service.hosts."
	}
	return ""
}

// UnknownFunctions reports calls of functions that do not exist.
func UnknownFunctions(expr hcl.Expression, known []string) diag.List {
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return nil
	}
	var diags diag.List
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name == loopName || slices.Contains(known, call.Name) {
			return nil
		}
		d := At("E0208", call.NameRange, fmt.Sprintf("unknown function %q", call.Name), "", "")
		switch near := diag.Nearest(call.Name, known); {
		case slices.Contains([]string{"timestamp", "uuid", "env", "getenv", "random", "rand", "exec", "now"}, call.Name):
			d.Detail = "Functions give the same result every time, so that a plan means the same on every machine."
			d.Help = "Declare a variable and give its value with --var or SHIPIT_VAR_name."
		case call.Name == "templatefile":
			d.Detail = "A template cannot render another template."
		case near != "":
			d.Help = fmt.Sprintf("Did you mean %q?", near)
			if text := Describe(near); text != "" {
				d.Help += " " + text + "."
			}
			d.Fixes = Rename(call.NameRange, "", call.Name, "", known)
		default:
			d.Help = "`docs/language.md` lists all functions."
		}
		diags = append(diags, d)
		return nil
	})
	return diags
}
