package lang_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/lang"
)

// declared is a definition of services, each written "NAME" or
// "NAME after A B".
func declared(services ...string) string {
	text := "hosts \"web\" {\n  names = [\"web1\"]\n}\n"
	for _, s := range services {
		name, rest, _ := strings.Cut(s, " after ")
		after := ""
		if rest != "" {
			after = "\n  after = [service." + strings.Join(strings.Fields(rest), ", service.") + "]"
		}
		text += fmt.Sprintf("service %q {\n  hosts = hosts.web%s\n  release {\n    repo   = \"r.git\"\n    scheme = \"v{semver}\"\n  }\n"+
			"  transport \"push\" {\n    path = \"srv/%s\"\n  }\n  restart \"none\" {}\n}\n", name, after, name)
	}
	return text
}

// link loads definitions a.hcl, b.hcl … and links them; what Load says is
// told too.
func link(texts ...string) (order []string, said string) {
	files := fstest.MapFS{}
	var configs []*lang.Config
	for i, text := range texts {
		name := string(rune('a'+i)) + ".hcl"
		files[name] = &fstest.MapFile{Data: []byte(text)}
		c, diags := lang.Load(files, name, lang.Options{Linked: true})
		said += show(diags)
		configs = append(configs, c)
	}
	linked, diags := lang.Link(configs)
	for _, l := range linked {
		order = append(order, fmt.Sprintf("%c:%s", 'a'+l.Config, l.Service))
	}
	return order, said + show(diags)
}

func TestDefinitionsAreLinked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		texts []string
		order string
		said  []string // what stands in the messages; none is silence
	}{
		{"in their order without after", []string{declared("z", "y"), declared("x")}, "a:z a:y b:x", nil},
		{"behind a service of a later file", []string{declared("web after db"), declared("db")}, "b:db a:web", nil},
		{"over three files", []string{declared("a after b"), declared("b after c"), declared("c", "d after a")}, "c:c b:b a:a c:d", nil},
		{
			"unknown",
			[]string{declared("web after dbb"), declared("db")},
			"a:web b:db",
			[]string{"E0213 a.hcl:6:12-23: there is no service \"dbb\"", "Did you mean \"db\"?"},
		},
		{
			"twice",
			[]string{declared("web"), declared("db", "web")},
			"a:web b:db",
			[]string{"E0123 b.hcl:15:9-14: the service \"web\" is declared in two definitions", "related: a.hcl:4:9"},
		},
		{
			"a circle over files",
			[]string{declared("a after b"), declared("b after c"), declared("c after a")},
			"a:a b:b c:c",
			[]string{"E0417 a.hcl:6:12-21", "a → b → c → a", "related: b.hcl:6:12 b comes after c", "related: c.hcl:6:12 c comes after a"},
		},
		{
			"a circle in one file is told once",
			[]string{declared("a after b", "b after a"), declared("c")},
			"b:c a:a a:b",
			[]string{"E0417 a.hcl:6:12-21"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			order, said := link(tt.texts...)
			if diff := cmp.Diff(tt.order, strings.Join(order, " ")); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
			for _, want := range tt.said {
				if !strings.Contains(said, want) {
					t.Errorf("lacks %q:\n%s", want, said)
				}
			}
			if (len(tt.said) == 0) != (said == "") || strings.Contains(said, "\nE0") { // one message at most
				t.Errorf("says:\n%s", said)
			}
		})
	}
}

func TestServicesComeBehindWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "services")
		rank := rapid.Permutation(seq(n)).Draw(t, "rank") // waits lead to lower ranks: no circle
		texts := make([][]string, rapid.IntRange(1, 3).Draw(t, "files"))
		after := map[string][]string{}
		for i := range n {
			name, rest := fmt.Sprintf("s%d", i), ""
			for j := range n {
				if rank[j] < rank[i] && rapid.Bool().Draw(t, "waits") {
					after[name] = append(after[name], fmt.Sprintf("s%d", j))
				}
			}
			if len(after[name]) > 0 {
				rest = " after " + strings.Join(after[name], " ")
			}
			f := rapid.IntRange(0, len(texts)-1).Draw(t, "file")
			texts[f] = append(texts[f], name+rest)
		}
		var files []string
		for _, services := range texts {
			files = append(files, declared(services...))
		}
		order, _ := link(files...)
		var names []string
		for _, o := range order {
			names = append(names, o[2:])
		}
		if len(names) != n {
			t.Fatalf("%d services became %v", n, order)
		}
		for i, name := range names {
			for _, first := range after[name] {
				if slices.Index(names, first) > i {
					t.Errorf("%s stands before %s in %v", name, first, names)
				}
			}
		}
	})
}

func seq(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
