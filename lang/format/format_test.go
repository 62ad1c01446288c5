package format_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"shipit/lang/format"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each golden has files "in" and "want". In them, <CR> stands for a carriage
// return, <TAB> for a tab and <SP> for a space at the end of a line.
func TestFormatGolden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../testdata/format/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) < 2 || archive.Files[0].Name != "in" || archive.Files[1].Name != "want" {
				t.Fatal("want the files in and want")
			}
			got, diags := format.Format(visible.unquote(archive.Files[0].Data), "in.hcl")
			if len(diags) > 0 {
				t.Fatalf("%+v", diags)
			}
			if *update {
				archive.Files[1].Data = visible.quote(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(visible.unquote(archive.Files[1].Data)), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// names stand for characters that editors and git like to change.
type names [][2]string

var visible = names{{"<CR>", "\r"}, {"<TAB>", "\t"}, {"<SP>", " "}}

func (n names) unquote(text []byte) []byte {
	for _, pair := range n {
		text = bytes.ReplaceAll(text, []byte(pair[0]), []byte(pair[1]))
	}
	return text
}

func (n names) quote(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte(" \n"), []byte("<SP>\n"))
	for _, pair := range n[:2] {
		text = bytes.ReplaceAll(text, []byte(pair[1]), []byte(pair[0]))
	}
	return text
}

// definitions are the HCL files of the examples and tests of this repository.
func definitions(t testing.TB) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, root := range []string{"../../examples", "../../testdata/format"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			src, err := os.ReadFile(path)
			switch filepath.Ext(path) {
			case ".hcl":
				found[path] = src
			case ".txtar":
				for _, f := range txtar.Parse(src).Files {
					found[path+":"+f.Name] = visible.unquote(f.Data)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestExamplesAreCanonical(t *testing.T) {
	t.Parallel()
	count := 0
	for path, src := range definitions(t) {
		if filepath.Ext(path) != ".hcl" {
			continue
		}
		count++
		got, diags := format.Format(src, path)
		if len(diags) > 0 {
			t.Errorf("%s: %+v", path, diags)
		} else if diff := format.Diff(path, src, got); diff != "" {
			t.Error(diff)
		}
	}
	if count < 2 {
		t.Errorf("only %d examples", count)
	}
}

func TestJSONIsNotFormatted(t *testing.T) {
	t.Parallel()
	if got, diags := format.Format([]byte(`{"a": 1}`), "a.hcl.json"); got != nil || len(diags) != 1 || diags[0].Code != "E0134" {
		t.Errorf("got %q, %+v", got, diags)
	}
}

func TestBrokenFilesAreNotFormatted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, src, code, summary string }{
		{"no value", "a =\n", "E0127", "a value is missing"},
		{"colon", "service \"a\" {\n  hosts: []\n}\n", "E0108", "not with"},
		{"not UTF-8", "a = \"\xff\"\n", "E0103", "UTF-8"},
		{"not UTF-8 outside of strings", "g = \xe8ee\xe8 \n", "E0103", "UTF-8"},
		{"a carriage return alone", "a = 1\rb = 2\n", "E0126", ""},
		{"deep", "a = " + strings.Repeat("(", 100_000), "E0105", "nested too deeply"},
		{"long", "a = 1" + strings.Repeat("+1", 40_000), "E0106", "too long"},
		{"large", "a = 1\n" + strings.Repeat("#", 1<<20), "E0104", "too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, diags := format.Format([]byte(tt.src), "a.hcl")
			if got != nil || len(diags) == 0 {
				t.Fatalf("got %q, %+v", got, diags)
			}
			d := diags[0]
			if d.Code != tt.code || !strings.Contains(d.Summary, tt.summary) || d.Subject.File != "a.hcl" || d.Subject.Start.Line < 1 {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// What is wrong is shown in the file as it is, not as it would be.
func TestBrokenFilesKeepTheirPositions(t *testing.T) {
	t.Parallel()
	const src = "\ufeffa = 1\r\n\r\nb = }\r\n"
	_, diags := format.Format([]byte(src), "a.hcl")
	if len(diags) == 0 {
		t.Fatal("no diagnostics")
	}
	if at := diags[0].Subject.Start; at.Line != 3 || src[at.Byte] != '}' {
		t.Errorf("got %+v", at)
	}
}

func TestByteOrderMarksGo(t *testing.T) {
	t.Parallel()
	if got, diags := format.Format([]byte("\ufeffa=1"), "a.hcl"); string(got) != "a = 1\n" || len(diags) > 0 {
		t.Errorf("got %q, %+v", got, diags)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	const want = `--- a/x.hcl
+++ b/x.hcl
@@ -1,2 +1,2 @@
 a = 1
-b=2
+b = 2
`
	if diff := cmp.Diff(want, format.Diff("x.hcl", []byte("a = 1\nb=2\n"), []byte("a = 1\nb = 2\n"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := format.Diff("x.hcl", []byte("a"), []byte("a")); got != "" {
		t.Errorf("of the same: %q", got)
	}
}

// checkFormat holds whatever src is: it formats without an internal
// disagreement, what it makes is canonical, and canonical stays.
func checkFormat(t interface {
	Helper()
	Fatalf(string, ...any)
}, src []byte,
) {
	t.Helper()
	once, diags := format.Format(src, "x.hcl")
	if len(diags) > 0 {
		if diags[0].Code == "E0199" {
			t.Fatalf("%q: %+v", src, diags[0])
		}
		return
	}
	twice, diags := format.Format(once, "x.hcl")
	if len(diags) > 0 {
		t.Fatalf("%q was formatted as %q, which is broken: %+v", src, once, diags)
	}
	if !bytes.Equal(once, twice) {
		t.Fatalf("%q was formatted as %q, and that as %q", src, once, twice)
	}
	if len(once) > 0 && (once[0] == '\n' || !bytes.HasSuffix(once, []byte("\n"))) {
		t.Fatalf("%q was formatted as %q", src, once)
	}
}

func TestFormatHoldsOnMutatedDefinitions(t *testing.T) {
	t.Parallel()
	var corpus [][]byte
	for _, src := range definitions(t) {
		corpus = append(corpus, src)
	}
	pieces := []string{"\n", "\n\n\n", " ", "\t", "  # c\n", "// c \n", "/* c\n\n */", "\r\n", "{", "}", "[\n", "\n]", "<<EOT\n x \n\n EOT\n", "${", "\"", "=", "a = b\n", ","}
	rapid.Check(t, func(t *rapid.T) {
		src := string(rapid.SampledFrom(corpus).Draw(t, "src"))
		for range rapid.IntRange(0, 5).Draw(t, "edits") {
			i := rapid.IntRange(0, len(src)).Draw(t, "at")
			src = src[:i] + rapid.SampledFrom(pieces).Draw(t, "piece") + src[i:]
		}
		checkFormat(t, []byte(src))
	})
}

func FuzzFormat(f *testing.F) {
	for _, src := range definitions(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) { checkFormat(t, src) })
}
