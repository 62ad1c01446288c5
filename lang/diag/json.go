package diag

import (
	"bytes"
	"encoding/json"
)

// JSON is the document that machines read. Its format goes from 1.0 to 1.1
// when a field is added, and to 2.0 when one changes.
func (l List) JSON() ([]byte, error) {
	errors, warnings := l.Count()
	if l == nil {
		l = List{} // [] and not null
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		Format       string `json:"format"`
		Valid        bool   `json:"valid"`
		ErrorCount   int    `json:"error_count"`
		WarningCount int    `json:"warning_count"`
		Diagnostics  List   `json:"diagnostics"`
	}{"1.1", errors == 0, errors, warnings, l})
	return b.Bytes(), err
}
