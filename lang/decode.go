package lang

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A decoded attribute is its Go value by the type in the schema table:
// string, bool, int64, float64, Duration, Size, []string, []any (of texts and
// numbers) or map[string]string.
type decoded struct {
	value     any
	ok        bool // set or defaulted, known, and good
	sensitive bool
}

// get is the value of an attribute, the zero value where it has none.
func get[T any](e *evaluator, n *node, name string) T {
	var zero T
	if n == nil {
		return zero
	}
	v, ok := e.attr(n, name)
	if !ok {
		return zero
	}
	return v.(T)
}

// attr is the value of an attribute or its default; false where there is
// none, where it is not known, or where it is wrong (then that was reported).
func (e *evaluator) attr(n *node, name string) (any, bool) {
	d := e.attrDecoded(n, name)
	return d.value, d.ok
}

func (e *evaluator) attrDecoded(n *node, name string) decoded {
	a := n.attrs[name]
	if a == nil {
		return e.fallback(n.attrSchema(name))
	}
	if !a.perHost {
		if d, ok := e.decoded[a]; ok {
			return d
		}
	}
	d := e.decode(a)
	if !a.perHost {
		e.decoded[a] = d
	}
	return d
}

// decode decodes an attribute for the present host, by its shape where that
// is enough.
func (e *evaluator) decode(a *attribute) decoded {
	if d, ok := e.shaped(a); ok {
		return d
	}
	before := len(e.diags)
	d := e.decodeValue(a)
	if len(e.diags) == before {
		e.keep(a, d)
	}
	return d
}

func (e *evaluator) fallback(s *schema.Attr) decoded {
	if s.Default == "" || s.Type == schema.Types {
		return decoded{}
	}
	if v, ok := e.defaults[s]; ok {
		return decoded{value: v, ok: true}
	}
	expr, problems := hclsyntax.ParseExpression([]byte(s.Default), "default", hcl.InitialPos)
	if problems.HasErrors() {
		panic("internal error: default of " + s.Name + ": " + problems.Error())
	}
	v, problems := expr.Value(nil)
	if problems.HasErrors() {
		panic("internal error: default of " + s.Name + ": " + problems.Error())
	}
	value, wrong := convertValue(s, v)
	if wrong != nil {
		panic("internal error: default of " + s.Name + ": " + wrong.summary)
	}
	e.defaults[s] = value
	return decoded{value: value, ok: true}
}

func (e *evaluator) decodeValue(a *attribute) decoded {
	v := e.value(a)
	v, secret, known := eval.Bare(v)
	host := e.host
	if !a.perHost {
		e.host = nil
		defer func() { e.host = host }()
	}
	if secret && !a.schema.Secret {
		e.errorf("E0414", a.expr.Range(), "Put it into a file block and let the program read the file.",
			"Plans, journals and the process list would show it: only the content of a file and conditions can depend on a sensitive value.",
			"%s cannot be sensitive", a.name)
		return decoded{}
	}
	if !known {
		return decoded{sensitive: secret}
	}
	if v.IsNull() {
		if a.schema.Required {
			e.errorf("E0312", a.expr.Range(), "", "", "%s cannot be null", a.name)
			return decoded{}
		}
		return e.fallback(a.schema)
	}
	if v.Type() == cty.Number && leading(e.source(a)) && (a.schema.Type == schema.Mode || a.schema.Type == schema.Number) {
		return decoded{} // reported with the syntax
	}
	value, wrong := convertValue(a.schema, v)
	if wrong != nil {
		d := eval.At(wrong.code, a.expr.Range(), wrong.summary, wrong.detail, wrong.help)
		if wrong.element >= 0 {
			if list, problems := hcl.ExprList(a.expr); !problems.HasErrors() && wrong.element < len(list) {
				d.Subject = eval.Range(list[wrong.element].Range())
			}
		}
		if secret {
			d.Detail = eval.Withheld
		} else {
			d.Fixes = e.wrongFixes(a, d)
		}
		e.report(d)
		return decoded{}
	}
	return decoded{value: value, ok: true, sensitive: secret}
}

// source is the text of an attribute's value.
func (c *Config) source(a *attribute) string { return c.structure.text(a.expr.Range()) }

func leading(text string) bool {
	return len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9'
}

// A wrongValue says why a value cannot be used.
type wrongValue struct {
	code, summary, detail, help string
	element                     int // of a list, -1 where it is the whole
}

func wrong(code, detail, help, format string, args ...any) *wrongValue {
	return &wrongValue{code, fmt.Sprintf(format, args...), detail, help, -1}
}

func wrongType(s *schema.Attr, v cty.Value, example string) *wrongValue {
	article := "a "
	if s.Type == schema.Any || s.Type == schema.Values {
		article = "an "
	}
	help := ""
	if example != "" {
		help = fmt.Sprintf("Write %s = %s", s.Name, example)
	}
	return wrong("E0301", fmt.Sprintf("It is %s.", eval.Kind(v)), help, "%s needs %s%s", s.Name, article, s.Type)
}

// convertValue turns a known value that is not null into what its type says.
func convertValue(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	switch s.Type {
	case schema.String:
		if v.Type() != cty.String {
			return nil, wrongType(s, v, "\"…\"")
		}
		return v.AsString(), checkText(s, v.AsString())
	case schema.Bool:
		if v.Type() != cty.Bool {
			return nil, wrongType(s, v, "true")
		}
		return v.True(), nil
	case schema.Number:
		return convertNumber(s, v)
	case schema.Duration:
		if v.Type() != cty.String {
			return nil, wrong("E0303", fmt.Sprintf("It is %s.", eval.Kind(v)), fmt.Sprintf("Write %s = \"30s\"", s.Name), "%s needs a duration", s.Name)
		}
		d, err := ParseDuration(v.AsString())
		if err != nil {
			return nil, wrong("E0303", sentence(err), "", "%s is not a duration", s.Name)
		}
		return d, nil
	case schema.Size:
		return convertSize(s, v)
	case schema.Sizes:
		return convertSizes(s, v)
	case schema.Decimal:
		if v.Type() != cty.Number {
			return nil, wrongType(s, v, "0.05")
		}
		f, _ := v.AsBigFloat().Float64()
		return f, nil
	case schema.Statuses:
		return convertStatuses(s, v)
	case schema.Mode:
		return convertMode(s, v)
	case schema.Words:
		if v.Type() == cty.String {
			return []string{v.AsString()}, checkText(s, v.AsString())
		}
		return convertStrings(s, v)
	case schema.Strings:
		return convertStrings(s, v)
	case schema.WordLists:
		return convertWordLists(s, v)
	case schema.Lists:
		return convertLists(s, v)
	case schema.Command:
		return convertCommand(s, v)
	case schema.Labels:
		return convertLabels(s, v)
	case schema.Hosts, schema.Services:
		return nil, nil // hostNames and readAfter read them
	}
	panic("internal error: no decoder for " + string(s.Type))
}

// checkText checks words and forms.
func checkText(s *schema.Attr, text string) *wrongValue {
	if len(s.OneOf) > 0 && !slices.Contains(s.OneOf, text) {
		help := ""
		if near := diag.Nearest(text, s.OneOf); near != "" {
			help = fmt.Sprintf("Did you mean %q?", near)
		}
		return wrong("E0302", eval.Listing("It can be", s.OneOf), help, "%s cannot be %q", s.Name, text)
	}
	if want := s.Form.Check(text); want != "" {
		return wrong("E0308", fmt.Sprintf("It is %q. It must be %s.", text, want), "", "%s has the wrong form", s.Name)
	}
	return nil
}

func convertNumber(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	if v.Type() != cty.Number {
		return nil, wrongType(s, v, "")
	}
	f := v.AsBigFloat()
	n, accuracy := f.Int64()
	if !f.IsInt() || accuracy != 0 {
		return nil, wrong("E0306", "", "", "%s needs a whole number", s.Name)
	}
	if s.Max != 0 && (n < s.Min || n > s.Max) {
		return nil, wrong("E0306", fmt.Sprintf("It is %d.", n), "", "%s must be between %d and %d", s.Name, s.Min, s.Max)
	}
	return n, nil
}

func convertSize(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	text := ""
	switch v.Type() {
	case cty.Number:
		text = v.AsBigFloat().Text('f', -1)
	case cty.String:
		text = v.AsString()
	}
	size, err := ParseSize(text)
	if err != nil {
		return nil, wrong("E0304", sentence(err), "", "%s needs a number of hosts or a percentage", s.Name)
	}
	if size.N == 0 && slices.Contains([]string{"size", "ramp", "parallel"}, s.Name) {
		return nil, wrong("E0304", "With no host at a time a batch never ends.", "", "%s must be at least 1", s.Name)
	}
	return size, nil
}

func convertSizes(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	const example = `[1, "10%"]`
	if t := v.Type(); !t.IsListType() && !t.IsTupleType() {
		return nil, wrongType(s, v, example)
	}
	if v.LengthInt() == 0 {
		return nil, wrong("E0301", "", "Write "+s.Name+" = "+example, "%s is empty", s.Name)
	}
	var list []Size
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if element.IsNull() {
			element = cty.StringVal("null")
		}
		size, w := convertSize(s, element)
		if w != nil {
			w.element = len(list)
			return nil, w
		}
		list = append(list, size.(Size))
	}
	return list, nil
}

func convertMode(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	const help = `Write mode = "0640"`
	if v.Type() != cty.String {
		return nil, wrong("E0305", fmt.Sprintf("It is %s.", eval.Kind(v)), help, "%s needs a string of octal digits", s.Name)
	}
	text := v.AsString()
	good := len(text) == 3 || len(text) == 4
	for _, r := range text {
		good = good && r >= '0' && r <= '7'
	}
	if !good {
		return nil, wrong("E0305", fmt.Sprintf("It is %q.", text), help, "%s needs four octal digits", s.Name)
	}
	if len(text) == 3 {
		text = "0" + text
	}
	return text, nil
}

func convertStrings(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	t := v.Type()
	if !t.IsListType() && !t.IsTupleType() && !t.IsSetType() {
		return nil, wrongType(s, v, "[\"…\"]")
	}
	list := []string{}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if element.IsNull() || element.Type() != cty.String {
			w := wrong("E0301", fmt.Sprintf("Element %d is %s.", len(list), eval.Kind(element)), "", "%s needs strings only", s.Name)
			w.element = len(list)
			return nil, w
		}
		if w := checkText(s, element.AsString()); w != nil {
			w.element = len(list)
			return nil, w
		}
		list = append(list, element.AsString())
	}
	return list, nil
}

func convertCommand(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	if v.Type() == cty.String {
		return nil, wrong("E0301", "No shell takes it apart, so quoting cannot go wrong.", fmt.Sprintf("Write %s = [\"program\", \"argument\"], or [\"sh\", \"-c\", \"…\"] for a shell.", s.Name), "%s is a list of a program and its arguments", s.Name)
	}
	value, w := convertStrings(s, v)
	if w != nil {
		return nil, w
	}
	argv := value.([]string)
	return argv, checkArgv(s, argv)
}

// convertTexts is convertValue of a text or a list of texts.
func convertTexts(s *schema.Attr, texts []string, list bool) (any, *wrongValue) {
	for _, t := range texts {
		if w := checkText(s, t); w != nil {
			return nil, w
		}
	}
	switch {
	case !list:
		return texts[0], nil
	case s.Type == schema.Command:
		return texts, checkArgv(s, texts)
	}
	return texts, nil
}

func checkArgv(s *schema.Attr, argv []string) *wrongValue {
	if len(argv) == 0 || argv[0] == "" {
		return wrong("E0301", "", fmt.Sprintf("Write %s = [\"program\", \"argument\"]", s.Name), "%s has no program", s.Name)
	}
	if want := schema.Plain.Check(argv[0]); want != "" {
		return wrong("E0308", "The program must be "+want+".", "", "%s has the wrong form", s.Name)
	}
	return nil
}

func convertLabels(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		return nil, wrongType(s, v, "{ name = \"value\" }")
	}
	form := cmp.Or(s.Form, schema.Line)
	labels := map[string]string{}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		name := key.AsString()
		if element.IsNull() || element.Type() != cty.String {
			return nil, wrong("E0301", fmt.Sprintf("%q is %s.", name, eval.Kind(element)), fmt.Sprintf("Write %s = \"…\"", name), "%s needs strings only", s.Name)
		}
		if want := s.Keys.Check(name); s.Keys != schema.AnyText && want != "" {
			return nil, wrong("E0308", fmt.Sprintf("%q must be %s.", name, want), "", "%s has the wrong form", s.Name)
		}
		if want := form.Check(element.AsString()); want != "" {
			return nil, wrong("E0308", fmt.Sprintf("%q must be %s.", name, want), "", "%s has the wrong form", s.Name)
		}
		labels[name] = element.AsString()
	}
	return labels, nil
}

// convertStatuses keeps a single one as it was written.
func convertStatuses(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	if t := v.Type(); !t.IsListType() && !t.IsTupleType() && !t.IsSetType() {
		return convertStatus(s, v)
	}
	list := []any{}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		one, w := convertStatus(s, element)
		if w != nil {
			w.element = len(list)
			return nil, w
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, wrong("E0306", "", "", "%s has no status", s.Name)
	}
	return list, nil
}

func convertStatus(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	const help = `Write status = 200, "2xx" or [200, 204]`
	switch {
	case v.IsNull():
	case v.Type() == cty.Number:
		n, w := convertNumber(&schema.Attr{Name: s.Name, Min: 100, Max: 599}, v)
		return n, w
	case v.Type() == cty.String:
		text := v.AsString()
		if statusForm.MatchString(text) {
			return text, nil
		}
		return nil, wrong("E0308", fmt.Sprintf("It is %q.", text), help, "%s is no status and no class of them", s.Name)
	}
	return nil, wrong("E0301", fmt.Sprintf("It is %s.", eval.Kind(v)), help, "%s needs a status", s.Name)
}

var statusForm = regexp.MustCompile(`^[1-5]([0-9][0-9]|xx)$`)
