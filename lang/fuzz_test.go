package lang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"shipit/lang"
)

// FuzzLoad holds that no text makes Load, Validate or Evaluate panic, and
// that every place in a message lies inside its file.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob(goldens)
	for _, file := range files {
		if a, err := txtar.ParseFile(file); err == nil && len(a.Files[0].Data) < 4096 {
			f.Add(string(a.Files[0].Data))
		}
	}
	for _, file := range []string{"restbase.hcl", "hello.hcl", "shared/fleet.hcl"} {
		if text, err := os.ReadFile("../examples/" + file); err == nil {
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		// Loops within the limits can still be slow; the fuzzer finds nothing
		// new by waiting for them.
		if strings.Count(text, "for") > 4 || strings.Contains(text, "range") {
			t.Skip()
		}
		c, diags := lang.Load(fstest.MapFS{"main.hcl": {Data: []byte(text)}}, "main.hcl", lang.Options{})
		diags = append(diags, c.Validate(nil)...)
		for _, env := range c.Environments() {
			d, more := c.Evaluate(lang.Inputs{Env: env})
			if d == nil && !more.HasErrors() {
				t.Error("no definition and no error")
			}
			diags = append(diags, more...)
		}
		for _, d := range diags {
			if d.Code == "" || d.Summary == "" {
				t.Errorf("a diagnostic without code or summary: %+v", d)
			}
			checkRange(t, c, d)
		}
	})
}
