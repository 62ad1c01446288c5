package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// An evaluator gives the expressions of a definition their values in one
// environment.
type evaluator struct {
	*Config
	envName  string
	env      *node // nil where none is declared
	service  *node // nil while none is looked at
	assigned map[string]Assignment
	release  *Release
	offline  bool // validate: what is not given is unknown
	glances  bool // validate: only mistakes count
	// runInventory runs the commands that list hosts; nil where none runs.
	runInventory func(argv []string) ([]byte, error)

	symbolValues map[string]*symbol
	stack        []*symbol
	contexts     map[*attribute]*hcl.EvalContext
	values       map[*attribute]cty.Value
	decoded      map[*attribute]decoded
	shapes       map[*attribute]*shape // of the present service
	functions    map[string]map[string]function.Function
	machines     map[string]*Host
	machineOrder []*Host
	machineVals  map[string]cty.Value
	lists        map[string][]string // the names in env.hosts and groups, once read
	unlisted     map[*node]bool      // groups whose hosts are not known offline
	serviceHosts []*Host
	used         []Source
	resolved     []Variable
	secrets      map[string]bool
	loops        int // of the present expression, and of all before it
	allLoops     int

	host    *Host
	hostCtx cty.Value
	diags   diag.List
}

// maxLoops bounds the loops of all expressions of an environment together.
const maxLoops = 5_000_000

// A symbol is a name whose value is worked out once.
type symbol struct {
	name  string
	at    hcl.Range
	value cty.Value
	done  bool
}

func (c *Config) evaluator(env string, vars []Assignment) *evaluator {
	e := &evaluator{
		Config: c, envName: env, assigned: map[string]Assignment{},
		symbolValues: map[string]*symbol{}, contexts: map[*attribute]*hcl.EvalContext{}, values: map[*attribute]cty.Value{},
		decoded: map[*attribute]decoded{}, shapes: map[*attribute]*shape{}, functions: map[string]map[string]function.Function{},
		machines: map[string]*Host{}, machineVals: map[string]cty.Value{}, lists: map[string][]string{}, secrets: map[string]bool{}, unlisted: map[*node]bool{},
	}
	for _, n := range c.environments {
		if n.name() == env {
			e.env = n
		}
	}
	for _, a := range vars {
		e.assigned[a.Name] = a
	}
	return e
}

// report records a mistake with where it was met.
func (e *evaluator) report(d diag.Diagnostic) {
	d.Envs = []string{e.envName}
	if e.host != nil && e.host.Name != "" {
		d.Hosts = []string{e.host.Name}
	}
	e.diags = append(e.diags, d)
}

func (e *evaluator) errorf(code string, at hcl.Range, help, detail, format string, args ...any) {
	e.report(eval.At(code, at, fmt.Sprintf(format, args...), detail, help))
}

func (e *evaluator) warnf(code string, at hcl.Range, help, detail, format string, args ...any) {
	d := eval.At(code, at, fmt.Sprintf(format, args...), detail, help)
	d.Severity = diag.Warning
	e.report(d)
}

// symbol works out a name once. A name that needs itself is reported with
// the whole circle.
func (e *evaluator) symbol(name string, at hcl.Range, compute func() cty.Value) cty.Value {
	if s := e.symbolValues[name]; s != nil {
		if !s.done {
			e.circle(s)
		}
		return s.value
	}
	s := &symbol{name: name, at: at, value: cty.DynamicVal}
	e.symbolValues[name] = s
	e.stack = append(e.stack, s)
	value := compute()
	e.stack = e.stack[:len(e.stack)-1]
	if !s.done {
		s.value, s.done = value, true
	}
	return s.value
}

func (e *evaluator) circle(s *symbol) {
	i := slices.Index(e.stack, s)
	var names []string
	var related []diag.Related
	for _, member := range e.stack[i:] {
		names = append(names, member.name)
		member.done = true // unknown from now on, without further words
		if member != s {
			related = append(related, diag.Related{Range: eval.Range(member.at), Text: member.name})
		}
	}
	d := eval.At("E0209", s.at, s.name+" needs itself", "The circle is "+strings.Join(append(names, s.name), " → ")+".", "Give one of them a value that needs none of the others.")
	d.Related = related
	host := e.host
	e.host = nil
	e.report(d)
	e.host = host
}

// value evaluates an attribute. Where that fails, the mistake is reported and
// the value is unknown.
func (e *evaluator) value(a *attribute) cty.Value {
	if a.bad {
		return cty.DynamicVal
	}
	if !a.perHost {
		if v, ok := e.values[a]; ok {
			return v
		}
		host := e.host
		e.host = nil
		defer func() { e.host = host }()
	}
	ctx := e.context(a)
	if a.perHost {
		ctx = ctx.NewChild()
		ctx.Variables = map[string]cty.Value{"host": e.hostCtx}
	}
	e.nextLoops()
	v, problems := a.expr.Value(ctx)
	if problems.HasErrors() {
		e.problems(problems)
		v = cty.DynamicVal
	}
	if !a.perHost {
		e.values[a] = v
	}
	return v
}

// nextLoops begins an expression, whose loops are counted anew.
func (e *evaluator) nextLoops() {
	e.allLoops += e.loops
	e.loops = 0
	if e.allLoops > maxLoops {
		e.loops = eval.MaxLoops
	}
}

// problems reports what HCL found in an evaluation. Loops that ran too long
// are told once, not for every element that followed.
func (e *evaluator) problems(problems hcl.Diagnostics) {
	for _, p := range problems {
		for _, d := range eval.Translate(p) {
			e.report(d)
			if d.Code == "E0124" {
				return
			}
		}
	}
}

// context holds the names that a uses and no others.
func (e *evaluator) context(a *attribute) *hcl.EvalContext {
	if ctx := e.contexts[a]; ctx != nil {
		return ctx
	}
	used := map[string]map[string]bool{}
	for _, r := range a.refs {
		if used[r.Root] == nil {
			used[r.Root] = map[string]bool{}
		}
		if !r.All {
			used[r.Root][r.Name] = true
			continue
		}
		for _, name := range e.namesIn(r.Root) {
			used[r.Root][name] = true
		}
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: e.functionsFor(a)}
	for _, root := range sortedKeys(used) {
		if root == "host" {
			continue
		}
		object := map[string]cty.Value{}
		for _, name := range sortedKeys(used[root]) {
			object[name] = e.lookup(root, name)
		}
		ctx.Variables[root] = cty.ObjectVal(object)
	}
	e.contexts[a] = ctx
	return ctx
}

func (e *evaluator) namesIn(root string) []string {
	switch root {
	case "var":
		return e.symbols.Variables
	case "local":
		return e.symbols.Locals
	case "hosts":
		return e.symbols.Groups
	default:
		return schema.Roots()[root]
	}
}

func (e *evaluator) lookup(root, name string) cty.Value {
	switch root {
	case "var":
		return e.variableValue(name)
	case "local":
		return e.localValue(name)
	case "hosts":
		return e.groupValue(name)
	case "env":
		return e.envValue(name)
	case "service":
		return e.serviceValue(name)
	case "release":
		return e.releaseValue(name)
	}
	panic("internal error: no root " + root)
}

func (e *evaluator) localValue(name string) cty.Value {
	for _, a := range e.locals {
		if a.name == name {
			return e.symbol("local."+name, a.nameAt, func() cty.Value {
				v := e.value(a)
				if eval.TooLarge(v) {
					e.errorf("E0124", a.expr.Range(), "", fmt.Sprintf("The value of a local may hold %d KiB.", eval.MaxWeight>>10), "local.%s becomes too large", name)
					return cty.DynamicVal
				}
				return eval.Light(v)
			})
		}
	}
	return cty.DynamicVal
}

func (e *evaluator) envValue(name string) cty.Value {
	switch {
	case name == "name":
		return cty.StringVal(e.envName)
	case name == "protected":
		return cty.BoolVal(e.protected())
	case e.env == nil || e.env.attrs["hosts"] == nil:
		return cty.ListValEmpty(eval.HostType())
	}
	return e.symbol("env.hosts", e.env.nameAt(), func() cty.Value { return e.hostList(e.env) })
}

func (e *evaluator) protected() bool {
	return e.env != nil && get[bool](e, e.env, "protected")
}

func (e *evaluator) serviceValue(name string) cty.Value {
	n := e.service
	switch {
	case n == nil:
		return cty.DynamicVal
	case name == "name":
		return cty.StringVal(n.name())
	case name == "hosts":
		return e.symbol("service.hosts of "+n.name(), n.at("hosts"), func() cty.Value { return e.hostList(n) })
	default:
		return e.symbol("service.user of "+n.name(), n.at("user"), func() cty.Value {
			user, ok := e.attr(n, "user")
			switch {
			case ok:
				return cty.StringVal(user.(string))
			case n.attrs["user"] != nil:
				return cty.UnknownVal(cty.String)
			}
			return cty.StringVal("")
		})
	}
}

func (e *evaluator) releaseValue(name string) cty.Value {
	if r := e.release; r != nil {
		switch name {
		case "tag":
			return cty.StringVal(r.Tag)
		case "commit":
			if r.Commit == "" && e.offline {
				return cty.UnknownVal(cty.String).RefineNotNull()
			}
			return cty.StringVal(r.Commit)
		case "date":
			return cty.StringVal(r.Date)
		default:
			return cty.NumberIntVal(int64(r.N))
		}
	}
	if name == "n" {
		return cty.UnknownVal(cty.Number).RefineNotNull()
	}
	refined := cty.UnknownVal(cty.String).Refine().NotNull()
	if name == "tag" && e.service != nil && e.service.first("release") != nil {
		if prefix, _, _ := strings.Cut(get[string](e, e.service.first("release"), "scheme"), "{"); prefix != "" {
			refined = refined.StringPrefixFull(prefix)
		}
	}
	return refined.NewValue()
}

// functionsFor are the functions as a may call them: paths that begin with
// ./ are relative to its file, and select knows the labels of all hosts.
func (e *evaluator) functionsFor(a *attribute) map[string]function.Function {
	file := a.expr.Range().Filename
	if file == ConsoleFile {
		file = e.path
	}
	key := file
	if a.selects {
		key += "\x00"
	}
	if lib := e.functions[key]; lib != nil {
		return lib
	}
	var labels []string
	if a.selects {
		labels = e.allLabels()
	}
	lib := eval.Functions(labels, e.reader(file, &e.used, &e.loops))
	e.functions[key] = lib
	return lib
}

// reader reads files for functions in an expression of the file from, and
// appends what was read to used.
func (c *Config) reader(from string, used *[]Source, loops *int) *eval.Files {
	return &eval.Files{
		Cache: c.templates,
		Loops: loops,
		Read: func(name string) (string, []byte, error) {
			below := c.resolve(from, name)
			text, err := c.read(below)
			if err != nil {
				return below, nil, err
			}
			if used != nil && !slices.ContainsFunc(*used, func(s Source) bool { return s.Path == below }) {
				*used = append(*used, digest(below, text))
			}
			return below, text, nil
		},
	}
}

func (e *evaluator) allLabels() []string {
	labels := map[string]bool{}
	for _, h := range e.allHosts() {
		for label := range h.Labels {
			labels[label] = true
		}
	}
	for n := range e.unlisted {
		for _, name := range get[[]string](e, n, "label_vars") {
			labels[name] = true
		}
		for _, b := range append(n.all("host"), n) {
			for name := range get[map[string]string](e, b, "labels") {
				labels[name] = true
			}
		}
	}
	// Never nil: that no host carries a label is known.
	names := slices.AppendSeq([]string{}, maps.Keys(labels))
	slices.Sort(names)
	return names
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// jsonOf is a value as JSON; "" where it is not wholly known.
func jsonOf(v cty.Value) string {
	v, _ = v.UnmarkDeep()
	if !v.IsWhollyKnown() {
		return ""
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return string(text)
}
