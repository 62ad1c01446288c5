package lang

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// The limits of a definition as a whole.
const (
	maxFiles = 1000
	maxBytes = 16 << 20
)

// Options are what a definition is checked against besides itself.
type Options struct {
	// Version of shipit, for required_version; "" and "dev" accept all.
	Version string
	// Linked tells that Link looks for the services that the definition names
	// and does not declare.
	Linked bool
	// Scheme checks a tag scheme; nil accepts all.
	Scheme func(scheme string) error
	// Signers checks a list of who may sign tags; nil accepts all.
	Signers func(text []byte) error
}

// Load reads the definition at path, slash-separated below root, and what it
// includes. The Config is never nil, because its Files are needed to show
// the diagnostics; with errors among them it cannot be evaluated.
func Load(root fs.FS, file string, o Options) (*Config, diag.List) {
	c := &Config{
		root:      root,
		path:      path.Clean(file),
		options:   o,
		schema:    schema.File(),
		files:     map[string][]byte{},
		templates: map[string]*eval.Template{},
	}
	c.structure = &structurer{source: func(file string) []byte { return c.files[file] }}
	c.file(c.path, nil, nil)
	if !c.tooOld && !c.unread {
		c.declare()
		c.checkReferences()
	}
	c.broken = c.structure.diags.Sorted()
	return c, c.broken
}

// read reads a file below the root within the limits.
func (c *Config) read(file string) ([]byte, error) {
	if text, ok := c.files[file]; ok {
		return text, nil
	}
	if !fs.ValidPath(file) || file == "." {
		return nil, errors.New("the path leads out of the repository")
	}
	info, err := fs.Stat(c.root, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case err != nil:
		return nil, errors.New("it cannot be opened, or leads out of the repository")
	case info.IsDir():
		return nil, errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > eval.MaxFile:
		return nil, fmt.Errorf("it is larger than %d KiB", eval.MaxFile>>10)
	case len(c.files) >= maxFiles:
		return nil, fmt.Errorf("the definition has more than %d files", maxFiles)
	case c.size+info.Size() > maxBytes:
		return nil, fmt.Errorf("the definition has more than %d MiB", maxBytes>>20)
	}
	text, err := fs.ReadFile(c.root, file)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	c.files[file] = text
	c.size += int64(len(text))
	return text, nil
}

// resolve turns a path of a definition into one below the root. It starts at
// the definition's directory, in included files too, so that one rule holds
// for includes, templates, known_hosts and repositories; a path that begins
// with ./ or ../ is relative to the file that says it.
func (c *Config) resolve(from, file string) string {
	switch {
	case strings.HasPrefix(file, "/"):
		return file // refused when it is read
	case strings.HasPrefix(file, "./"), strings.HasPrefix(file, "../"):
		return path.Join(path.Dir(from), file)
	}
	return path.Join(path.Dir(c.path), file)
}

// file reads one file of the definition and what it includes. Parents are
// the files that are being read, with at as the place of the include.
func (c *Config) file(name string, parents []string, at *hcl.Range) {
	s := c.structure
	place := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	if at != nil {
		place = *at
	}
	if strings.HasSuffix(name, ".json") {
		s.diags = append(s.diags, eval.NoJSON(place))
		c.unread = true
		return
	}
	raw, err := c.read(name)
	if err != nil {
		code := "E0102"
		if strings.Contains(err.Error(), "than") {
			code = "E0104"
		}
		help := ""
		if at != nil {
			help = "Paths start at the directory of the definition; ./ begins one beside the file that says it."
		}
		s.errorf(code, place, help, sentence(err), "cannot read %q", name)
		return
	}
	if i := invalidUTF8(raw); i >= 0 {
		pos := hcl.Pos{Line: bytes.Count(raw[:i], []byte("\n")) + 1, Column: i - (bytes.LastIndexByte(raw[:i], '\n') + 1) + 1, Byte: i}
		end := pos
		end.Byte, end.Column = i+1, pos.Column+1
		s.errorf("E0103", hcl.Range{Filename: name, Start: pos, End: end}, "Save the file as UTF-8.", fmt.Sprintf("The byte 0x%02x stands where no character can begin.", raw[i]), "the file is not UTF-8 text")
		return
	}
	text := bytes.ReplaceAll(bytes.TrimPrefix(raw, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	c.files[name] = text // what the ranges mean
	c.digests = append(c.digests, digest(name, raw))
	c.order = append(c.order, name)

	before := len(s.diags)
	body, diags := parse(text, name)
	if body == nil {
		s.diags = append(s.diags, diags...)
		c.unread = true
		return
	}
	if c.tooNew(body) {
		s.diags = s.diags[before:]
		c.tooOld = true
		return
	}
	s.diags = append(s.diags, diags...)
	// What the parser made of a mistake would only lead to more messages.
	c.unread = c.unread || slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return d.Code != "E0313" })
	n := &node{schema: c.schema}
	if c.unread {
		s = &structurer{source: s.source} // for the includes only
	}
	s.body(n, body, schema.Literal)
	c.nodes = append(c.nodes, n.blocks...)
	if include := n.attrs["include"]; include != nil {
		c.include(name, include, append(slices.Clone(parents), name))
	}
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// include reads the files that a file includes.
func (c *Config) include(from string, include *attribute, parents []string) {
	s := c.structure
	list, problems := hcl.ExprList(include.expr)
	if problems.HasErrors() {
		s.errorf("E0119", include.expr.Range(), `Write include = ["fleet.hcl"]`, "", "include is a list of paths")
		return
	}
	for _, e := range list {
		v, problems := e.Value(nil)
		if problems.HasErrors() || v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
			s.errorf("E0119", e.Range(), "", "It is read before any name is known, so that a reviewer sees what takes part.", "the path of an include is literal text")
			continue
		}
		file := c.resolve(from, v.AsString())
		r := e.Range()
		switch {
		case strings.HasPrefix(v.AsString(), "/") || !fs.ValidPath(file):
			s.errorf("E0119", r, "", "Only files below the root of the repository can be included.", "the path leads out of the repository")
		case slices.Contains(parents, file):
			i := slices.Index(parents, file)
			s.errorf("E0120", r, "Remove one of the includes.", "The circle is "+strings.Join(append(slices.Clone(parents[i:]), file), " → ")+".", "includes run in a circle")
		case c.included[file] != nil:
			d := s.errorf("E0120", r, "Remove one of the two.", "", "%q is included twice", file)
			d.Related = []diag.Related{{Range: eval.Range(*c.included[file]), Text: "included here before"}}
		default:
			if c.included == nil {
				c.included = map[string]*hcl.Range{}
			}
			c.included[file] = &r
			c.file(file, parents, &r)
		}
	}
}

// tooNew tells whether the definition asks for another version of shipit,
// before anything else in it can be misunderstood.
func (c *Config) tooNew(body hcl.Body) bool {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "shipit"}}})
	for _, b := range content.Blocks {
		attrs, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "required_version"}}})
		a := attrs.Attributes["required_version"]
		if a == nil {
			continue
		}
		v, problems := a.Expr.Value(nil)
		if problems.HasErrors() || v.Type() != cty.String || v.IsNull() {
			c.structure.errorf("E0121", a.Expr.Range(), `Write required_version = ">= 0.4"`, "", "required_version is literal text")
			continue
		}
		ok, err := satisfies(c.options.Version, v.AsString())
		switch {
		case err != nil:
			c.structure.errorf("E0121", a.Expr.Range(), `Write it like ">= 0.4, < 2".`, sentence(err), "not a constraint of versions")
		case !ok:
			c.structure.errorf("E0121", a.Expr.Range(), "Install a version that fits.", fmt.Sprintf("This is shipit %s.", c.options.Version), "the definition needs shipit %s", v.AsString())
			return true
		}
	}
	return false
}

// sentence makes a sentence of an error.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// hasSelect tells whether expr calls select.
func hasSelect(expr hcl.Expression) bool {
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return false
	}
	found := false
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "select" {
			found = true
		}
		return nil
	})
	return found
}
