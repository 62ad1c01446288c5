package scenario

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"shipit/exec/view"
	"shipit/lang"
	"shipit/lang/diag"
)

// A Report is the results of scenarios, for people and for programs.
type Report struct {
	Style   view.Style
	Verbose bool // the timeline of those that went well, too
	results []reported
}

type reported struct {
	definition string
	*Result
}

// Add takes a result of a definition in.
func (r *Report) Add(definition string, res *Result) {
	r.results = append(r.results, reported{definition, res})
}

// Total and Failed count the scenarios.
func (r *Report) Total() int { return len(r.results) }

// Failed counts the scenarios that ended otherwise than expected, or could
// not be played.
func (r *Report) Failed() int {
	n := 0
	for _, x := range r.results {
		if !x.OK() {
			n++
		}
	}
	return n
}

// Print writes what came of a scenario.
func (r *Report) Print(w io.Writer, res *Result) {
	name := diag.CleanLine(res.Scenario.Name)
	switch {
	case res.Diags.HasErrors():
		fmt.Fprintf(w, "%s  %s: it cannot be played\n", r.Style.Bad("fail"), name)
		return
	case res.OK():
		fmt.Fprintf(w, "%s    %s\n", r.Style.Good("ok"), name)
	default:
		fmt.Fprintf(w, "%s  %s\n", r.Style.Bad("fail"), name)
	}
	for _, f := range res.Failures {
		fmt.Fprint(w, f.text())
	}
	if r.Verbose || !res.OK() {
		fmt.Fprintf(w, "      what happened, on %s in %s of their time:\n", hosts(res.Hosts), lang.Duration(res.Took.Round(time.Second)))
		for _, l := range res.Timeline {
			fmt.Fprintf(w, "    %s\n", l)
		}
	}
}

// text is a failure on three lines.
func (f Failure) text() string {
	return fmt.Sprintf("      %s: %s\n        expected  %s\n        happened  %s\n", f.At, f.What, diag.CleanLine(f.Want), diag.CleanLine(f.Got))
}

// Summary writes the last line.
func (r *Report) Summary(w io.Writer, took time.Duration) {
	failed := r.Failed()
	text := fmt.Sprintf("%d passed", r.Total()-failed)
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	what := "scenarios"
	if r.Total() == 1 {
		what = "scenario"
	}
	fmt.Fprintf(w, "%d %s, %s (%.1fs)\n", r.Total(), what, text, took.Seconds())
}

func hosts(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// A Document is the results for programs.
type Document struct {
	Format    string `json:"format"`
	Total     int    `json:"total"`
	Failed    int    `json:"failed"`
	Scenarios []Doc  `json:"scenarios"`
}

// A Doc is one scenario's result.
type Doc struct {
	Definition string       `json:"definition"`
	Name       string       `json:"name"`
	At         string       `json:"at"`
	OK         bool         `json:"ok"`
	Hosts      int          `json:"hosts"`
	Seconds    float64      `json:"seconds"` // of the fleet's time
	Failures   []FailureDoc `json:"failures"`
	Mistakes   []string     `json:"mistakes,omitempty"` // why it could not be played
	Timeline   []string     `json:"timeline"`
}

// A FailureDoc is what came out otherwise than expected.
type FailureDoc struct {
	What     string `json:"what"`
	Expected string `json:"expected"`
	Happened string `json:"happened"`
	At       string `json:"at"`
}

// Document is the report for programs.
func (r *Report) Document() Document {
	d := Document{Format: "1.0", Total: r.Total(), Failed: r.Failed(), Scenarios: []Doc{}}
	for _, x := range r.results {
		doc := Doc{
			Definition: x.definition, Name: x.Scenario.Name, At: x.Scenario.Range.String(), OK: x.OK(), Hosts: x.Hosts,
			Seconds: x.Took.Round(time.Millisecond).Seconds(), Failures: []FailureDoc{}, Timeline: append([]string{}, x.Timeline...),
			Mistakes: x.mistakes(),
		}
		for _, f := range x.Failures {
			doc.Failures = append(doc.Failures, FailureDoc{f.What, f.Want, f.Got, f.At.String()})
		}
		d.Scenarios = append(d.Scenarios, doc)
	}
	return d
}

func (r *Result) mistakes() []string {
	var list []string
	for _, d := range r.Diags {
		if d.Severity == diag.Error {
			list = append(list, fmt.Sprintf("%s: %s %s", d.Subject, d.Code, diag.CleanLine(d.Summary)))
		}
	}
	return list
}

// JUnit is the report as CI systems read it.
func (r *Report) JUnit() ([]byte, error) {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		File    string   `xml:"file,attr"`
		Line    int      `xml:"line,attr"`
		Failure *failure `xml:"failure"`
		Error   *failure `xml:"error"`
	}
	type suite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	var all struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []*suite `xml:"testsuite"`
	}
	var s *suite
	for _, x := range r.results {
		if s == nil || s.Name != x.definition {
			s = &suite{Name: x.definition}
			all.Suites = append(all.Suites, s)
		}
		c := testcase{Name: diag.CleanLine(x.Scenario.Name), Class: x.definition, File: x.Scenario.Range.File, Line: x.Scenario.Range.Start.Line}
		switch mistakes := x.mistakes(); {
		case len(mistakes) > 0:
			s.Errors++
			c.Error = &failure{mistakes[0], strings.Join(mistakes, "\n")}
		case !x.OK():
			s.Failures++
			var b strings.Builder
			for _, f := range x.Failures {
				b.WriteString(f.text())
			}
			b.WriteString("\n" + strings.Join(x.Timeline, "\n") + "\n")
			c.Failure = &failure{x.Failures[0].What + " is " + diag.CleanLine(x.Failures[0].Got), b.String()}
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}
