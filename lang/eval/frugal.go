package eval

import (
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var errTextTooLong = fmt.Errorf("it would give more than %d MiB of text", MaxText>>20)

// frugal refuses arguments of which f would make an enormous text at once:
// memory would run out before anybody could notice.
func frugal(f function.Function) function.Function {
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if textOf(args) > MaxText {
				return cty.DynamicPseudoType, errTextTooLong
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	})
}

// textOf bounds the text that is made of args: all of it, with the first one
// between any two others, as join and formatlist write it.
func textOf(args []cty.Value) int {
	total, first, count := 0, 0, 0
	for i, arg := range args {
		_ = cty.Walk(arg, func(_ cty.Path, v cty.Value) (bool, error) {
			v, _ = v.Unmark()
			n := 8
			if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
				n = len(v.AsString())
			}
			if i == 0 {
				first += n
			}
			total += n
			count++
			return total <= MaxText, nil
		})
	}
	return total + first*count
}

// Light makes the whole numbers in v light: HCL keeps 512 bits of each, and
// to write 7231 into a text then takes as long as everything else. With 128
// bits they are exact to 38 digits.
func Light(v cty.Value) cty.Value {
	light, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		bare, marks := v.Unmark()
		if bare.Type() != cty.Number || !bare.IsKnown() || bare.IsNull() {
			return v, nil
		}
		if n, accuracy := bare.AsBigFloat().Int64(); accuracy == big.Exact {
			return cty.NumberVal(new(big.Float).SetPrec(128).SetInt64(n)).WithMarks(marks), nil
		}
		return v, nil
	})
	if err != nil {
		return v
	}
	return light
}
