package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"shipit/lang/diag"
)

// MaxLoops bounds how often the loops of one expression may run together,
// and MaxWeight how large the value of a local may become. An evaluation
// cannot be stopped from outside, so it has to stop by itself.
const (
	MaxLoops  = 100_000
	MaxWeight = 1 << 20
)

// loopName is a name that no definition can write.
const loopName = "for loop"

// CountLoops makes every loop in expr count what it runs over: its
// collection becomes the argument of a function that spends the budget of
// Files. It is done once, before the expression is first evaluated.
func CountLoops(expr hcl.Expression) {
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return
	}
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		loop, ok := n.(*hclsyntax.ForExpr)
		if !ok {
			return nil
		}
		if call, ok := loop.CollExpr.(*hclsyntax.FunctionCallExpr); ok && call.Name == loopName {
			return nil
		}
		at := loop.CollExpr.Range()
		loop.CollExpr = &hclsyntax.FunctionCallExpr{
			Name: loopName, Args: []hclsyntax.Expression{loop.CollExpr},
			NameRange: at, OpenParenRange: at, CloseParenRange: at,
		}
		return nil
	})
}

type tooManyLoopsError struct{}

func (tooManyLoopsError) Error() string {
	return fmt.Sprintf("the loops of an expression may run %d times together", MaxLoops)
}

// loopFunc returns its argument and spends one of the budget per element.
func (f *Files) loopFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "collection", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowNull: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, _ := args[0].Unmark()
			if v.IsKnown() && !v.IsNull() && v.CanIterateElements() {
				*f.Loops += v.LengthInt()
			}
			if *f.Loops > MaxLoops {
				return cty.DynamicVal, tooManyLoopsError{}
			}
			return args[0], nil
		},
	})
}

// TooLarge tells whether v holds more than a value of a definition needs.
func TooLarge(v cty.Value) bool {
	weight := 0
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		v, _ = v.Unmark()
		weight += 8
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			weight += len(v.AsString())
		}
		return weight <= MaxWeight, nil
	})
	return weight > MaxWeight
}

// RepeatedKeys reports keys that stand twice in one object: HCL would take
// the last one without a word.
func RepeatedKeys(expr hcl.Expression) diag.List {
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return nil
	}
	var diags diag.List
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		object, ok := n.(*hclsyntax.ObjectConsExpr)
		if !ok {
			return nil
		}
		seen := map[string]hcl.Range{}
		for _, item := range object.Items {
			key, problems := item.KeyExpr.Value(nil)
			if problems.HasErrors() || key.IsNull() || !key.IsKnown() || key.Type() != cty.String {
				continue
			}
			at := item.KeyExpr.Range()
			if first, ok := seen[key.AsString()]; ok {
				d := At("E0110", at, fmt.Sprintf("%q is set twice", key.AsString()), "", "Remove one of the two.")
				d.Related = []diag.Related{{Range: Range(first), Text: "set here before"}}
				diags = append(diags, d)
				continue
			}
			seen[key.AsString()] = at
		}
		return nil
	})
	return diags
}
