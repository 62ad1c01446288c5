package release_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.write("old name", strings.Repeat("the same line\n", 20))
	f.write("gone", "x\n")
	f.write("run", "x\n")
	f.write("data", "a\x00b")
	from := f.commit("first")
	f.git("mv", "old name", "new\tname")
	f.git("rm", "-q", "gone")
	f.write("data", "a\x00c")
	if err := os.Chmod(filepath.Join(f.dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.git("add", "-A")
	f.git("update-index", "--add", "--cacheinfo", "160000,"+from+",sub")
	f.git("commit", "-q", "-m", "second")
	to := f.git("rev-parse", "HEAD")
	list, err := f.open().Changes(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range list {
		got[c.Path] = strings.Join([]string{c.Kind, c.From, c.OldMode, c.NewMode}, "|")
		if c.Submodule != (c.Path == "sub") || c.Binary != (c.Path == "data") {
			t.Errorf("%+v", c)
		}
	}
	want := map[string]string{
		"new\tname": "renamed|old name||", "gone": "deleted||100644|000000", "data": "changed|||",
		"run": "changed||100644|100755", "sub": "added||000000|160000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	f.git("checkout", "-q", "--orphan", "other")
	other := f.commit("of its own")
	for id, want := range map[string]bool{to: true, other: false} {
		if ok, err := f.open().Related(t.Context(), from, id); err != nil || ok != want {
			t.Errorf("Related: %v, %v", ok, err)
		}
	}
}
