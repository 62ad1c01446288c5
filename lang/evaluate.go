package lang

import (
	"fmt"
	"slices"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// Inputs are what an evaluation is for.
type Inputs struct {
	// Env is the environment; "" is the only one.
	Env string
	// Service is the one to evaluate; "" is the only one.
	Service string
	// Vars are values for variables; a later one wins over an earlier one.
	Vars []Assignment
	// Release stands for release.* in expressions. Without it, attributes
	// that depend on the release are left out.
	Release *Release
	// Inventory runs a command that lists hosts, in the directory of the
	// definition, and gives what it printed. Without it, a snapshot stands
	// for the output.
	Inventory func(argv []string) ([]byte, error)
}

// Evaluate resolves every expression for one environment and its hosts. The
// Definition is nil only where there are errors.
func (c *Config) Evaluate(in Inputs) (*Definition, diag.List) {
	if c.broken.HasErrors() {
		return nil, c.broken
	}
	env, problem := c.environment(in.Env)
	if problem != nil {
		return nil, diag.List{*problem}
	}
	n, problem := c.service(in.Service)
	if problem != nil {
		return nil, diag.List{*problem}
	}
	e := c.evaluator(env, in.Vars)
	e.release, e.runInventory = in.Release, in.Inventory
	e.checkAssigned(in.Vars)
	e.buildCommon()
	d, _ := e.build(n)
	diags := consolidate(e.diags, 1, e.secrets)
	if diags.HasErrors() {
		return nil, diags
	}
	return d, diags
}

// Validate evaluates everything offline: every environment, every service,
// every host, every expression. Variables without a value and release.* are unknown.
func (c *Config) Validate(vars []Assignment) diag.List {
	return c.ValidateBeside(&Beside{}, vars)
}

// Beside is what the services of the definitions validated so far change, in
// each environment. The zero value is that of no definition.
type Beside struct{ envs map[string]*overlaps }

func (b *Beside) env(name string) *overlaps {
	if b.envs == nil {
		b.envs = map[string]*overlaps{}
	}
	if b.envs[name] == nil {
		b.envs[name] = &overlaps{}
	}
	return b.envs[name]
}

// ValidateBeside is Validate for one of several definitions: it also finds
// what a service would share with one of a definition before.
func (c *Config) ValidateBeside(others *Beside, vars []Assignment) diag.List {
	if c.tooOld || c.unread {
		return nil
	}
	var diags diag.List
	secrets := map[string]bool{}
	environments := c.Environments()
	for _, env := range environments {
		e := c.evaluator(env, vars)
		e.offline, e.glances = true, !c.plainly
		e.checkAssigned(vars)
		e.buildCommon()
		shared := others.env(env)
		told := len(shared.diags)
		for _, n := range c.ordered() {
			if d, known := e.build(n); known {
				shared.add(d)
			}
		}
		diags = append(diags, e.diags...)
		diags = append(diags, shared.diags[told:]...)
		for s := range e.secrets {
			secrets[s] = true
		}
	}
	if !c.broken.HasErrors() && !diags.HasErrors() {
		diags = append(diags, c.lint()...) // not before the rest is right
	}
	return consolidate(diags, len(environments), secrets)
}

// choose finds the environment that was asked for.
func (c *Config) environment(name string) (string, *diag.Diagnostic) {
	known := c.Environments()
	switch {
	case slices.Contains(known, name):
		return name, nil
	case name == "" && len(known) == 1:
		return known[0], nil
	case name == "":
		return "", &diag.Diagnostic{
			Code: "E0506", Severity: diag.Error, Summary: "which environment?",
			Detail: eval.Listing("The definition declares", known), Help: fmt.Sprintf("Write -e %s.", known[0]), Subject: eval.Range(c.environments[0].def),
		}
	}
	d := &diag.Diagnostic{Code: "E0505", Severity: diag.Error, Summary: fmt.Sprintf("there is no environment %q", name), Detail: eval.Listing("There are", known)}
	if len(c.environments) == 0 {
		d.Detail = "The definition declares none, so that there is only \"default\"."
	}
	if near := diag.Nearest(name, known); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	}
	return "", d
}

// Fold writes host names as briefly as expand can read them back:
// web[01-09].example.org.
func Fold(names []string) string { return diag.Fold(names) }
