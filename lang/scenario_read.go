package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A scenarioReader decodes the blocks of a scenario file.
type scenarioReader struct{ *evaluator }

func (r *scenarioReader) scenario(n *node) Scenario {
	s := Scenario{
		Name: n.name(), Range: eval.Range(n.def),
		Env: r.text(n, "env"), Service: r.text(n, "service"), Release: r.text(n, "release"),
		Fleet: r.picks(n, "fleet"), ValuesAt: eval.Range(n.at("values")),
		Limit: r.texts(n, "limit"), Without: r.texts(n, "without"), BatchSize: get[Size](r.evaluator, n, "batch_size"),
		Unreachable: r.texts(n, "unreachable"), Confirm: get[string](r.evaluator, n, "confirm"),
		Faults: r.failing(n),
	}
	s.Values = r.assignments(n)
	for _, p := range r.picks(n, "slow") {
		d, err := ParseDuration(p.Value.Text)
		if err != nil {
			r.report(diag.Diagnostic{
				Code: "E0303", Severity: diag.Error, Subject: p.Value.Range,
				Summary: "slow is not a duration", Detail: sentence(err),
			})
			continue
		}
		s.Slow = append(s.Slow, Slow{p.Pattern, d})
	}
	for _, b := range n.all("fault") {
		s.Faults = append(s.Faults, r.fault(b))
	}
	s.Kill, s.Abort = r.interruption(n.first("kill")), r.interruption(n.first("abort"))
	if s.Kill != nil && s.Abort != nil {
		d := eval.At("E0602", n.first("abort").def, "a scenario has one kill or one abort", "", "Write two scenarios.")
		d.Related = []diag.Related{{Range: s.Kill.Range, Text: "the other is here"}}
		r.report(d)
	}
	if b := n.first("expect"); b != nil {
		s.Expect = r.expect(b)
	}
	return s
}

// fault decodes a fault block.
func (r *scenarioReader) fault(n *node) Fault {
	f := Fault{
		Step:  Text{n.name(), eval.Range(n.nameAt())},
		Hosts: r.texts(n, "hosts"), How: get[string](r.evaluator, n, "how"),
		Times: int(get[int64](r.evaluator, n, "times")), Passes: int(get[int64](r.evaluator, n, "passes")),
		OnRollback: get[bool](r.evaluator, n, "on_rollback"), Extra: get[Duration](r.evaluator, n, "extra"),
	}
	switch {
	case f.How == "slow" && n.attrs["extra"] == nil:
		r.errorf("E0602", n.def, "Add extra = \"30s\"", "", "a step that is slow needs extra")
	case f.How != "slow" && n.attrs["extra"] != nil:
		r.errorf("E0602", n.attrs["extra"].nameAt, "Write how = \"slow\", or leave extra out.", "", "extra says nothing unless the step is slow")
	}
	return f
}

// failing makes faults of the short form, fail = { step = hosts }.
func (r *scenarioReader) failing(n *node) []Fault {
	var list []Fault
	for _, p := range r.pairs(n, "fail") {
		list = append(list, Fault{Step: p.key, Hosts: p.texts(), How: "fail"})
	}
	return list
}

func (r *scenarioReader) interruption(n *node) *Interruption {
	if n == nil {
		return nil
	}
	return &Interruption{
		At: r.text(n, "at"), Hosts: r.texts(n, "host"),
		Then: get[string](r.evaluator, n, "then"), Range: eval.Range(n.def),
	}
}

func (r *scenarioReader) expect(n *node) Expectation {
	x := Expectation{Release: r.picks(n, "release"), Range: eval.Range(n.def)}
	if n.attrs["outcome"] != nil {
		t := r.text(n, "outcome")
		x.Outcome = &t
	}
	if n.attrs["reason"] != nil {
		t := r.text(n, "reason")
		x.Reason = &t
	}
	number := func(name string) *Number {
		if n.attrs[name] == nil {
			return nil
		}
		return &Number{int(get[int64](r.evaluator, n, name)), eval.Range(n.at(name))}
	}
	hosts := func(name string) *Texts {
		if n.attrs[name] == nil {
			return nil
		}
		return &Texts{r.texts(n, name), eval.Range(n.at(name))}
	}
	x.Exit, x.MostOut = number("exit"), number("most_out")
	x.Touched, x.Out = hosts("touched"), hosts("out")
	if n.attrs["within"] != nil {
		x.Within = &Limit{get[Duration](r.evaluator, n, "within"), eval.Range(n.at("within"))}
	}
	if n.attrs["batches"] != nil {
		x.Batches = r.groups(n, "batches")
	}
	if len(n.attrs) == 0 {
		r.errorf("E0602", n.def, `Add what must come of it, like outcome = "done".`, "", "the scenario expects nothing")
	}
	return x
}

// text is an attribute of type string with its place.
func (r *scenarioReader) text(n *node, name string) Text {
	return Text{get[string](r.evaluator, n, name), eval.Range(n.at(name))}
}

// texts is a list of strings, each with its place where that is known.
func (r *scenarioReader) texts(n *node, name string) []Text {
	words := get[[]string](r.evaluator, n, name)
	list := make([]Text, len(words))
	var exprs []hcl.Expression
	if a := n.attrs[name]; a != nil {
		exprs = elements(a.expr)
	}
	for i, w := range words {
		list[i] = Text{w, eval.Range(n.at(name))}
		if len(exprs) == len(words) {
			list[i].Range = eval.Range(exprs[i].Range())
		}
	}
	return list
}

// elements are the elements of a list that is written out.
func elements(expr hcl.Expression) []hcl.Expression {
	list, problems := hcl.ExprList(expr)
	if problems.HasErrors() {
		return nil
	}
	return list
}

// groups is a list of lists.
func (r *scenarioReader) groups(n *node, name string) *Groups {
	g := &Groups{Range: eval.Range(n.at(name))}
	exprs := elements(n.attrs[name].expr)
	for i, words := range get[[][]string](r.evaluator, n, name) {
		at := g.Range
		if i < len(exprs) {
			at = eval.Range(exprs[i].Range())
		}
		group := []Text{}
		for _, w := range words {
			group = append(group, Text{w, at})
		}
		g.List = append(g.List, group)
	}
	return g
}

// A pair is an entry of an object with the places of its parts.
type pair struct {
	key   Text
	words []string
	at    diag.Range
	exprs []hcl.Expression
}

func (p pair) texts() []Text {
	var list []Text
	for i, w := range p.words {
		at := p.at
		if len(p.exprs) == len(p.words) {
			at = eval.Range(p.exprs[i].Range())
		}
		list = append(list, Text{w, at})
	}
	return list
}

// pairs are the entries of an object: in source order where it is written
// out, else sorted by their keys.
func (r *scenarioReader) pairs(n *node, name string) []pair {
	a := n.attrs[name]
	value, ok := r.attr(n, name)
	if a == nil || !ok {
		return nil
	}
	values := map[string][]string{}
	switch v := value.(type) {
	case map[string]string:
		for key, text := range v {
			values[key] = []string{text}
		}
	case map[string][]string:
		values = v
	}
	var list []pair
	seen := map[string]bool{}
	written, problems := hcl.ExprMap(a.expr)
	if !problems.HasErrors() {
		for _, kv := range written {
			key, problems := kv.Key.Value(nil)
			if problems.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String || seen[key.AsString()] {
				continue
			}
			word := key.AsString()
			seen[word] = true
			list = append(list, pair{Text{word, eval.Range(kv.Key.Range())}, values[word], eval.Range(kv.Value.Range()), elements(kv.Value)})
		}
	}
	for _, key := range sortedKeys(values) {
		if !seen[key] {
			at := eval.Range(a.expr.Range())
			list = append(list, pair{Text{key, at}, values[key], at, nil})
		}
	}
	return list
}

func (r *scenarioReader) picks(n *node, name string) []Pick {
	var list []Pick
	for _, p := range r.pairs(n, name) {
		list = append(list, Pick{p.key, Text{p.words[0], p.at}})
	}
	return list
}

// assignments are the values for variables, as --var would give them.
func (r *scenarioReader) assignments(n *node) []Assignment {
	a := n.attrs["values"]
	if a == nil {
		return nil
	}
	v := r.value(a)
	switch {
	case !v.IsKnown():
		return nil
	case v.IsNull() || !v.Type().IsObjectType():
		r.errorf("E0301", a.expr.Range(), "Write values = { name = value }", "It is "+eval.Kind(v)+".", "values is an object with the names of variables")
		return nil
	}
	var list []Assignment
	for name, value := range v.AsValueMap() {
		text := jsonOf(value)
		if value.Type() == cty.String && value.IsKnown() && !value.IsNull() {
			text = value.AsString()
		}
		list = append(list, Assignment{Name: name, Value: text, From: fmt.Sprintf("scenario %q", n.name())})
	}
	slices.SortFunc(list, func(a, b Assignment) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// convertWordLists turns an object of texts or lists of texts into a map.
func convertWordLists(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		return nil, wrongType(s, v, "{ name = [\"…\"] }")
	}
	out := map[string][]string{}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		name := key.AsString()
		if !element.IsNull() && element.Type() == cty.String {
			out[name] = []string{element.AsString()}
			continue
		}
		list, w := convertList(s, element)
		if w != nil {
			w.detail, w.help = fmt.Sprintf("%q is %s.", name, eval.Kind(element)), ""
			return nil, w
		}
		out[name] = list
	}
	return out, nil
}

// convertLists turns a list of lists of texts into one of Go.
func convertLists(s *schema.Attr, v cty.Value) (any, *wrongValue) {
	if t := v.Type(); !t.IsListType() && !t.IsTupleType() {
		return nil, wrongType(s, v, "[[\"…\"], [\"…\", \"…\"]]")
	}
	out := [][]string{}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		list, w := convertList(s, element)
		if w != nil {
			w.detail, w.help = fmt.Sprintf("Element %d is %s.", len(out), eval.Kind(element)), "Write a list for each slice."
			w.element = len(out)
			return nil, w
		}
		out = append(out, list)
	}
	return out, nil
}

func convertList(s *schema.Attr, v cty.Value) ([]string, *wrongValue) {
	if v.IsNull() {
		return nil, wrongType(s, v, "")
	}
	list, w := convertStrings(s, v)
	if w != nil {
		w.element = -1
		return nil, w
	}
	return list.([]string), nil
}
