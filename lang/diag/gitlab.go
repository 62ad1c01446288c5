package diag

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// gitlab writes a Code Quality report.
func gitlab(r Report) ([]byte, error) {
	type position struct {
		Line   int `json:"line"`
		Column int `json:"column"`
	}
	type positions struct {
		Begin position `json:"begin"`
		End   position `json:"end"`
	}
	type location struct {
		Path      string    `json:"path"`
		Positions positions `json:"positions"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	issues := []issue{} // [] and not null
	seen := map[string]int{}
	for _, d := range r.severest() {
		at := r.place(d)
		severity := "major"
		if d.Severity == Warning {
			severity = "minor"
		}
		issues = append(issues, issue{
			Description: strings.ReplaceAll(message(d), "\n", " · "),
			CheckName:   d.Code,
			Fingerprint: r.fingerprint(d, seen),
			Severity:    severity,
			Location: location{at.File, positions{
				position{at.Start.Line, r.column(at.File, at.Start)}, position{at.End.Line, r.column(at.File, at.End)},
			}},
		})
	}
	return document(issues)
}

// fingerprint knows a mistake again after lines were added above it: it is
// made of the code, the file, the words and the line's own text. The same
// mistake in the same text is told apart by its number, which seen counts.
func (r Report) fingerprint(d Diagnostic, seen map[string]int) string {
	at := r.place(d)
	key := strings.Join([]string{d.Code, at.File, d.Summary, strings.TrimSpace(r.line(d.Subject))}, "\x00")
	seen[key]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key]))
	return hex.EncodeToString(sum[:])
}

// document is v as JSON for people as well.
func document(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}
