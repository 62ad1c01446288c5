package lang

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A Config is a definition that was read but not evaluated. It is not safe
// for concurrent use, because evaluating reads templates.
type Config struct {
	root      fs.FS
	path      string
	options   Options
	schema    *schema.Block
	structure *structurer
	broken    diag.List // what Load said
	tooOld    bool      // the definition needs another version
	unread    bool      // a file has no sound syntax, so that nothing else is checked
	plainly   bool      // in tests: every expression is evaluated by HCL for every host

	files     map[string][]byte // normalised as the ranges count
	order     []string          // files in the order in which they were read
	digests   []Source
	size      int64
	included  map[string]*hcl.Range
	templates map[string]*eval.Template

	nodes        []*node // top-level blocks of all files
	variables    []*variable
	locals       []*attribute
	groups       []*node
	environments []*node
	services     []*node
	waits        map[*node][]wait // for other services, by after
	symbols      eval.Symbols
	defaults     map[*schema.Attr]any
}

// Files are the bytes of every file that was read, by path, for snippets in
// messages.
func (c *Config) Files() map[string][]byte { return maps.Clone(c.files) }

// Environments are the names of the environments in the order of their
// declaration; "default" where there are none.
func (c *Config) Environments() []string {
	if len(c.environments) == 0 {
		return []string{DefaultEnv}
	}
	var names []string
	for _, n := range c.environments {
		names = append(names, n.name())
	}
	return names
}

func digest(file string, text []byte) Source {
	sum := sha256.Sum256(text)
	return Source{Path: file, SHA256: hex.EncodeToString(sum[:])}
}

// declare sorts the top-level blocks by what they declare.
func (c *Config) declare() {
	s := c.structure
	c.defaults = map[*schema.Attr]any{}
	localAt := map[string]hcl.Range{}
	for _, n := range c.nodes {
		switch n.schema.Name {
		case "variable":
			if c.unique(n, "variable", namesOf(c.variables)) {
				c.variables = append(c.variables, c.variable(n))
			}
		case "locals":
			for _, name := range n.order {
				a := n.attrs[name]
				if first, ok := localAt[name]; ok {
					d := s.errorf("E0123", a.nameAt, "Rename one of the two.", "", "the local %q is declared twice", name)
					d.Related = []diag.Related{{Range: eval.Range(first), Text: "the first is here"}}
					continue
				}
				localAt[name] = a.nameAt
				c.locals = append(c.locals, a)
			}
		case "hosts":
			if c.unique(n, "group of hosts", c.groups) {
				c.groups = append(c.groups, n)
			}
			for i, h := range n.all("host") {
				c.unique(h, "host", n.all("host")[:i])
			}
		case "environment":
			if c.unique(n, "environment", c.environments) {
				c.environments = append(c.environments, n)
			}
		case "service":
			if c.unique(n, "service", c.services) {
				c.services = append(c.services, n)
			}
			c.declareService(n)
		}
	}
	for _, block := range []string{"shipit", "state"} {
		s.count(c.start(), c.schema.Child(block), filter(c.nodes, block), false)
	}
	if len(c.services) == 0 && len(s.diags) == 0 {
		s.errorf("E0411", c.start(), "Add service \"name\" { … }", "", "the definition has no service")
	}
	c.checkServices()
	c.symbols = eval.Symbols{Functions: eval.FunctionNames()}
	for _, v := range c.variables {
		c.symbols.Variables = append(c.symbols.Variables, v.name)
	}
	for _, l := range c.locals {
		c.symbols.Locals = append(c.symbols.Locals, l.name)
	}
	for _, g := range c.groups {
		c.symbols.Groups = append(c.symbols.Groups, g.name())
	}
}

// declareService checks the names inside the service block and gives hooks
// that know no host their scope.
func (c *Config) declareService(n *node) {
	for _, block := range []string{"file", "batch", "check", "hook"} {
		found := n.all(block)
		for i, b := range found {
			what, code := block, "E0123"
			if block == "file" {
				code = "E0406"
			}
			c.uniqueAs(b, what, found[:i], code)
		}
	}
	for _, h := range n.all("hook") {
		if at := h.attrs["at"]; at != nil && atRun(at) {
			for _, a := range h.attrs {
				if a.scope == schema.Host {
					a.scope = schema.Run
				}
			}
		}
	}
}

// atRun tells whether the moment of a hook is one of the whole run.
func atRun(at *attribute) bool {
	v, problems := at.expr.Value(nil)
	if problems.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type().FriendlyName() != "string" {
		return false
	}
	return slices.Contains([]string{"start", "batch", "finish", "failure"}, v.AsString())
}

func filter(nodes []*node, block string) []*node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n.schema.Name != block })
}

func namesOf(variables []*variable) []*node {
	var nodes []*node
	for _, v := range variables {
		nodes = append(nodes, v.node)
	}
	return nodes
}

func (c *Config) start() hcl.Range {
	return hcl.Range{Filename: c.path, Start: hcl.InitialPos, End: hcl.InitialPos}
}

func (c *Config) unique(n *node, what string, before []*node) bool {
	return c.uniqueAs(n, what, before, "E0123")
}

// uniqueAs reports a second block with the same name (and kind, where the
// block has kinds).
func (c *Config) uniqueAs(n *node, what string, before []*node, code string) bool {
	for _, b := range before {
		same := b.name() == n.name() || n.schema.Name == "file" && path.Clean(b.name()) == path.Clean(n.name())
		if !same || b.kind != n.kind {
			continue
		}
		d := c.structure.errorf(code, n.nameAt(), "Rename or remove one of the two.", "", "the %s %q is declared twice", what, n.name())
		d.Related = []diag.Related{{Range: eval.Range(b.nameAt()), Text: "the first is here"}}
		return false
	}
	return true
}

// checkReferences checks the names in every expression, evaluated or not.
func (c *Config) checkReferences() {
	for _, n := range c.nodes {
		c.checkNode(n)
	}
}

func (c *Config) checkNode(n *node) {
	for _, name := range n.order {
		a := n.attrs[name]
		if a.schema != nil && (a.schema.Type == schema.Types || a.schema.Type == schema.Services) {
			continue // its words are not names
		}
		refs, diags := eval.References(a.expr, a.scope, c.symbols)
		c.escapeShell(a, diags)
		if a.name != "values" || n.schema.Name != "environment" { // has words of its own for it
			diags = append(diags, eval.RepeatedKeys(a.expr)...)
		}
		eval.CountLoops(a.expr)
		a.refs, a.bad = refs, len(diags) > 0
		a.selects = hasSelect(a.expr)
		for _, r := range refs {
			a.perHost = a.perHost || r.Root == "host"
		}
		if a.scope == schema.Own && !a.bad {
			diags = c.checkOwn(n, a)
			a.bad = len(diags) > 0
		}
		c.structure.diags = append(c.structure.diags, diags...)
	}
	for _, b := range n.blocks {
		c.checkNode(b)
	}
}

// checkOwn checks that a validation speaks of its own variable only.
func (c *Config) checkOwn(n *node, a *attribute) diag.List {
	var diags diag.List
	for _, v := range c.variables {
		if !slices.Contains(v.node.blocks, n) {
			continue
		}
		for _, r := range a.refs {
			if r.All || r.Name != v.name {
				diags = append(diags, eval.At("E0202", r.Range, "a validation knows only its own variable", "", fmt.Sprintf("Use var.%s, or an assert block for rules between several.", v.name)))
			}
		}
	}
	return diags
}
