package lang_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"shipit/lang"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// TestEveryExampleOfTheLanguageIsValid puts the example of each block, kind
// and attribute into a definition.
func TestEveryExampleOfTheLanguageIsValid(t *testing.T) {
	t.Parallel()
	for _, topic := range lang.Topics() {
		x, err := lang.Explain(topic)
		if err != nil {
			t.Errorf("%s: %v", topic, err)
			continue
		}
		if x.Example == nil {
			continue // a function
		}
		name := topic[strings.LastIndexByte(topic, '.')+1:]
		if !strings.Contains(x.Example.Text, name) {
			t.Errorf("%s is not in its example:\n%s", topic, x.Example.Text)
		}
		e := *x.Example
		if strings.HasSuffix(e.File, ".test.hcl") {
			if _, diags := lang.LoadScenarios(fstest.MapFS{e.File: {Data: []byte(e.Text)}}, e.File); len(diags) > 0 {
				t.Errorf("%s:\n%s\n%s", topic, e.Text, show(diags))
			}
			continue
		}
		examples := []lang.Example{e}
		has := func(text string) bool { return strings.Contains(e.Text, text) }
		add := func(text string, in bool) { examples = append(examples, lang.Example{Text: text, InService: in}) }
		if !has(`variable "workers"`) {
			add("variable \"workers\" {\n  default = 4\n}\n", false)
		}
		if !has("service \"") {
			if !has("\ncheck ") && !strings.HasPrefix(e.Text, "check ") {
				add("check \"tcp\" \"soaked\" {\n  port = 80\n}\n", true)
			} else {
				add("user = \"deploy\"\n", true)
			}
		}
		if has("service.database") {
			add("service \"database\" {\n  hosts = hosts.web\n  release {\n    repo   = \"d.git\"\n    scheme = \"v{semver}\"\n  }\n  transport \"push\" {\n    path = \"srv/database\"\n  }\n  restart \"none\" {}\n}\n", false)
		}
		files := assemble(examples)
		for file, text := range map[string]string{"shared/fleet.hcl": "# The fleet.\n", "ssh/known_hosts": "", "hosts.txt": "web1\n", "inventory.json": `{"web": ["web1"]}`, "release.signers": "ada@example.org ssh-ed25519 AAAA\n"} {
			files[file] = &fstest.MapFile{Data: []byte(text)}
		}
		c, diags := lang.Load(files, "main.hcl", lang.Options{Version: "0.4.0"})
		diags = append(slices.Clone(diags), c.Validate(nil)...)
		if diags.HasErrors() {
			t.Errorf("%s:\n%s\n%s", topic, files["main.hcl"].Data, show(diags))
		}
	}
}

func TestExplainFindsPaths(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string][]string{
		"service.batch.size":        {"service.batch.size\n", "a share of them", "not set", "Exactly one of hosts, size, ramp is set", "var, local, hosts, env, service", "size = \"25%\""},
		"batch.size":                {"service.batch.size\n"},
		"service.check.http.status": {"default  200", "100 to 599", "check \"http\" \"front\""},
		"check.http.within":         {"service.check.within\n"},
		"service.check":             {"A block.", "Kinds:", "prometheus|command", "within"},
		"check.http":                {"A kind of check.", "url", "within"},
		"include":                   {"the top level of a file", "none, it is literal"},
		"variable.validation":       {"variable \"workers\"", "validation {"},
		"rollback.to":               {"last_good, previous"},
		"file.content":              {"may depend on a sensitive variable"},
		"expand":                    {"expand(\"web[01-20].example.org\")"},
		"expand()":                  {"A function"},
		"E0107":                     {"a number is too large", "1e20000000"},
		"e0107":                     {"E0107: "},
	} {
		x, err := lang.Explain(topic)
		if err != nil {
			t.Errorf("%s: %v", topic, err)
			continue
		}
		for _, w := range want {
			found := false
			for _, alternative := range strings.Split(w, "|") {
				found = found || strings.Contains(x.Text, alternative)
			}
			if !found {
				t.Errorf("%s: no %q in\n%s", topic, w, x.Text)
			}
		}
	}
}

func TestExplainCorrectsTypos(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"service.btach.size":        "did you mean service.batch.size?",
		"service.batch.sise":        "did you mean service.batch.size?",
		"servise.batch.size":        "did you mean service.batch.size?",
		"service.check.htpp.status": "did you mean service.check.http.status?",
		"btach":                     "did you mean batch?",
		"expnd":                     "did you mean expand?",
		"service.batch.zzzzzz":      "There are \"hosts\", \"size\"",
		"zzzzzz":                    "`shipit schema` lists the blocks",
		"E0999":                     "docs/language.md lists all codes",
		"":                          "`shipit schema` lists the blocks",
		"within":                    "Which one?",
	} {
		_, err := lang.Explain(topic)
		var e *lang.TopicError
		if !errors.As(err, &e) || !strings.Contains(e.Help(), want) {
			t.Errorf("%q: %v, help %q; want %q", topic, err, helpOf(e), want)
		}
	}
}

func helpOf(e *lang.TopicError) string {
	if e == nil {
		return ""
	}
	return e.Help()
}

func TestTopicsAreUniqueAndComplete(t *testing.T) {
	t.Parallel()
	topics := lang.Topics()
	for i, topic := range topics {
		if topic == "" || slices.Contains(topics[:i], topic) {
			t.Errorf("the topic %q stands twice", topic)
		}
	}
	for _, want := range append([]string{"service", "hosts.host.ssh.jump", "service.transport.git.origin"}, eval.FunctionNames()...) {
		if !slices.Contains(topics, want) {
			t.Errorf("no topic %q", want)
		}
	}
}

func TestOverviewNamesEveryBlock(t *testing.T) {
	t.Parallel()
	text := lang.Overview()
	var walk func(b *schema.Block)
	walk = func(b *schema.Block) {
		if !strings.Contains(text, b.Name) {
			t.Errorf("%s is not there", b.Name)
		}
		for _, c := range b.Blocks {
			walk(c)
		}
	}
	walk(schema.File())
	walk(schema.Scenarios())
	for line := range strings.Lines(text) {
		if len(line) > 180 {
			t.Errorf("a long line: %s", line)
		}
	}
}
