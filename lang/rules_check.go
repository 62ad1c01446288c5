package lang

import (
	"maps"
	"slices"
)

// checkPatterns reads what a check compares with.
func (e *evaluator) checkPatterns(n *node, c Check) {
	for _, name := range []string{"matches", "must", "must_not"} {
		text, ok := c.Attrs[name].(string)
		if !ok {
			continue
		}
		if _, err := ParsePattern(text); err != nil {
			e.errorf("E0440", n.at(name), "", sentence(err), "%s is not a pattern that means the same everywhere", name)
		}
	}
	for _, key := range e.keys(n.attrs["json"]) {
		if _, err := ParseJSONPath(key); err != nil {
			e.errorf("E0441", n.at("json"), `Write json = { ".version" = release.tag }`, sentence(err), "json needs paths")
		}
	}
}

// keys are the keys of a map in order, also where the values are not known.
func (e *evaluator) keys(a *attribute) []string {
	if a == nil {
		return nil
	}
	v, _ := e.value(a).UnmarkDeep()
	switch t := v.Type(); {
	case t.IsObjectType():
		return slices.Sorted(maps.Keys(t.AttributeTypes()))
	case t.IsMapType() && v.IsKnown() && !v.IsNull():
		return slices.Sorted(maps.Keys(v.AsValueMap()))
	}
	return nil
}
