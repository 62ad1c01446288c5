package eval

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var yamlEncodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(cty.String), nil
		}
		var b strings.Builder
		writeYAML(&b, args[0], "")
		return cty.StringVal(strings.TrimPrefix(b.String(), "\n")), nil
	},
})

// plainYAML is text that YAML reads as that text: no number, date, boolean
// or null, in version 1.1 as in 1.2.
var plainYAML = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./@-]*$`)

// writeYAML writes v after a key or a dash: a scalar on the same line, a
// collection on the lines below, indented.
func writeYAML(b *strings.Builder, v cty.Value, indent string) {
	t := v.Type()
	switch {
	case v.IsNull():
		b.WriteString(" null\n")
	case t == cty.String:
		b.WriteString(" " + yamlText(v.AsString()) + "\n")
	case t == cty.Bool:
		b.WriteString(" " + strconv.FormatBool(v.True()) + "\n")
	case t == cty.Number:
		b.WriteString(" " + v.AsBigFloat().Text('f', -1) + "\n")
	case v.LengthInt() == 0:
		if t.IsMapType() || t.IsObjectType() {
			b.WriteString(" {}\n")
		} else {
			b.WriteString(" []\n")
		}
	default:
		b.WriteString("\n")
		for it := v.ElementIterator(); it.Next(); {
			key, element := it.Element()
			b.WriteString(indent)
			if t.IsMapType() || t.IsObjectType() {
				b.WriteString(yamlText(key.AsString()) + ":")
			} else {
				b.WriteString("-")
			}
			writeYAML(b, element, indent+"  ")
		}
	}
}

func yamlText(s string) string {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return strconv.Quote(s)
	}
	if plainYAML.MatchString(s) {
		return s
	}
	// A quoted Go string differs from a double-quoted YAML one only in what
	// it escapes; \x, \u, \U, \n, \t and \" mean the same in both.
	return strconv.Quote(s)
}
