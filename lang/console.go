package lang

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// ConsoleFile is the name under which messages show an expression that was
// typed.
const ConsoleFile = "<console>"

// maxExpression bounds a typed expression, in bytes.
const maxExpression = 64 << 10

// A Console evaluates single expressions among the names of a definition. It
// is not safe for concurrent use.
type Console struct {
	e     *evaluator
	host  string
	scope schema.Scope
}

// Console makes a console for one environment. With a host, expressions may
// use host; without a release, release.* is unknown, as are variables without
// a value. The Console is nil where there can be none; other mistakes of the
// definition leave unknown what they concern.
func (c *Config) Console(in Inputs, host string) (*Console, diag.List) {
	if c.broken.HasErrors() {
		return nil, c.broken
	}
	env, problem := c.environment(in.Env)
	if problem != nil {
		return nil, diag.List{*problem}
	}
	e := c.evaluator(env, in.Vars)
	e.offline, e.release, e.runInventory = true, in.Release, in.Inventory
	n, problem := c.service(in.Service)
	switch {
	case problem == nil:
		e.service = n
	case in.Service != "":
		return nil, diag.List{*problem}
	}
	e.checkAssigned(in.Vars)
	e.buildCommon()
	s := &Console{e: e, host: host, scope: schema.Run}
	if host != "" {
		s.scope = schema.Host
		if _, ok := e.hostName(cty.StringVal(host), hcl.Range{}); !ok && len(e.unlisted) == 0 {
			return nil, consolidate(e.diags, 1, e.secrets)
		}
	}
	return s, s.said()
}

// said takes the messages of the last evaluation.
func (s *Console) said() diag.List {
	diags := consolidate(s.e.diags, 1, s.e.secrets)
	s.e.diags = nil
	return diags
}

// Variables are the declared variables with their values and where those came
// from.
func (s *Console) Variables() []Variable { return s.e.variablesInOrder() }

// Release is what the service says about its releases; nothing where the
// console is about no service.
func (s *Console) Release() ReleaseSpec {
	if s.e.service == nil || s.e.service.first("release") == nil {
		return ReleaseSpec{}
	}
	n := s.e.service.first("release")
	spec := ReleaseSpec{Repo: get[string](s.e, n, "repo"), Scheme: get[string](s.e, n, "scheme"), Range: eval.Range(n.def)}
	s.e.diags = nil // of the release, which nobody asked about
	return spec
}

// Names are what an expression can begin with, for completion: the functions,
// and the names in scope with what may follow them.
func (s *Console) Names() []string {
	var names []string
	for _, root := range s.scope.Names() {
		for _, name := range s.e.namesIn(root) {
			names = append(names, root+"."+name)
		}
	}
	for _, name := range s.e.symbols.Functions {
		names = append(names, name+"(")
	}
	return names
}

// Eval evaluates an expression and writes its value on one line. There is
// none where the diagnostics have an error.
func (s *Console) Eval(src string) (string, diag.List) {
	expr, diags := parseExpression(src)
	if diags.HasErrors() {
		return "", diags
	}
	refs, problems := eval.References(expr, s.scope, s.e.symbols)
	problems = append(problems, eval.RepeatedKeys(expr)...)
	if len(problems) > 0 {
		for i := range problems {
			if problems[i].Code == "E0202" && strings.HasPrefix(problems[i].Summary, `"host"`) {
				problems[i].Detail, problems[i].Help = "host stands for one machine, and none is chosen.", "Start the console with --host NAME."
			}
		}
		return "", append(diags, problems...)
	}
	eval.CountLoops(expr)
	a := &attribute{scope: s.scope, expr: expr, refs: refs, selects: hasSelect(expr)}
	e := s.e
	for _, r := range refs {
		a.perHost = a.perHost || r.Root == "host"
	}
	if s.host != "" {
		e.hostCtx = unlistedHost()
		if v, ok := e.machineVals[s.host]; ok {
			e.hostCtx = v
		}
	}
	e.allLoops = 0
	v := e.value(a)
	delete(e.contexts, a)
	delete(e.values, a)
	diags = append(diags, s.said()...)
	if diags.HasErrors() {
		return "", diags
	}
	if eval.TooLarge(v) {
		return "", append(diags, eval.At("E0124", expr.Range(), "the value is too large to be shown", fmt.Sprintf("It may hold %d KiB.", eval.MaxWeight>>10), ""))
	}
	return eval.Show(v), diags
}

// parseExpression reads an expression that stands alone.
func parseExpression(src string) (hclsyntax.Expression, diag.List) {
	text := []byte(src)
	whole := hcl.Range{Filename: ConsoleFile, Start: hcl.InitialPos, End: hcl.InitialPos}
	switch {
	case len(text) > maxExpression:
		return nil, diag.List{eval.At("E0104", whole, "the expression is too large", fmt.Sprintf("It may have %d KiB.", maxExpression>>10), "")}
	case invalidUTF8(text) >= 0:
		return nil, diag.List{eval.At("E0103", whole, "the expression is not UTF-8 text", "", "")}
	}
	tokens, _ := hclsyntax.LexExpression(text, ConsoleFile, hcl.InitialPos)
	if diags := eval.CheckLimits(tokens); len(diags) > 0 {
		return nil, diags
	}
	diags := eval.LeadingZeros(tokens)
	expr, problems := hclsyntax.ParseExpression(text, ConsoleFile, hcl.InitialPos)
	for _, p := range problems {
		if p.Severity == hcl.DiagError {
			// The first mistake; what the parser stumbles over next follows from it.
			return nil, append(diags, eval.TranslateSyntax(p, text)...)
		}
	}
	return expr, diags
}
