package eval

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Show writes a value on one line as it could be written in a definition.
// What is sensitive or unknown says so instead.
func Show(v cty.Value) string {
	var b strings.Builder
	show(&b, v)
	return b.String()
}

func show(b *strings.Builder, v cty.Value) {
	switch t := v.Type(); {
	case v.IsMarked():
		b.WriteString("(sensitive)")
	case !v.IsKnown():
		b.WriteString("(unknown)")
	case v.IsNull():
		b.WriteString("null")
	case t == cty.String:
		quote(b, v.AsString())
	case t == cty.Number:
		b.WriteString(number(v.AsBigFloat()))
	case t == cty.Bool:
		b.WriteString(strconv.FormatBool(v.True()))
	case t.IsObjectType(), t.IsMapType():
		showFields(b, v)
	case t.IsListType(), t.IsTupleType(), t.IsSetType():
		b.WriteByte('[')
		first := true
		for it := v.ElementIterator(); it.Next(); {
			if !first {
				b.WriteString(", ")
			}
			first = false
			_, element := it.Element()
			show(b, element)
		}
		b.WriteByte(']')
	default:
		b.WriteString("(" + t.FriendlyName() + ")")
	}
}

func showFields(b *strings.Builder, v cty.Value) {
	if v.LengthInt() == 0 {
		b.WriteString("{}")
		return
	}
	separator := "{ "
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		b.WriteString(separator)
		separator = ", "
		if name := key.AsString(); hclsyntax.ValidIdentifier(name) {
			b.WriteString(name)
		} else {
			quote(b, name)
		}
		b.WriteString(" = ")
		show(b, element)
	}
	b.WriteString(" }")
}

func number(f *big.Float) string {
	if f.IsInf() {
		return "(infinite)"
	}
	return f.Text('f', -1)
}

// quote writes text as a string of HCL. What cannot be seen or would move
// other text about is written as an escape.
func quote(b *strings.Builder, text string) {
	b.WriteByte('"')
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case (r == '$' || r == '%') && i+1 < len(runes) && runes[i+1] == '{':
			b.WriteRune(r)
			b.WriteRune(r)
		case unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r):
			b.WriteRune(r)
		case r > 0xffff:
			b.WriteString(`\U` + pad(strconv.FormatInt(int64(r), 16), 8))
		default:
			b.WriteString(`\u` + pad(strconv.FormatInt(int64(r), 16), 4))
		}
	}
	b.WriteByte('"')
}

func pad(digits string, width int) string { return strings.Repeat("0", width-len(digits)) + digits }
