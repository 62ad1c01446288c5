package diag

import (
	"encoding/xml"
	"fmt"
	"slices"
)

// junit writes a test suite: a failed case for each error, a passed one with
// output for each warning, and one for each definition about which there is
// nothing to say. Names of cases are unique, since readers merge equal ones.
func junit(r Report) ([]byte, error) {
	type failure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		File    string   `xml:"file,attr"`
		Line    int      `xml:"line,attr,omitempty"`
		Failure *failure `xml:"failure"`
		Output  string   `xml:"system-out,omitempty"`
	}
	type suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	s := suite{Name: "shipit validate"}
	names := map[string]bool{}
	unique := func(name string) string {
		free := name
		for n := 2; names[free]; n++ {
			free = fmt.Sprintf("%s #%d", name, n)
		}
		names[free] = true
		return free
	}
	list := r.severest()
	for _, d := range list {
		at := r.place(d)
		file := CleanLine(at.File)
		c := testcase{
			Name: unique(fmt.Sprintf("%s %s:%d:%d-%d:%d %s", d.Code, file, at.Start.Line, r.column(at.File, at.Start),
				at.End.Line, r.column(at.File, at.End), CleanLine(d.Summary))),
			Class: file, File: file, Line: at.Start.Line,
		}
		if d.Severity == Error {
			c.Failure = &failure{CleanLine(d.Summary), d.Code, message(d)}
			s.Failures++
		} else {
			c.Output = d.Code + ": " + message(d)
		}
		s.Cases = append(s.Cases, c)
	}
	for _, f := range r.Files {
		if !slices.ContainsFunc(list, func(d Diagnostic) bool { return r.place(d).File == f }) {
			s.Cases = append(s.Cases, testcase{Name: unique("valid " + CleanLine(f)), Class: CleanLine(f), File: CleanLine(f)})
		}
	}
	s.Tests = len(s.Cases)
	type suites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suite   suite
	}
	text, err := xml.MarshalIndent(suites{Suite: s}, "", "  ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}
