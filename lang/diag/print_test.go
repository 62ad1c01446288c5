package diag_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"shipit/lang/diag"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each golden has source files, "diagnostics" whose subjects and related
// places may be given as "file:text", perhaps "options", and what is printed
// in "want".
func TestPrintGolden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../testdata/diag/*.txtar")
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
			p, list, want := readGolden(t, archive)
			var got bytes.Buffer
			if err := p.Print(&got, list); err != nil {
				t.Fatal(err)
			}
			shown := strings.ReplaceAll(got.String(), "\x1b", "<ESC>")
			if *update {
				want.Data = []byte(shown)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want.Data), shown); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func readGolden(t *testing.T, archive *txtar.Archive) (p diag.Printer, list diag.List, want *txtar.File) {
	t.Helper()
	p.Sources = map[string][]byte{}
	var written []struct {
		diag.Diagnostic
		Subject string                      `json:"subject"`
		Related []struct{ At, Text string } `json:"related"`
	}
	for i := range archive.Files {
		switch f := &archive.Files[i]; f.Name {
		case "options":
			p.Color = bytes.Contains(f.Data, []byte("color"))
			if bytes.Contains(f.Data, []byte("width=")) {
				_, width, _ := strings.Cut(string(f.Data), "width=")
				if err := json.Unmarshal([]byte(strings.Fields(width)[0]), &p.Width); err != nil {
					t.Fatal(err)
				}
			}
		case "diagnostics":
			if err := json.Unmarshal(f.Data, &written); err != nil {
				t.Fatal(err)
			}
		case "want":
			want = f
		default:
			p.Sources[f.Name] = f.Data
		}
	}
	if want == nil {
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
		want = &archive.Files[len(archive.Files)-1]
	}
	for _, w := range written {
		d := w.Diagnostic
		if w.Subject != "" {
			d.Subject = find(t, p.Sources, w.Subject)
		}
		d.Related = nil
		for _, r := range w.Related {
			d.Related = append(d.Related, diag.Related{Range: find(t, p.Sources, r.At), Text: r.Text})
		}
		list = append(list, d)
	}
	return p, list, want
}

// find is the range of the first occurrence of the text in "file:text".
func find(t *testing.T, sources map[string][]byte, at string) diag.Range {
	t.Helper()
	if at == "" {
		return diag.Range{}
	}
	file, text, _ := strings.Cut(at, ":")
	before, _, ok := strings.Cut(string(sources[file]), text)
	if !ok {
		t.Fatalf("%s has no %q", file, text)
	}
	pos := func(s string) diag.Pos {
		line := s[strings.LastIndex(s, "\n")+1:]
		return diag.Pos{Line: strings.Count(s, "\n") + 1, Column: utf8.RuneCountInString(line) + 1, Byte: len(s)}
	}
	return diag.Range{File: file, Start: pos(before), End: pos(before + text)}
}

func TestPrintTellsThatItCouldNotWrite(t *testing.T) {
	t.Parallel()
	if err := (diag.Printer{}).Print(fullDisk{}, diag.List{{Summary: "x"}}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("no space left")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// Whatever ranges and texts say, printing ends, is clean, and the underline
// stays within the width.
func TestPrintHoldsOnAnyRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOf(rapid.SampledFrom([]byte("ab \t\n\r\x1b\xff\xe6\x97\xa5"))).Draw(t, "src")
		pos := func(name string) diag.Pos {
			return diag.Pos{
				Line:   rapid.IntRange(-1, 5).Draw(t, name+" line"),
				Column: rapid.IntRange(-1, 30).Draw(t, name+" column"),
				Byte:   rapid.IntRange(-1, 30).Draw(t, name+" byte"),
			}
		}
		p := diag.Printer{Sources: map[string][]byte{"f": src}, Width: rapid.IntRange(0, 30).Draw(t, "width")}
		d := diag.Diagnostic{Summary: rapid.String().Draw(t, "summary"), Subject: diag.Range{File: "f", Start: pos("start"), End: pos("end")}}
		var b strings.Builder
		if err := p.Print(&b, diag.List{d}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); diag.Clean(got) != got || !utf8.ValidString(got) {
			t.Fatalf("not clean: %q", got)
		}
	})
}

func TestSortedAndCount(t *testing.T) {
	t.Parallel()
	at := func(file string, line, column int) diag.Range {
		return diag.Range{File: file, Start: diag.Pos{Line: line, Column: column}}
	}
	want := diag.List{
		{Severity: diag.Error, Code: "E9", Summary: "nowhere"},
		{Severity: diag.Error, Code: "E2", Subject: at("a", 2, 9)},
		{Severity: diag.Error, Code: "E1", Subject: at("a", 10, 1), Summary: "a"},
		{Severity: diag.Error, Code: "E1", Subject: at("a", 10, 1), Summary: "b", Hosts: []string{"h1"}},
		{Severity: diag.Error, Code: "E1", Subject: at("a", 10, 1), Summary: "b", Hosts: []string{"h2"}},
		{Severity: diag.Error, Code: "E3", Subject: at("a", 10, 1)},
		{Severity: diag.Warning, Code: "W1", Subject: at("a", 10, 1)},
		{Severity: diag.Error, Code: "E1", Subject: at("b", 1, 1)},
	}
	rapid.Check(t, func(t *rapid.T) {
		mixed := rapid.Permutation(append(want[2:5:5], want...)).Draw(t, "order")
		if diff := cmp.Diff(want, diag.List(mixed).Sorted()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
	if errors, warnings := want.Count(); errors != 7 || warnings != 1 {
		t.Errorf("Count() = %d, %d, want 7, 1", errors, warnings)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	got, err := diag.List(nil).JSON()
	if err != nil {
		t.Fatal(err)
	}
	const none = `{
  "format": "1.1",
  "valid": true,
  "error_count": 0,
  "warning_count": 0,
  "diagnostics": []
}
`
	if diff := cmp.Diff(none, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	l := diag.List{{Code: "E0101", Severity: diag.Error, Summary: "<&>", Subject: diag.Range{File: "a.hcl"}}}
	got, err = l.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Valid       bool
		ErrorCount  int `json:"error_count"`
		Diagnostics diag.List
	}
	if err := json.Unmarshal(got, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, read.Diagnostics); diff != "" || read.Valid || read.ErrorCount != 1 || !bytes.Contains(got, []byte("<&>")) {
		t.Errorf("got %s%s", got, diff)
	}
}
