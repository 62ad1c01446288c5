// Package schema describes the language as data: every block, kind and
// attribute with its type, default and meaning. Decoding, the reference
// documentation, completion and `shipit schema` all read this one table.
package schema

// A Type says how the value of an attribute is written and checked.
type Type string

// The types of attributes.
const (
	String   Type = "string"
	Bool     Type = "bool"
	Number   Type = "whole number"
	Duration Type = "duration"        // "30s", "5m"
	Size     Type = "size"            // 4 or "25%"
	Sizes    Type = "list of sizes"   // [1, "10%"]
	Decimal  Type = "number"          // 0.05
	Statuses Type = "HTTP status"     // 200, "2xx", or a list of these
	Mode     Type = "mode"            // "0640"
	Strings  Type = "list of strings" // also a tuple
	Words    Type = "string or list of strings"
	Labels   Type = "map of strings"
	Hosts    Type = "list of hosts"
	Services Type = "list of services" // service.NAME each, never computed
	Command  Type = "command"          // argv: a list of strings, not empty
	Types    Type = "type"             // string, list(number) …
	Any      Type = "any value"
	Values   Type = "object" // keys are names of variables

	WordLists Type = "map of strings or lists of strings"
	Lists     Type = "list of lists of strings"
)

// A Scope is the set of names that an expression may use.
type Scope string

// The scopes, from the narrowest to the widest.
const (
	// Inherit takes the scope of the enclosing block.
	Inherit Scope = ""
	// Constant allows functions only.
	Constant Scope = "constant"
	// Literal allows neither names nor functions.
	Literal Scope = "literal"
	// Own allows var, of the variable that is being declared.
	Own Scope = "own"
	// Fleet allows var and local.
	Fleet Scope = "fleet"
	// Top allows var, local and hosts.
	Top Scope = "top"
	// Env allows env as well.
	Env Scope = "env"
	// Service allows service as well.
	Service Scope = "service"
	// Run allows release as well.
	Run Scope = "run"
	// Host allows host as well.
	Host Scope = "host"
)

// Names are the roots that s allows, in the order in which they are listed.
func (s Scope) Names() []string {
	switch s {
	case Own:
		return []string{"var"}
	case Fleet:
		return []string{"var", "local"}
	case Top:
		return []string{"var", "local", "hosts"}
	case Env:
		return []string{"var", "local", "hosts", "env"}
	case Service:
		return []string{"var", "local", "hosts", "env", "service"}
	case Run:
		return []string{"var", "local", "hosts", "env", "service", "release"}
	case Host:
		return []string{"var", "local", "hosts", "env", "service", "release", "host"}
	default:
		return nil
	}
}

// Roots are the attributes of the names whose attributes are fixed.
func Roots() map[string][]string {
	return map[string][]string{
		"env":     {"name", "hosts", "protected"},
		"service": {"name", "hosts", "user"},
		"release": {"tag", "commit", "date", "n"},
		"host":    {"name", "address", "port", "labels"},
	}
}

// An Attr is an attribute of a block or kind.
type Attr struct {
	Name     string
	Type     Type
	Required bool
	Default  string // as it would be written; "" is none
	Doc      string
	Scope    Scope
	OneOf    []string // the allowed words; of a list, of each element
	Form     Form     // what the text must look like
	Keys     Form     // of a map: what its keys must look like
	Min, Max int64    // of a number; both 0: no bounds
	With     []string // attributes without which it says nothing
	Secret   bool     // whether a sensitive value may be used
}

// A Kind is one of the schemas that the first label of a block selects.
type Kind struct {
	Name       string
	Doc        string
	Attrs      []Attr
	ExactlyOne [][]string // groups of attributes of which one must be set
	AtMostOne  [][]string
}

// A Label is a label of a block.
type Label struct {
	Name string
	Form Form
}

// A Block is a block of the language. Where it has Kinds, its first label
// names one of them, and the body holds Attrs and those of the kind.
type Block struct {
	Name       string
	Labels     []Label // after the kind
	Doc        string
	Scope      Scope
	Attrs      []Attr
	Blocks     []*Block
	Kinds      []Kind
	Min, Max   int // how often the block may stand in its parent; Max 0: any number
	ExactlyOne [][]string
	AtMostOne  [][]string
	Free       bool // any attribute is allowed: locals
	// Elsewhere says of arguments that people may look for here where they
	// stand.
	Elsewhere map[string]string
}

// Kind returns the kind of b with that name, or nil.
func (b *Block) Kind(name string) *Kind {
	for i := range b.Kinds {
		if b.Kinds[i].Name == name {
			return &b.Kinds[i]
		}
	}
	return nil
}

// KindNames are the names of b's kinds in order.
func (b *Block) KindNames() []string {
	var names []string
	for _, k := range b.Kinds {
		names = append(names, k.Name)
	}
	return names
}

// Child returns the block of that name inside b, or nil.
func (b *Block) Child(name string) *Block {
	for _, c := range b.Blocks {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Reserved are the words that are kept for later: each is refused with its
// own message.
func Reserved() []string {
	return []string{"count", "for_each", "dynamic", "module", "depends_on", "provider", "workspace", "test", "import"}
}
