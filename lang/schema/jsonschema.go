package schema

import "maps"

// JSONSchema describes a definition in the JSON form of HCL as a JSON Schema
// (2020-12), for editors: a block is an object under its name, with one more
// level for each label, or an array of such objects; an expression is a text
// with ${…}.
func JSONSchema() map[string]any {
	s := body(File())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "A definition of shipit"
	s["$defs"] = map[string]any{
		// One interpolation and nothing else can have any type.
		"expression": map[string]any{"type": "string", "pattern": `^\$\{.*\}$`, "description": "An expression."},
	}
	return s
}

// either is what want describes, or an expression.
func either(want map[string]any) map[string]any {
	return map[string]any{"anyOf": []any{want, map[string]any{"$ref": "#/$defs/expression"}}}
}

// body is the object of a block's body.
func body(b *Block, kind ...Kind) map[string]any {
	properties := map[string]any{}
	var required []any
	attrs, groups, atMost := b.Attrs, b.ExactlyOne, b.AtMostOne
	for _, k := range kind {
		attrs = append(append([]Attr{}, attrs...), k.Attrs...)
		groups = append(append([][]string{}, groups...), k.ExactlyOne...)
		atMost = append(append([][]string{}, atMost...), k.AtMostOne...)
	}
	for _, a := range attrs {
		properties[a.Name] = attrSchema(a)
		if a.Required {
			required = append(required, a.Name)
		}
	}
	for _, c := range b.Blocks {
		properties[c.Name] = blockSchema(c)
		if c.Min > 0 && b.Name != "" {
			required = append(required, c.Name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": b.Free}
	if len(required) > 0 {
		s["required"] = required
	}
	var all []any
	for _, g := range groups {
		all = append(all, map[string]any{"oneOf": eachRequired(g)})
	}
	for _, g := range atMost {
		none := map[string]any{"not": map[string]any{"anyOf": eachRequired(g)}}
		all = append(all, map[string]any{"oneOf": append(eachRequired(g), none)})
	}
	if len(all) > 0 {
		s["allOf"] = all
	}
	return s
}

func eachRequired(names []string) []any {
	var list []any
	for _, n := range names {
		list = append(list, map[string]any{"required": []any{n}})
	}
	return list
}

// blockSchema is what stands under the name of a block: its labels around its
// bodies.
func blockSchema(b *Block) map[string]any {
	describe := func(s map[string]any, doc string) map[string]any {
		s = maps.Clone(s)
		s["description"] = doc
		return s
	}
	if len(b.Kinds) == 0 {
		return describe(labelled(b.Labels, oneOrMany(body(b), b.Max)), b.Doc)
	}
	kinds := map[string]any{}
	for _, k := range b.Kinds {
		kinds[k.Name] = describe(labelled(b.Labels, oneOrMany(body(b, k), b.Max)), k.Doc)
	}
	s := map[string]any{"type": "object", "properties": kinds, "additionalProperties": false, "minProperties": 1}
	if b.Max == 1 {
		s["maxProperties"] = 1
	}
	return describe(s, b.Doc)
}

func labelled(labels []Label, s map[string]any) map[string]any {
	for i := len(labels) - 1; i >= 0; i-- {
		object := map[string]any{"type": "object", "minProperties": 1, "additionalProperties": s}
		if p := labels[i].Form.Pattern(); p != "" {
			object["propertyNames"] = map[string]any{"pattern": p}
		}
		s = object
	}
	return s
}

func oneOrMany(body map[string]any, most int) map[string]any {
	if most == 1 {
		return body
	}
	return map[string]any{"anyOf": []any{body, map[string]any{"type": "array", "items": body}}}
}

// attrSchema is the value of an attribute.
func attrSchema(a Attr) map[string]any {
	s := valueSchema(a)
	s["description"] = a.Doc
	if a.Default != "" {
		s["$comment"] = "default: " + a.Default
	}
	return s
}

func valueSchema(a Attr) map[string]any {
	array := func(items map[string]any, least int) map[string]any {
		s := map[string]any{"type": "array", "items": items}
		if least > 0 {
			s["minItems"] = least
		}
		return s
	}
	anyText := map[string]any{"type": "string"}
	switch a.Type {
	case String:
		return either(text(a))
	case Bool:
		return either(map[string]any{"type": "boolean"})
	case Number:
		n := map[string]any{"type": "integer"}
		if a.Max != 0 {
			n["minimum"], n["maximum"] = a.Min, a.Max
		}
		return either(n)
	case Duration:
		return either(map[string]any{"type": "string", "pattern": `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`})
	case Size:
		return either(size())
	case Sizes:
		return either(array(either(size()), 1))
	case Decimal:
		return either(map[string]any{"type": "number"})
	case Statuses:
		one := map[string]any{"anyOf": []any{
			map[string]any{"type": "integer", "minimum": 100, "maximum": 599}, map[string]any{"type": "string", "pattern": `^[1-5]([0-9][0-9]|xx)$|\$\{`},
		}}
		return either(map[string]any{"anyOf": []any{one, array(either(one), 1)}})
	case Mode:
		return either(map[string]any{"type": "string", "pattern": "^[0-7]{3,4}$"})
	case Strings:
		return either(array(either(text(a)), 0))
	case Words:
		return either(map[string]any{"anyOf": []any{text(a), array(either(text(a)), 0)}})
	case Command:
		return either(array(anyText, 1))
	case Hosts:
		return either(array(anyText, 0))
	case Services:
		return map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": `^\$\{service\..*\}$`}}
	case Labels:
		m := map[string]any{"type": "object", "additionalProperties": anyText}
		if p := a.Keys.Pattern(); p != "" {
			m["propertyNames"] = map[string]any{"pattern": p}
		}
		return either(m)
	case Values:
		return map[string]any{"type": "object"}
	case Types:
		return anyText
	case Any:
		return map[string]any{}
	}
	panic("internal error: no JSON schema of " + string(a.Type))
}

// text is a text of the attribute's form, in which expressions may stand.
func text(a Attr) map[string]any {
	s := map[string]any{"type": "string"}
	switch p := a.Form.Pattern(); {
	case len(a.OneOf) > 0:
		var words []any
		for _, w := range a.OneOf {
			words = append(words, w)
		}
		s["enum"] = words
	case p != "":
		s["anyOf"] = []any{map[string]any{"pattern": p}, map[string]any{"pattern": `\$\{`}}
	}
	return s
}

// size is 4 or "25%".
func size() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 0}, map[string]any{"type": "string", "pattern": `^[0-9]+%?$`},
	}}
}
