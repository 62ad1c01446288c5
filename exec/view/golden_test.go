package view_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"shipit/exec/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what draw draws, without and with colour, with a file of
// testdata/view. An escape is written as ␛ there.
func golden(t *testing.T, name string, draw func(io.Writer, view.Style)) {
	t.Helper()
	file := filepath.Join("../../testdata/view", name+".txtar")
	got := map[string]string{}
	ar := &txtar.Archive{}
	for _, style := range []struct {
		name string
		view.Style
	}{{"plain", view.Style{}}, {"colour", view.Style{Color: true, Width: 100}}} {
		var b strings.Builder
		draw(&b, style.Style)
		harmless(t, b.String())
		got[style.name] = strings.ReplaceAll(b.String(), "\x1b", "␛")
		ar.Files = append(ar.Files, txtar.File{Name: style.name, Data: []byte(got[style.name])})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range ar.Files {
		want[f.Name] = string(f.Data)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it looks different (-want +got; go test -update writes it):\n%s", diff)
	}
}
