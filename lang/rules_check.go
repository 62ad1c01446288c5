package lang

import (
	"fmt"
	"maps"
	"slices"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// patterns are the attributes that hold one.
var patterns = []string{"matches", "must", "must_not"}

// checkPatterns reads what a check compares with.
func (e *evaluator) checkPatterns(n *node, c Check) {
	for _, name := range patterns {
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

// checkWith finds attributes that say nothing without another one.
func (e *evaluator) with(n *node) {
	for _, a := range n.kind.Attrs {
		for _, other := range a.With {
			if n.attrs[a.Name] != nil && n.attrs[other] == nil {
				e.errorf("E0442", n.at(a.Name), fmt.Sprintf("Add %s = %s, or remove %s.", other, n.attrSchema(other).Sample(n.schema.Name), a.Name), "",
					"%s says nothing without %s", a.Name, other)
			}
		}
	}
}

// checkWindow sees that a log is watched for less than the deadline.
func (e *evaluator) checkWindow(n *node, c Check) {
	w := c.Duration("window")
	if n.attrs["window"] == nil || c.Within == 0 || w+c.Every <= c.Within {
		return
	}
	at := diag.Range{}
	if n.attrs["within"] != nil {
		at = eval.Range(n.at("within"))
	}
	e.report(dangling(eval.At("E0405", n.at("window"), "the log is watched longer than the deadline",
		fmt.Sprintf("window is %s, every is %s and within is %s.", w, c.Every, c.Within), "Make within longer than window and every together."), orBlock(at, n), "the deadline"))
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
