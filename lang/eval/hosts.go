package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"shipit/lang/diag"
)

// HostType is the type of a host in expressions.
func HostType() cty.Type {
	return cty.Object(map[string]cty.Type{
		"name": cty.String, "address": cty.String, "port": cty.Number, "labels": cty.Map(cty.String),
	})
}

// UnknownLabelError tells that select asks for a label that no host of the
// definition carries.
type UnknownLabelError struct {
	Label string
	Known []string
}

func (e *UnknownLabelError) Error() string {
	return fmt.Sprintf("no host carries a label %q", e.Label)
}

// Help says what to write instead.
func (e *UnknownLabelError) Help() string {
	if near := diag.Nearest(e.Label, e.Known); near != "" {
		return fmt.Sprintf("Did you mean %q? ", near) + Listing("The labels are", e.Known)
	}
	return Listing("The labels are", e.Known)
}

func selectFunc(labels []string) function.Function {
	hosts := cty.List(HostType())
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "hosts", Type: hosts},
			{Name: "labels", Type: cty.DynamicPseudoType},
		},
		Type: function.StaticReturnType(hosts),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			want := args[1]
			if t := want.Type(); !t.IsObjectType() && !t.IsMapType() {
				return cty.UnknownVal(hosts), function.NewArgErrorf(1, "labels are written { name = value }, not as %s", kind(t))
			}
			if !want.IsWhollyKnown() || !args[0].IsWhollyKnown() {
				return cty.UnknownVal(hosts), nil
			}
			wanted := map[string][]string{}
			for it := want.ElementIterator(); it.Next(); {
				k, v := it.Element()
				label := k.AsString()
				if labels != nil && !slices.Contains(labels, label) {
					return cty.UnknownVal(hosts), &UnknownLabelError{label, labels}
				}
				values, err := alternatives(v)
				if err != nil {
					return cty.UnknownVal(hosts), function.NewArgErrorf(1, "the label %q is compared with text or a list of texts", label)
				}
				wanted[label] = values
			}
			var chosen []cty.Value
			for it := args[0].ElementIterator(); it.Next(); {
				_, host := it.Element()
				if carries(host.GetAttr("labels"), wanted) {
					chosen = append(chosen, host)
				}
			}
			if len(chosen) == 0 {
				return cty.ListValEmpty(HostType()), nil
			}
			return cty.ListVal(chosen), nil
		},
	})
}

// alternatives are the texts that v allows: one, or those of a list.
func alternatives(v cty.Value) ([]string, error) {
	if v.IsNull() {
		return nil, fmt.Errorf("null")
	}
	if t := v.Type(); t.IsPrimitiveType() {
		s, err := convert.Convert(v, cty.String)
		if err != nil {
			return nil, err
		}
		return []string{s.AsString()}, nil
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil {
		return nil, err
	}
	var texts []string
	for it := list.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() {
			return nil, fmt.Errorf("null")
		}
		texts = append(texts, e.AsString())
	}
	return texts, nil
}

func carries(labels cty.Value, wanted map[string][]string) bool {
	has := labels.AsValueMap()
	for label, values := range wanted {
		v, ok := has[label]
		if !ok || v.IsNull() || !slices.Contains(values, v.AsString()) {
			return false
		}
	}
	return true
}

// Listing writes at most a dozen names after a heading.
func Listing(heading string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	more := ""
	if len(names) > 12 {
		more = fmt.Sprintf(" and %d more", len(names)-12)
		names = names[:12]
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return heading + " " + strings.Join(quoted, ", ") + more + "."
}

// kind names a type as people would.
func kind(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsListType() && t.ElementType().Equals(HostType()):
		return "a list of hosts"
	case t.IsListType(), t.IsTupleType():
		return "a list"
	case t.IsSetType():
		return "a set"
	case t.Equals(HostType()):
		return "a host"
	case t.IsMapType(), t.IsObjectType():
		return "an object"
	default:
		return "a value"
	}
}

// Kind names the type of a value as people would; null is null.
func Kind(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	return kind(v.Type())
}
