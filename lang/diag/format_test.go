package diag_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"shipit/lang/diag"
)

const formatGolden = "../../testdata/diag/formats/all.txtar"

// at is the range of the first text in a file of sources, with columns as
// HCL counts them given by hand.
func at(sources map[string][]byte, file, text string, column, end int) diag.Range {
	src := string(sources[file])
	from := strings.Index(src, text)
	line := strings.Count(src[:from], "\n") + 1
	return diag.Range{
		File:  file,
		Start: diag.Pos{Line: line, Column: column, Byte: from},
		End:   diag.Pos{Line: line + strings.Count(text, "\n"), Column: end, Byte: from + len(text)},
	}
}

func report() diag.Report {
	sources := map[string][]byte{
		"services/größe 1.hcl": []byte("a = 1\n  x = \"👩‍👩‍👧 é e\u0301\" + hosst.web\n  x = 2\n\tb = <<E\n1\nE\nx = x\n"),
		"plain.hcl":            []byte("service \"x\" {}\n"),
	}
	const odd = "services/größe 1.hcl"
	name := at(sources, odd, "hosst", 16, 21)
	return diag.Report{
		Sources: sources,
		Files:   []string{"plain.hcl", odd, "clean.hcl"},
		Version: "1.2.3",
		Rules:   []diag.Rule{{Code: "E0110", Meaning: "set twice"}, {Code: "E0201", Meaning: "there is no such name", Help: "Names are `var` …\n"}, {Code: "W0405", Meaning: "a secret"}, {Code: "E0999", Meaning: "unused"}},
		List: diag.List{
			{Code: "W0405", Severity: diag.Warning, Summary: "a secret", Subject: at(sources, "plain.hcl", "service", 1, 8)},
			{
				Code: "E0201", Severity: diag.Error, Summary: "unknown name \"hosst\"", Detail: "In scope here: hosts.", Help: "Did you mean \"hosts\"?", Label: "here",
				Subject: name, Hosts: []string{"a"}, Envs: []string{"beta", "production"},
				Fixes: []diag.Fix{{Title: "write hosts for hosst", Range: name, Text: "hosts"}},
			},
			{
				Code: "E0110", Severity: diag.Error, Summary: "100%\n::error::x ##[add-mask]y \x1b[31m\u202e", Detail: "one\r\n::set-output name=a::b\nthree", Subject: at(sources, odd, "b = <<E\n1\nE", 2, 2),
				Related: []diag.Related{{Range: at(sources, odd, "x", 3, 4), Text: "set, here: before"}, {Text: "a note"}},
			},
			{Code: "E0110", Severity: diag.Error, Summary: "same", Subject: at(sources, "plain.hcl", "service", 1, 8)},
			{Code: "E0110", Severity: diag.Error, Summary: "same", Detail: "another", Subject: at(sources, "plain.hcl", "service", 1, 8)},
			{Code: "E0502", Severity: diag.Error, Summary: "no place at all"},
		},
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile(formatGolden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if *update {
		a = &txtar.Archive{Comment: []byte("The same mistakes in every format.\n")}
	}
	want := map[string]string{}
	for _, f := range a.Files {
		want[f.Name] = string(f.Data)
	}
	for _, f := range diag.Formats() {
		got, err := f.Encode(report())
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			a.Files = append(a.Files, txtar.File{Name: f.Name, Data: got})
		} else if diff := cmp.Diff(want[f.Name], string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(formatGolden, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFormatsOfNothing is the common case: programs want a document then too.
func TestFormatsOfNothing(t *testing.T) {
	t.Parallel()
	for _, f := range diag.Formats() {
		got, err := f.Encode(diag.Report{Files: []string{"a.hcl"}})
		if err != nil || len(got) == 0 || strings.Contains(string(got), "null") {
			t.Errorf("%s: %q, %v", f.Name, got, err)
		}
	}
}

// runnerCommand tells whether the runner of GitHub takes a line of a log for
// a command: "::name" at its beginning, "##[name]" anywhere.
func runnerCommand(line string) bool {
	return strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[")
}

func hostile(texts *rapid.Generator[string]) *rapid.Generator[diag.Report] {
	return rapid.Custom(func(t *rapid.T) diag.Report {
		src := texts.Draw(t, "source")
		file := texts.Draw(t, "file")
		from := rapid.IntRange(0, len(src)).Draw(t, "from")
		to := rapid.IntRange(from, len(src)).Draw(t, "to")
		pos := func(i int) diag.Pos {
			return diag.Pos{Line: strings.Count(src[:i], "\n") + 1, Column: 1, Byte: i}
		}
		r := diag.Range{File: file, Start: pos(from), End: pos(to)}
		d := diag.Diagnostic{
			Code: "E0101", Severity: diag.Error, Subject: r, Summary: texts.Draw(t, "summary"), Detail: texts.Draw(t, "detail"), Help: texts.Draw(t, "help"),
			Label: texts.Draw(t, "label"), Hosts: []string{texts.Draw(t, "host")}, Related: []diag.Related{{Range: r, Text: texts.Draw(t, "related")}},
			Fixes: []diag.Fix{{Title: "x", Range: r, Text: texts.Draw(t, "fix")}},
		}
		list := diag.List{d}
		d.Detail = "other"
		list = append(list, d)
		return diag.Report{List: list, Sources: map[string][]byte{file: []byte(src)}, Files: []string{file, texts.Draw(t, "definition")}}
	})
}

func TestNoTextEscapesItsFormat(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"::error::x", "##[add-mask]x", "\n", "\r", "%0A", "%", ",", ":", "\x00", "\x1b[0m", "\u202e", "\xff", "]]>", "<a>", "&", "\"", "é", "👩‍👧", "a", " ", "/", "\\", "\ufffe"})
	texts := rapid.Map(rapid.SliceOfN(piece, 0, 6), func(p []string) string { return strings.Join(p, "") })
	rapid.Check(t, func(t *rapid.T) {
		r := hostile(texts).Draw(t, "report")
		for _, f := range diag.Formats() {
			got, err := f.Encode(r)
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			switch f.Name {
			case "github":
				commands := 0
				for line := range strings.Lines(strings.ReplaceAll(string(got), "\r", "\n")) {
					if runnerCommand(line) {
						commands++
						if !strings.HasPrefix(line, "::error file=") {
							t.Fatalf("a command that nobody wrote: %q", line)
						}
						properties, _, ok := strings.Cut(strings.TrimPrefix(line, "::error "), "::")
						if n := strings.Count(properties, ","); !ok || n != 3 && n != 5 {
							t.Fatalf("properties were added: %q", line)
						}
					}
				}
				if commands != len(r.List.Sorted()) {
					t.Fatalf("%d commands for %d mistakes:\n%s", commands, len(r.List), got)
				}
			case "junit":
				names := map[string]bool{}
				for dec := xml.NewDecoder(strings.NewReader(string(got))); ; {
					token, err := dec.Token()
					if token == nil {
						break
					}
					if err != nil {
						t.Fatalf("%v in %s", err, got)
					}
					if e, ok := token.(xml.StartElement); ok && e.Name.Local == "testcase" {
						if names[e.Attr[0].Value] {
							t.Fatalf("two cases %q", e.Attr[0].Value)
						}
						names[e.Attr[0].Value] = true
					}
				}
			default:
				if !json.Valid(got) {
					t.Fatalf("%s is not JSON: %s", f.Name, got)
				}
			}
		}
	})
}

// TestColumnsAreThoseOfUTF16 compares SARIF's columns with the source itself.
func TestColumnsAreThoseOfUTF16(t *testing.T) {
	t.Parallel()
	r := report()
	got, err := diag.Formats()[3].Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			ColumnKind string
			Results    []struct {
				RuleID    string
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(got, &log); err != nil {
		t.Fatal(err)
	}
	for _, result := range log.Runs[0].Results {
		if result.RuleID != "E0201" {
			continue
		}
		p := result.Locations[0].PhysicalLocation
		if p.ArtifactLocation.URI != "services/gr%C3%B6%C3%9Fe%201.hcl" {
			t.Errorf("the URI is %s", p.ArtifactLocation.URI)
		}
		line := utf16.Encode([]rune(strings.Split(string(r.Sources["services/größe 1.hcl"]), "\n")[p.Region.StartLine-1]))
		if word := string(utf16.Decode(line[p.Region.StartColumn-1 : p.Region.EndColumn-1])); word != "hosst" {
			t.Errorf("the region holds %q", word)
		}
		return
	}
	t.Error("no result E0201")
}

// TestFingerprintsSurviveLinesAbove adds lines above a mistake.
func TestFingerprintsSurviveLinesAbove(t *testing.T) {
	t.Parallel()
	prints := func(r diag.Report) map[string]bool {
		text, err := diag.Formats()[2].Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		var issues []struct{ Fingerprint string }
		if err := json.Unmarshal(text, &issues); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, i := range issues {
			if found[i.Fingerprint] {
				t.Errorf("two issues have the fingerprint %s", i.Fingerprint)
			}
			found[i.Fingerprint] = true
		}
		return found
	}
	before, after := report(), report()
	const above = "# one\n# two\n"
	for name, src := range after.Sources {
		after.Sources[name] = append([]byte(above), src...)
	}
	for i := range after.List {
		for _, p := range []*diag.Pos{&after.List[i].Subject.Start, &after.List[i].Subject.End} {
			if p.Line > 0 {
				p.Line, p.Byte = p.Line+2, p.Byte+len(above)
			}
		}
	}
	if diff := cmp.Diff(prints(before), prints(after)); diff != "" {
		t.Error(diff)
	}
}
