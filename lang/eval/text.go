package eval

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"shipit/lang/diag"
)

// textFunc makes a function of texts.
func textFunc(names []string, call func(args []string) (string, error)) function.Function {
	var params []function.Parameter
	for _, name := range names {
		params = append(params, function.Parameter{Name: name, Type: cty.String})
	}
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var texts []string
			for _, a := range args {
				texts = append(texts, a.AsString())
			}
			result, err := call(texts)
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(result), nil
		},
	})
}

func testFunc(names []string, call func(text, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: names[0], Type: cty.String}, {Name: names[1], Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(call(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var (
	startsWithFunc = testFunc([]string{"text", "start"}, strings.HasPrefix)
	endsWithFunc   = testFunc([]string{"text", "end"}, strings.HasSuffix)

	sha256Func = textFunc([]string{"text"}, func(a []string) (string, error) {
		sum := sha256.Sum256([]byte(a[0]))
		return hex.EncodeToString(sum[:]), nil
	})
	checksumFunc = textFunc([]string{"list", "name"}, func(a []string) (string, error) { return checksum(a[0], a[1]) })

	base64EncodeFunc = textFunc([]string{"text"}, func(a []string) (string, error) {
		return base64.StdEncoding.EncodeToString([]byte(a[0])), nil
	})
	base64DecodeFunc = textFunc([]string{"text"}, func(a []string) (string, error) {
		text, err := base64.StdEncoding.DecodeString(a[0])
		if err != nil {
			return "", fmt.Errorf("the text is not base64")
		}
		if !utf8.Valid(text) {
			return "", fmt.Errorf("what the base64 stands for is not UTF-8 text")
		}
		return string(text), nil
	})
	replaceFunc = textFunc([]string{"text", "old", "new"}, func(a []string) (string, error) {
		text, old, replacement := a[0], a[1], a[2]
		if len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
			re, err := regexp.Compile(old[1 : len(old)-1])
			if err != nil {
				return "", fmt.Errorf("cannot read the regular expression: %w", err)
			}
			found := len(re.FindAllStringIndex(text, -1))
			if size := len(text)*(1+strings.Count(replacement, "$")) + found*len(replacement); size > MaxText {
				return "", errTextTooLong
			}
			return re.ReplaceAllString(text, replacement), nil
		}
		if len(text)+strings.Count(text, old)*len(replacement) > MaxText {
			return "", errTextTooLong
		}
		return strings.ReplaceAll(text, old, replacement), nil
	})
	dateFunc = textFunc([]string{"date", "format"}, func(a []string) (string, error) {
		day, err := time.Parse("2006-01-02", a[0])
		if err != nil {
			return "", fmt.Errorf("%q is not a date like 2015-06-10", a[0])
		}
		return formatDate(day, a[1])
	})
	indexFunc = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if t := args[0].Type(); !t.IsListType() && !t.IsTupleType() {
				return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "it needs a list, not %s", kind(t))
			}
			if !args[0].IsWhollyKnown() || !args[1].IsWhollyKnown() {
				return cty.UnknownVal(cty.Number), nil
			}
			for it := args[0].ElementIterator(); it.Next(); {
				n, element := it.Element()
				if element.RawEquals(args[1]) {
					return n, nil
				}
			}
			return cty.UnknownVal(cty.Number), function.NewArgErrorf(1, "the value is not in the list")
		},
	})
	expandFunc = function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "pattern", Type: cty.String},
		Type:     function.StaticReturnType(cty.List(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var names []cty.Value
			for i, a := range args {
				expanded, err := Expand(a.AsString())
				if err != nil {
					return cty.UnknownVal(cty.List(cty.String)), function.NewArgError(i, err)
				}
				for _, name := range expanded {
					names = append(names, cty.StringVal(name))
				}
				if len(names) > MaxExpand {
					return cty.UnknownVal(cty.List(cty.String)), fmt.Errorf("the patterns stand for more than %d names", MaxExpand)
				}
			}
			if len(names) == 0 {
				return cty.ListValEmpty(cty.String), nil
			}
			return cty.ListVal(names), nil
		},
	})
)

// dateParts are what a format of datefmt may hold besides punctuation, the
// longest first.
var dateParts = [][2]string{
	{"YYYY", "2006"},
	{"YY", "06"},
	{"MMMM", "January"},
	{"MMM", "Jan"},
	{"MM", "01"},
	{"M", "1"},
	{"DD", "02"},
	{"D", "2"},
	{"EEEE", "Monday"},
	{"EEE", "Mon"},
}

func formatDate(day time.Time, format string) (string, error) {
	var b strings.Builder
next:
	for format != "" {
		for _, part := range dateParts {
			if rest, ok := strings.CutPrefix(format, part[0]); ok {
				b.WriteString(day.Format(part[1]))
				format = rest
				continue next
			}
		}
		if isLetter(format[0]) {
			return "", fmt.Errorf("the format may hold YYYY, YY, MMMM, MMM, MM, M, DD, D, EEEE and EEE, not %q", format[:1])
		}
		b.WriteByte(format[0])
		format = format[1:]
	}
	return b.String(), nil
}

// conversions are the functions tostring, tonumber and so on.
func conversions() map[string]function.Function {
	dynamic := cty.DynamicPseudoType
	return map[string]function.Function{
		"tobool":   convertFunc(cty.Bool),
		"tolist":   convertFunc(cty.List(dynamic)),
		"tomap":    convertFunc(cty.Map(dynamic)),
		"tonumber": bounded(convertFunc(cty.Number)),
		"toset":    convertFunc(cty.Set(dynamic)),
		"tostring": convertFunc(cty.String),
	}
}

func convertFunc(want cty.Type) function.Function {
	wrong := func(v cty.Value) error {
		return function.NewArgErrorf(0, "%s cannot become %s", kind(v.Type()), kind(want))
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if args[0].Type().Equals(want) {
				return want, nil
			}
			v, err := convert.Convert(cty.UnknownVal(args[0].Type()), want)
			if err != nil {
				return cty.DynamicPseudoType, wrong(args[0])
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			v, err := convert.Convert(args[0], ret)
			if err != nil {
				return cty.UnknownVal(ret), wrong(args[0])
			}
			return v, nil
		},
	})
}

var wide = regexp.MustCompile(`[0-9]{4,}`)

// bounded refuses texts that would make f write or read a number of millions
// of digits: format("%99999999d"), tonumber("1e99999999").
func bounded(f function.Function) function.Function {
	check := func(args []cty.Value) error {
		for i, a := range args {
			if a, _ := a.Unmark(); a.Type() == cty.String && a.IsKnown() && !a.IsNull() {
				text := a.AsString()
				for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,[]{}:\n\t\"", r) }) {
					if hugeNumber(field) {
						return function.NewArgErrorf(i, "a number in it is too large")
					}
				}
				if i == 0 && strings.Contains(text, "%") && wideVerb(text) {
					return function.NewArgErrorf(i, "a width may have three digits")
				}
			}
		}
		return nil
	}
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := check(args); err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	})
}

// wideVerb tells whether a format has a width or precision of four digits.
func wideVerb(format string) bool {
	for _, loc := range wide.FindAllStringIndex(format, -1) {
		before := strings.TrimRight(format[:loc[0]], "0123456789.+-# []")
		if strings.HasSuffix(before, "%") {
			return true
		}
	}
	return false
}

// checksum finds the SHA-256 of a file in a list as sha256sum prints it, or as
// sha256sum --tag does.
func checksum(list, name string) (string, error) {
	var names []string
	for line := range strings.Lines(list) {
		line = strings.TrimRight(line, "\r\n")
		sum, of, ok := strings.Cut(line, " ")
		if rest, tagged := strings.CutPrefix(line, "SHA256 ("); tagged {
			of, sum, ok = strings.Cut(rest, ") = ")
		} else if ok {
			of = strings.TrimPrefix(of[min(1, len(of)):], "./") // behind a space, or a star where it was read as binary
		}
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) {
			continue
		}
		if of == name {
			return strings.ToLower(sum), nil
		}
		names = append(names, of)
	}
	if near := diag.Nearest(name, names); near != "" {
		return "", fmt.Errorf("the list has no line for %q; the nearest name is %q", name, near)
	}
	return "", fmt.Errorf("the list has no line for %q, but for %d other files", name, len(names))
}
