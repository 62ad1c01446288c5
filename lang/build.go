package lang

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// buildCommon evaluates what all services share.
func (e *evaluator) buildCommon() {
	e.checkEnvironment()
	for _, v := range e.variables {
		e.variableValue(v.name)
	}
	for _, l := range e.locals {
		e.localValue(l.name)
	}
	e.allHosts()
	e.envValue("hosts")
	e.protected()
	e.state()
}

// build evaluates a service and puts its definition together. Known tells
// that it has hosts, and which.
func (e *evaluator) build(n *node) (_ *Definition, known bool) {
	e.service, e.serviceHosts = n, nil
	hosts := e.machineOrder
	d := &Definition{File: e.path, Env: Environment{Name: e.envName, Protected: e.protected()}}
	if e.release != nil {
		d.Release = *e.release
	}
	names, known := e.hostNames(n)
	if known {
		e.checkHosts(n, names)
	}
	for _, name := range names {
		e.serviceHosts = append(e.serviceHosts, e.machines[name])
	}
	d.Service = e.buildService(n, known)
	targets := e.serviceHosts
	if !known || len(names) == 0 {
		// The hosts of the environment are not known or none: look at the
		// expressions with the first of all hosts, so that they are checked.
		targets = hosts[:min(1, len(hosts))]
		if len(e.unlisted) > 0 {
			targets = []*Host{{}} // of which nothing is known
		}
	}
	d.Targets = e.targets(n, targets)
	e.checkBatches(n, known)
	if t := n.first("transport"); t != nil && known {
		e.checkNearness(t)
	}
	for _, a := range n.all("assert") {
		if assert, ok := e.assert(a); ok {
			d.Asserts = append(d.Asserts, assert)
		}
	}
	d.Variables = e.variablesInOrder()
	d.Sources = append(slices.Clone(e.digests), e.used...)
	slices.SortFunc(d.Sources, func(a, b Source) int { return compareText(a.Path, b.Path) })
	d.Sources = slices.Compact(d.Sources)
	return d, known && len(names) > 0
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (e *evaluator) variablesInOrder() []Variable {
	var list []Variable
	for _, v := range e.variables {
		for _, r := range e.resolved {
			if r.Name == v.name {
				list = append(list, r)
			}
		}
	}
	return list
}

func (e *evaluator) buildService(n *node, known bool) Service {
	s := Service{
		Name:        n.name(),
		Description: get[string](e, n, "description"),
		Owners:      get[[]string](e, n, "owners"),
		User:        get[string](e, n, "user"),
		Range:       eval.Range(n.def),
	}
	if r := n.first("release"); r != nil {
		s.Release = ReleaseSpec{
			Repo:   get[string](e, r, "repo"),
			Scheme: get[string](e, r, "scheme"),
			Keep:   int(get[int64](e, r, "keep")),
			Verify: e.verify(r.first("verify")),
			Range:  eval.Range(r.def),
		}
		if s.Release.Scheme != "" && e.options.Scheme != nil {
			if err := e.options.Scheme(s.Release.Scheme); err != nil {
				e.errorf("E0317", r.at("scheme"), "Write it like \"release/{date}/{n}\" or \"v{semver}\".", sentence(err), "not a scheme of tags")
			}
		}
	}
	if t := n.first("transport"); t != nil {
		s.Transport = Transport{Spec: e.spec(t), Path: get[string](e, t, "path"), Shared: get[[]string](e, t, "shared")}
	}
	s.Batches = e.batches(n, known)
	s.Budget = e.budget(n)
	for _, b := range n.all("window") {
		s.Windows = append(s.Windows, e.window(b))
	}
	s.Rollback = e.rollback(n)
	s.Lock = Lock{Scope: "service", Range: eval.Range(n.def)}
	if l := n.first("lock"); l != nil {
		s.Lock = Lock{Scope: get[string](e, l, "scope"), Host: get[string](e, l, "host"), Wait: get[Duration](e, l, "wait"), Range: eval.Range(l.def)}
	}
	for _, h := range n.all("hook") {
		if at := h.attrs["at"]; at != nil && atRun(at) {
			s.Hooks = append(s.Hooks, e.hook(h))
		}
	}
	for _, b := range n.all("notify") {
		spec := e.spec(b)
		spec.Attrs["on"] = anyList(get[[]string](e, b, "on"))
		if d := get[string](e, b, "deliver"); d != "" {
			spec.Attrs["deliver"] = d
		}
		s.Notify = append(s.Notify, spec)
	}
	return s
}

// verify decodes the block, nil where there is none.
func (e *evaluator) verify(n *node) *Verify {
	if n == nil {
		return nil
	}
	v := &Verify{Signers: get[string](e, n, "signers"), Range: eval.Range(n.def)}
	if v.Signers == "" {
		return v
	}
	below, text, ok := e.readBeside(n.attrs["signers"], v.Signers)
	if !ok {
		return v
	}
	v.Signers, v.Text = below, text
	if e.options.Signers != nil {
		if err := e.options.Signers(text); err != nil {
			e.errorf("E0610", n.at("signers"), "A line is a name, options if any, and a public key, like: ada@example.org ssh-ed25519 AAAA…", sentence(err), "not a list of signers")
		}
	}
	return v
}

// rollback decodes the block, or gives its defaults where there is none.
func (e *evaluator) rollback(n *node) Rollback {
	r := n.first("rollback")
	at := n.def
	if r == nil {
		r = &node{schema: e.schema.Child("service").Child("rollback"), def: n.def}
	} else {
		at = r.def
	}
	return Rollback{
		On: get[[]string](e, r, "on"), Scope: get[string](e, r, "scope"), To: get[string](e, r, "to"),
		Watchdog: get[Duration](e, r, "watchdog"), Range: eval.Range(at),
	}
}

// budget decodes the block, nil where there is none.
func (e *evaluator) budget(n *node) *Budget {
	b := n.first("budget")
	if b == nil {
		return nil
	}
	size := func(name string) *Size {
		if v, ok := e.attr(b, name); ok {
			s := v.(Size)
			return &s
		}
		return nil
	}
	return &Budget{
		MaxFailed: size("max_failed"), MaxUnhealthy: size("max_unhealthy"), MaxUnreachable: size("max_unreachable"),
		Range: eval.Range(b.def),
	}
}

func (e *evaluator) window(n *node) Window {
	w := Window{Days: get[[]string](e, n, "days"), Hours: get[string](e, n, "hours"), Zone: get[string](e, n, "zone"), Range: eval.Range(n.def)}
	if from, to, _ := strings.Cut(w.Hours, "-"); from != "" && from == to {
		e.errorf("E0430", n.at("hours"), `Write hours = "09:00-17:00", or leave it out for the whole day.`, "", "the window is never open")
	}
	if days := n.attrs["days"]; days != nil && w.Days != nil && len(w.Days) == 0 {
		e.errorf("E0430", n.at("days"), "Name its days, or leave it out for all of them.", "", "the window is never open")
	}
	return w
}

// spec decodes the attributes of a kind.
func (e *evaluator) spec(n *node) Spec {
	spec := Spec{Kind: n.kind.Name, Name: n.name(), Attrs: map[string]any{}, Range: eval.Range(n.def)}
	for _, a := range n.kind.Attrs {
		v, ok := e.attr(n, a.Name)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case []string:
			spec.Attrs[a.Name] = anyList(v)
		case map[string]string:
			object := map[string]any{}
			for k, text := range v {
				object[k] = text
			}
			spec.Attrs[a.Name] = object
		case Duration:
			spec.Attrs[a.Name] = v.String()
		case Size:
			spec.Attrs[a.Name] = v.String()
		default:
			spec.Attrs[a.Name] = v
		}
	}
	return spec
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

func (e *evaluator) command(n *node) Command {
	return Command{Argv: get[[]string](e, n, "run"), Shell: get[string](e, n, "shell")}
}

func (e *evaluator) hook(n *node) Hook {
	return Hook{
		Name: n.name(), At: get[string](e, n, "at"), From: get[string](e, n, "from"), Run: e.command(n),
		Once: get[bool](e, n, "once"), OnFailure: get[string](e, n, "on_failure"), Within: get[Duration](e, n, "within"),
		Range: eval.Range(n.def),
	}
}

// target evaluates for one host what mentions it.
func (e *evaluator) target(n *node, h *Host) Target {
	e.host, e.hostCtx = h, e.machineVals[h.Name]
	if h.Name == "" {
		e.hostCtx = unlistedHost()
	}
	defer func() { e.host = nil }()
	t := Target{Host: *h}
	t.Host.Labels = maps.Clone(h.Labels)
	for _, f := range n.all("file") {
		t.Files = append(t.Files, e.file(f))
	}
	if b := n.first("drain"); b != nil {
		t.Drain = &Drain{
			Out: Command{Argv: get[[]string](e, b, "out")}, In: Command{Argv: get[[]string](e, b, "in")},
			Within: get[Duration](e, b, "within"), Range: eval.Range(b.def),
		}
	}
	if r := n.first("restart"); r != nil {
		t.Restart = Restart{Spec: e.spec(r), Within: get[Duration](e, r, "within")}
		e.with(r)
	}
	for _, b := range n.all("check") {
		t.Checks = append(t.Checks, e.check(b))
	}
	for _, b := range n.all("hook") {
		if at := b.attrs["at"]; at != nil && !atRun(at) {
			t.Hooks = append(t.Hooks, e.hook(b))
		}
	}
	e.checkWatchdog(n, t)
	return t
}

func (e *evaluator) file(n *node) File {
	content := e.attrDecoded(n, "content")
	text, _ := content.value.(string)
	return File{
		Path: n.name(), Content: text, Owner: get[string](e, n, "owner"), Group: get[string](e, n, "group"), Mode: get[string](e, n, "mode"),
		Sensitive: content.sensitive, Restart: get[bool](e, n, "restart"), Range: eval.Range(n.def),
	}
}

func (e *evaluator) check(n *node) Check {
	c := Check{
		Spec: e.spec(n), At: get[string](e, n, "at"), From: get[string](e, n, "from"),
		Within: get[Duration](e, n, "within"), Every: get[Duration](e, n, "every"), Timeout: get[Duration](e, n, "timeout"),
		Successes: int(get[int64](e, n, "successes")), Preflight: get[bool](e, n, "preflight"),
	}
	if n.kind.Name == "prometheus" && n.attrs["from"] == nil {
		c.From = "deployer"
	}
	e.checkTimes(n, c)
	e.checkReach(n, c)
	e.checkPatterns(n, c)
	e.with(n)
	e.checkWindow(n, c)
	// A default gives way to a short deadline.
	if n.attrs["timeout"] == nil && c.Within > 0 {
		c.Timeout = min(c.Timeout, c.Within)
	}
	if n.attrs["every"] == nil && c.Within > 0 {
		c.Every = min(c.Every, c.Within)
	}
	return c
}

// assert evaluates a rule; false where it cannot be decided.
func (e *evaluator) assert(n *node) (Assert, bool) {
	condition, message := n.attrs["condition"], n.attrs["message"]
	if condition == nil || message == nil {
		return Assert{}, false
	}
	ok, known := e.attr(n, "condition")
	level := get[string](e, n, "level")
	if !known {
		return Assert{}, false
	}
	a := Assert{Level: level, OK: ok.(bool), Range: eval.Range(n.def)}
	v := e.value(message)
	switch {
	case eval.IsSensitive(v):
		a.Message = eval.Withheld
	case v.IsKnown() && !v.IsNull() && v.Type() == cty.String:
		a.Message = v.AsString()
	}
	if a.OK {
		return a, true
	}
	if level == "warn" {
		e.warnf("W0406", condition.expr.Range(), "", a.Message, "an assertion does not hold")
	} else {
		e.errorf("E0410", condition.expr.Range(), "", a.Message, "an assertion does not hold")
	}
	return a, true
}

// batches decodes the batch blocks; without any, one host and then the rest
// one by one.
func (e *evaluator) batches(n *node, known bool) []Batch {
	var list []Batch
	for _, b := range n.all("batch") {
		batch := Batch{
			Name: b.name(), Soak: get[Duration](e, b, "soak"), Confirm: get[bool](e, b, "confirm"), ConfirmWithin: get[Duration](e, b, "confirm_within"), By: get[string](e, b, "by"),
			Size: get[Size](e, b, "size"), Ramp: get[[]Size](e, b, "ramp"), Parallel: get[Size](e, b, "parallel"), Spread: get[string](e, b, "spread"),
			MaxFailed: get[Size](e, b, "max_failed"), MaxUnhealthy: get[Size](e, b, "max_unhealthy"), MaxUnreachable: get[Size](e, b, "max_unreachable"),
			Range: eval.Range(b.def),
		}
		if b.attrs["hosts"] != nil {
			batch.Hosts, _ = e.hostNames(b)
		}
		list = append(list, batch)
	}
	if len(list) > 0 || !known || len(e.serviceHosts) == 0 {
		return list
	}
	list = []Batch{{Name: "first", Hosts: []string{e.serviceHosts[0].Name}, Range: eval.Range(n.def)}}
	if len(e.serviceHosts) > 1 {
		list = append(list, Batch{Name: "rest", Size: Size{N: 1}, Range: eval.Range(n.def)})
	}
	return list
}

// dangling is a diagnostic about two places.
func dangling(d diag.Diagnostic, at diag.Range, text string) diag.Diagnostic {
	d.Related = append(d.Related, diag.Related{Range: at, Text: text})
	return d
}
