package lang

import (
	"io/fs"
	"path"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A Scenario is one run to be played on a simulated fleet, as a scenario file
// says it: patterns of hosts and ids of steps are not looked up yet.
type Scenario struct {
	Name    string
	Env     Text
	Service Text
	Release Text
	Fleet   []Pick // hosts → tag; "" is none
	Values  []Assignment
	// ValuesAt is where Values stand.
	ValuesAt diag.Range

	Limit, Without []Text
	BatchSize      Size

	Faults      []Fault
	Unreachable []Text
	Slow        []Slow
	Kill        *Interruption // Then: "apply", "resume", "rollback" or "nothing"
	Abort       *Interruption // Then: "leave", "rollback" or "continue"
	Confirm     string        // "continue" or "stop"

	Expect Expectation
	Range  diag.Range
}

// A Text is a word of a scenario with its place.
type Text struct {
	Text  string
	Range diag.Range
}

// A Pick gives a value to the hosts that a pattern means.
type Pick struct {
	Pattern Text
	Value   Text
}

// A Slow is hosts on which every step takes longer.
type Slow struct {
	Pattern Text
	Extra   Duration
}

// A Fault is a step that goes wrong on hosts.
type Fault struct {
	Step       Text
	Hosts      []Text
	How        string // "fail", "hang", "cut", "vanish" or "slow"
	Times      int    // 0: as is usual for How
	Passes     int
	OnRollback bool
	Extra      Duration
}

// An Interruption is something that happens to the run as a host begins a
// step.
type Interruption struct {
	At    Text
	Hosts []Text
	Then  string
	Range diag.Range
}

// An Expectation is what must come of a scenario. What is nil is not looked
// at.
type Expectation struct {
	Outcome *Text
	Exit    *Number
	Touched *Texts
	Release []Pick
	Batches *Groups
	MostOut *Number
	Out     *Texts
	Reason  *Text
	Within  *Limit
	Range   diag.Range
}

// A Number of an expectation with its place.
type Number struct {
	N     int
	Range diag.Range
}

// Texts of an expectation with their place.
type Texts struct {
	List  []Text
	Range diag.Range
}

// Groups of hosts of an expectation with their place.
type Groups struct {
	List  [][]Text
	Range diag.Range
}

// A Limit of an expectation with its place.
type Limit struct {
	Most  Duration
	Range diag.Range
}

// Scenarios are those of one file.
type Scenarios struct {
	List []Scenario
	cfg  *Config
}

// Files are the bytes of the file, by its path, for snippets in messages.
func (s *Scenarios) Files() map[string][]byte { return s.cfg.Files() }

// LoadScenarios reads the scenario file at path, slash-separated below root,
// within the limits of definitions. The Scenarios are never nil, because
// their Files are needed to show the diagnostics.
func LoadScenarios(root fs.FS, file string) (*Scenarios, diag.List) {
	c := &Config{
		root:      root,
		path:      path.Clean(file),
		schema:    schema.Scenarios(),
		files:     map[string][]byte{},
		templates: map[string]*eval.Template{},
		defaults:  map[*schema.Attr]any{},
	}
	c.structure = &structurer{source: func(file string) []byte { return c.files[file] }}
	c.file(c.path, nil, nil)
	s := &Scenarios{cfg: c}
	if c.unread {
		return s, c.structure.diags.Sorted()
	}
	c.symbols = eval.Symbols{Functions: eval.FunctionNames()}
	for i, n := range c.nodes {
		c.unique(n, "scenario", c.nodes[:i])
	}
	c.checkReferences()
	r := &scenarioReader{evaluator: c.evaluator("", nil)}
	for _, n := range c.nodes {
		s.List = append(s.List, r.scenario(n))
	}
	return s, append(c.structure.diags, consolidate(r.diags, 1, nil)...).Sorted()
}
