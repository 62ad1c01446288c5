package diag

import (
	"slices"
	"strings"
)

// What of SARIF 2.1.0 is written.
type (
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifRule struct {
		ID      string            `json:"id"`
		Short   sarifText         `json:"shortDescription"`
		Help    *sarifText        `json:"help,omitempty"`
		Default map[string]string `json:"defaultConfiguration"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifLocation struct {
		ID       int           `json:"id,omitempty"`
		Message  *sarifText    `json:"message,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted sarifText   `json:"insertedContent"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    *int              `json:"ruleIndex,omitempty"`
		Level        Severity          `json:"level"` // "error" and "warning" are words of SARIF too
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Related      []sarifLocation   `json:"relatedLocations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Fixes        []sarifFix        `json:"fixes,omitempty"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRun struct {
		Tool       map[string]sarifDriver `json:"tool"`
		ColumnKind string                 `json:"columnKind"`
		Results    []sarifResult          `json:"results"`
	}
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
)

// sarif writes a log with a rule for each code that occurs.
func sarif(r Report) ([]byte, error) {
	driver := sarifDriver{Name: "shipit", Version: r.Version, Rules: []sarifRule{}}
	index := map[string]int{}
	for _, rule := range r.Rules {
		if !slices.ContainsFunc(r.List, func(d Diagnostic) bool { return d.Code == rule.Code }) {
			continue
		}
		level := "error"
		if strings.HasPrefix(rule.Code, "W") {
			level = "warning"
		}
		s := sarifRule{ID: rule.Code, Short: sarifText{Text: rule.Meaning}, Default: map[string]string{"level": level}}
		if rule.Help != "" {
			s.Help = &sarifText{Text: rule.Help, Markdown: rule.Help}
		}
		index[rule.Code] = len(driver.Rules)
		driver.Rules = append(driver.Rules, s)
	}
	results := []sarifResult{} // [] and not null
	seen := map[string]int{}
	for _, d := range r.severest() {
		result := sarifResult{
			RuleID: d.Code, Level: d.Severity, Message: sarifText{Text: message(d)},
			Locations:    []sarifLocation{{Physical: r.physical(r.place(d))}},
			Fingerprints: map[string]string{"shipit/v1": r.fingerprint(d, seen)},
		}
		if i, ok := index[d.Code]; ok {
			result.RuleIndex = &i
		}
		for i, related := range d.Related {
			if related.Range.File == "" {
				continue
			}
			result.Related = append(result.Related, sarifLocation{
				ID: i + 1, Message: &sarifText{Text: CleanLine(related.Text)}, Physical: r.physical(related.Range),
			})
		}
		for _, f := range d.Fixes {
			at := r.physical(f.Range)
			result.Fixes = append(result.Fixes, sarifFix{
				Description: sarifText{Text: f.Title},
				Changes:     []sarifChange{{at.Artifact, []sarifReplacement{{at.Region, sarifText{Text: f.Text}}}}},
			})
		}
		results = append(results, result)
	}
	return document(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{Tool: map[string]sarifDriver{"driver": driver}, ColumnKind: "utf16CodeUnits", Results: results}},
	})
}

func (r Report) physical(at Range) sarifPhysical {
	return sarifPhysical{
		Artifact: sarifArtifact{relativeURI(at.File)},
		Region: sarifRegion{
			StartLine: at.Start.Line, StartColumn: r.column(at.File, at.Start),
			EndLine: at.End.Line, EndColumn: r.column(at.File, at.End),
		},
	}
}

// relativeURI is a slash-separated relative path as a URI reference.
func relativeURI(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
