package exec

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A listed is what go list says of a package.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// A rule is a row of the table in section 4 of the design: which packages it
// speaks of, and which of ours they may import. A nil list is "anything of
// ours"; a name stands for itself and what lies below it.
type rule struct {
	packages []string
	may      []string
	any      bool
	pure     bool
}

// importTable reads the rules from the design itself, so that there is one
// table and it is the documented one.
func importTable(t *testing.T) []rule {
	t.Helper()
	text, err := os.ReadFile("../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "| package | one line | may import (ours) |")
	if !ok {
		t.Fatal("docs/design.md has no import table any more")
	}
	var rules []rule
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if line == "" && len(rules) > 0 {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 3 || strings.HasPrefix(cells[0], "---") {
			continue
		}
		r := rule{pure: strings.Contains(cells[1], "**pure**")}
		for i, word := range strings.Split(cells[0], "`") {
			if i%2 == 1 {
				r.packages = append(r.packages, word)
			}
		}
		may := strings.TrimSpace(cells[2])
		switch may {
		case "—":
		case "all":
			r.any = true
		case "each other":
			r.may = r.packages
		case "all of exec, lang":
			r.may = []string{"exec", "lang"}
		default:
			for _, name := range strings.Split(may, ", ") {
				r.may = append(r.may, fullName(name))
			}
		}
		rules = append(rules, r)
	}
	if len(rules) < 10 {
		t.Fatalf("read only %d rows of the import table", len(rules))
	}
	return rules
}

// fullName turns the table's short names into paths below the module.
func fullName(name string) string {
	if name == "lang" || name == "examples" || strings.Contains(name, "/") {
		return name
	}
	return "exec/" + name
}

// below tells whether pkg is one of names or, for names that are families,
// lies below one.
func below(pkg string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return pkg == n || strings.HasPrefix(pkg, n+"/")
	})
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	t.Parallel()
	rules := importTable(t)
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "shipit/")
		i := slices.IndexFunc(rules, func(r rule) bool { return slices.Contains(r.packages, name) })
		if i < 0 { // a part of a package of the table
			i = slices.IndexFunc(rules, func(r rule) bool { return familyOf(name, r) })
		}
		switch {
		case i < 0 && (name == "examples" || strings.HasPrefix(name, ".ci")):
			continue // data and tools: nothing to say about layers
		case i < 0:
			t.Errorf("%s is not in the table of docs/design.md, section 4: add a row that says what it may import", name)
			continue
		}
		for _, imp := range p.Imports {
			ours, ok := strings.CutPrefix(imp, "shipit/")
			if ok && !rules[i].any && !below(ours, rules[i].may) && !familyOf(ours, rules[i]) {
				t.Errorf("%s imports %s; the table of docs/design.md, section 4, allows it %v", name, ours, rules[i].may)
			}
		}
	}
}

// familyOf tells whether imp lies below a package of the rule itself: a
// package may be split into parts of its own.
func familyOf(imp string, r rule) bool { return below(imp, r.packages) && imp != "exec" }

// impure is what a package that only computes has no use for: it could wait,
// fail or differ from one call to the next.
var impure = []string{"context", "os", "net", "sync", "log/slog"}

func TestPurePackagesTouchNeitherClockNorWorld(t *testing.T) {
	t.Parallel()
	rules := importTable(t)
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "shipit/")
		pure := below(name, []string{"lang"}) ||
			slices.ContainsFunc(rules, func(r rule) bool { return r.pure && slices.Contains(r.packages, name) })
		if !pure {
			continue
		}
		for _, imp := range p.Imports {
			if below(imp, impure) && imp != "net/url" && imp != "net/netip" { // these two only parse
				t.Errorf("%s is pure and imports %s", name, imp)
			}
		}
		for _, file := range p.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, pos := range clockCalls(f) {
				t.Errorf("%s: %s is pure and asks the clock", fset.Position(pos), name)
			}
		}
	}
}

// clockCalls finds the uses of the clock of package time, under whatever name
// the file imports it.
func clockCalls(f *ast.File) []token.Pos {
	name := ""
	for _, imp := range f.Imports {
		if path, _ := strconv.Unquote(imp.Path.Value); path == "time" {
			name = "time"
			if imp.Name != nil {
				name = imp.Name.Name
			}
		}
	}
	var found []token.Pos
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || name == "" {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name &&
			slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, sel.Sel.Name) {
			found = append(found, sel.Pos())
		}
		return true
	})
	return found
}

func TestClockCallsAreFoundUnderAnyName(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]int{
		"package p\nimport \"time\"\nvar _ = time.Now()":                        1,
		"package p\nimport clock \"time\"\nvar _ = clock.Now()":                 1,
		"package p\nimport \"time\"\nvar _ = time.Duration(1)":                  0,
		"package p\nimport \"time\"\nvar f = time.Since\nvar g = time.NewTimer": 2,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(clockCalls(f)); got != want {
			t.Errorf("%d uses of the clock found, want %d, in:\n%s", got, want, src)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		fset := token.NewFileSet()
		var said []string
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				said = append(said, f.Doc.Text())
			}
		}
		switch {
		case len(p.GoFiles) == 0:
		case len(said) != 1:
			t.Errorf("%s has %d package comments, want one", p.ImportPath, len(said))
		case !strings.HasPrefix(said[0], "Package ") && !strings.HasPrefix(said[0], "Command ") && !strings.HasPrefix(said[0], "Shipit "):
			t.Errorf("%s: its package comment begins %.40q, want \"Package …\" or \"Command …\"", p.ImportPath, said[0])
		}
	}
}
