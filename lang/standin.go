package lang

import (
	"github.com/zclconf/go-cty/cty"
)

// StandIns are values for the sensitive variables that would have none in an
// environment: a scenario plays with any.
func (c *Config) StandIns(env string, given []Assignment) []Assignment {
	name, problem := c.environment(env)
	if problem != nil || c.broken.HasErrors() {
		return nil
	}
	e := c.evaluator(name, given)
	var list []Assignment
	for _, v := range c.variables {
		_, assigned := e.assigned[v.name]
		_, chosen := e.envValues()[v.name]
		if v.sensitive && !v.hasDefault && !assigned && !chosen {
			list = append(list, Assignment{Name: v.name, Value: standIn(v.want), From: "a stand-in"})
		}
	}
	return list
}

// standIn is the text of some value of a type.
func standIn(t cty.Type) string {
	switch {
	case t == cty.String, t == cty.DynamicPseudoType:
		return "a stand-in for a secret"
	case t == cty.Number:
		return "1"
	case t == cty.Bool:
		return "true"
	case t.IsListType(), t.IsSetType(), t.IsTupleType():
		return "[]"
	case t.IsObjectType():
		text := "{"
		for _, name := range sortedKeys(t.AttributeTypes()) {
			value := standIn(t.AttributeType(name))
			if t.AttributeType(name) == cty.String {
				value = `"` + value + `"`
			}
			text += name + " = " + value + ", "
		}
		return text + "}"
	}
	return "{}"
}
