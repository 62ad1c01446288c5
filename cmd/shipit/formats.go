package main

import (
	"shipit/lang"
	"shipit/lang/diag"
)

// answer writes what validate found, for people or in a format for programs.
func (w *world) answer(format string, list diag.List, r *reading) error {
	if format == "human" {
		w.diagnose(list, r.files())
		w.summary(list, r)
		return nil
	}
	report := diag.Report{List: list, Sources: r.files(), Version: version, Rules: rules()}
	for _, s := range r.sources {
		report.Files = append(report.Files, s.path)
	}
	for _, f := range diag.Formats() {
		if f.Name != format {
			continue
		}
		data, err := f.Encode(report)
		if err != nil {
			return err
		}
		_, err = w.stdout.Write(data)
		return err
	}
	panic("internal error: no format " + format)
}

// rules are all codes with their pages.
func rules() []diag.Rule {
	var list []diag.Rule
	for _, c := range lang.Codes() {
		rule := diag.Rule{Code: c.Code, Meaning: c.Meaning}
		if p, ok := lang.PageOf(c.Code); ok {
			rule.Help = p.Markdown()
		}
		list = append(list, rule)
	}
	return list
}
