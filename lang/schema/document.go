package schema

// A Document is the whole table for programs. Its format goes from 1.0 to 1.1
// when a field is added, and to 2.0 when one changes.
type Document struct {
	Format string   `json:"format"`
	File   BlockDoc `json:"file"` // the top level
	// Scenarios is the top level of a scenario file.
	Scenarios BlockDoc            `json:"scenarios"`
	Types     []TypeDoc           `json:"types"`
	Names     map[string][]string `json:"names"` // attributes of the names that are not declared
	Reserved  []string            `json:"reserved_words"`
}

// A TypeDoc says how values of a type are written.
type TypeDoc struct {
	Name    Type   `json:"name"`
	Doc     string `json:"doc"`
	Example string `json:"example"`
}

// A BlockDoc is a block for programs.
type BlockDoc struct {
	Name       string     `json:"name,omitempty"`
	Doc        string     `json:"doc"`
	Labels     []LabelDoc `json:"labels,omitempty"` // with the kind
	Scope      []string   `json:"scope"`            // the names that its expressions may use
	Min        int        `json:"min"`
	Max        int        `json:"max,omitempty"` // left out: any number
	Free       bool       `json:"any_attribute,omitempty"`
	Attrs      []AttrDoc  `json:"attributes,omitempty"`
	ExactlyOne [][]string `json:"exactly_one,omitempty"`
	AtMostOne  [][]string `json:"at_most_one,omitempty"`
	Kinds      []KindDoc  `json:"kinds,omitempty"`
	Blocks     []BlockDoc `json:"blocks,omitempty"`
}

// A LabelDoc is a label for programs.
type LabelDoc struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern,omitempty"`
}

// A KindDoc is a kind for programs.
type KindDoc struct {
	Name       string     `json:"name"`
	Doc        string     `json:"doc"`
	Attrs      []AttrDoc  `json:"attributes,omitempty"`
	ExactlyOne [][]string `json:"exactly_one,omitempty"`
	AtMostOne  [][]string `json:"at_most_one,omitempty"`
}

// An AttrDoc is an attribute for programs.
type AttrDoc struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"` // as it would be written
	Doc      string   `json:"doc"`
	Scope    []string `json:"scope"`
	OneOf    []string `json:"one_of,omitempty"`
	Pattern  string   `json:"pattern,omitempty"`
	Min      int64    `json:"min,omitempty"`
	Max      int64    `json:"max,omitempty"`
	Secret   bool     `json:"may_be_sensitive,omitempty"`
	Example  string   `json:"example"`
}

// Describe is the table for programs.
func Describe() Document {
	return Document{Format: "1.1", File: describe(File(), Literal), Scenarios: describe(Scenarios(), Constant), Types: TypeDocs(), Names: Roots(), Reserved: Reserved()}
}

// TypeDocs are all types with how their values are written.
func TypeDocs() []TypeDoc {
	return []TypeDoc{
		{String, "Text in quotes, with ${…} for expressions.", `"text"`},
		{Bool, "true or false, without quotes.", "true"},
		{Number, "A whole number, without quotes.", "8080"},
		{Duration, "A number with a unit, ms, s, m or h, or several in a row.", `"1h30m"`},
		{Size, "A number of hosts, or a share of them, rounded up.", `"25%"`},
		{Sizes, "Numbers of hosts, or shares of them, one after the other.", `[1, "10%"]`},
		{Decimal, "A number, also with a fraction.", "0.05"},
		{Statuses, "A status of HTTP from 100 to 599, a class of them like \"2xx\", or a list of both.", `[200, "3xx"]`},
		{Mode, "Four octal digits in quotes.", `"0640"`},
		{Strings, "A list of texts.", `["a", "b"]`},
		{Words, "A text, or a list of texts.", `"a"`},
		{Labels, "Texts by name.", `{ dc = "ams" }`},
		{Hosts, "Each by its block, by its name, or as a choice among them.", `select(hosts.web, { dc = "ams" })`},
		{Services, "A list of services, each written out.", "[service.database]"},
		{Command, "A program and its arguments; no shell takes them apart.", `["systemctl", "reload", "nginx"]`},
		{Types, "The type of a variable.", "list(string)"},
		{Any, "Any value.", `["a", 1]`},
		{Values, "Values by the names of declared variables.", "{ workers = 8 }"},
		{WordLists, "By name, a text or a list of texts.", `{ restart = ["web[01-02].example.org"] }`},
		{Lists, "A list of lists of texts.", `[["web01.example.org"], ["web[02-03].example.org"]]`},
	}
}

func describe(b *Block, scope Scope) BlockDoc {
	if b.Scope != Inherit {
		scope = b.Scope
	}
	d := BlockDoc{
		Name: b.Name, Doc: b.Doc, Scope: names(scope), Min: b.Min, Max: b.Max, Free: b.Free,
		Attrs: describeAttrs(b.Name, b.Attrs, scope), ExactlyOne: b.ExactlyOne, AtMostOne: b.AtMostOne,
	}
	if len(b.Kinds) > 0 {
		d.Labels = append(d.Labels, LabelDoc{Name: "kind"})
	}
	for _, l := range b.Labels {
		d.Labels = append(d.Labels, LabelDoc{l.Name, l.Form.Pattern()})
	}
	for _, k := range b.Kinds {
		d.Kinds = append(d.Kinds, KindDoc{k.Name, k.Doc, describeAttrs(b.Name, k.Attrs, scope), k.ExactlyOne, k.AtMostOne})
	}
	for _, c := range b.Blocks {
		d.Blocks = append(d.Blocks, describe(c, scope))
	}
	return d
}

func describeAttrs(block string, attrs []Attr, scope Scope) []AttrDoc {
	var list []AttrDoc
	for _, a := range attrs {
		own := scope
		if a.Scope != Inherit {
			own = a.Scope
		}
		list = append(list, AttrDoc{
			Name: a.Name, Type: a.Type, Required: a.Required, Default: a.Default, Doc: a.Doc, Scope: names(own),
			OneOf: a.OneOf, Pattern: a.Form.Pattern(), Min: a.Min, Max: a.Max, Secret: a.Secret, Example: a.Sample(block),
		})
	}
	return list
}

// names is never nil: no name is an answer, too.
func names(s Scope) []string { return append([]string{}, s.Names()...) }

// Pattern is the regular expression of a form, "" where it has none.
func (f Form) Pattern() string {
	if r, ok := rules[f]; ok {
		return r.pattern.String()
	}
	return ""
}
