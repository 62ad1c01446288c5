package lang

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// ParseVarFile reads a file of NAME = VALUE lines, in HCL: values for the
// variables of a definition, in the file's order. It evaluates nothing but
// literals; what a value may be is decided by the variable's type.
func ParseVarFile(src []byte, name string) ([]Assignment, diag.List) {
	body, diags := parse(src, name)
	if diags.HasErrors() || body == nil {
		return nil, diags
	}
	attrs, problems := body.JustAttributes()
	for _, p := range problems {
		diags = append(diags, eval.TranslateSyntax(p, src)...)
	}
	var out []Assignment
	for _, a := range attrs {
		r := a.Expr.Range()
		value := string(r.SliceBytes(src))
		if v, problems := a.Expr.Value(nil); !problems.HasErrors() && v.IsWhollyKnown() && !v.IsNull() && v.Type() == cty.String {
			value = v.AsString()
		}
		out = append(out, Assignment{Name: a.Name, Value: value, From: fmt.Sprintf("%s:%d", name, r.Start.Line)})
	}
	slices.SortFunc(out, func(a, b Assignment) int { return cmp.Compare(place(attrs, a), place(attrs, b)) })
	return out, diags.Sorted()
}

func place(attrs hcl.Attributes, a Assignment) int { return attrs[a.Name].Range.Start.Byte }
