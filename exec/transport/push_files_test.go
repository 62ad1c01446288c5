package transport_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/release"
	"shipit/exec/remote"
	"shipit/exec/transport"
)

// dirOf writes a tree into a directory; "/" at the end of a name is an empty
// directory.
func dirOf(t *testing.T, tr tree) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range tr {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch target, link := strings.CutPrefix(text, "-> "); {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		case link:
			err = os.Symlink(target, p)
		case strings.HasPrefix(text, "#!"):
			err = os.WriteFile(p, []byte(text), 0o755)
		default:
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func filesOf(t *testing.T, dir string) *release.Files {
	t.Helper()
	f, err := release.OpenFiles(t.Context(), "build", dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// stageFiles delivers the release id of files, from the base where the host's
// list of it is known, and tells how many bytes were sent.
func (h *host) stageFiles(f *release.Files, id, base string, shared ...any) (int64, error) {
	h.t.Helper()
	d := transport.Delivery{Run: "run-1", Path: "my app", Release: transport.Release{ID: id, Tag: "v1", Commit: "c1", Digest: f.Digest()}}
	if base != "" {
		d.Base = transport.Release{ID: base}
		if list, err := os.ReadFile(h.path(".shipit/manifest", base)); err != nil {
			h.t.Fatal(err)
		} else if err := f.Learn(base, string(list)); err != nil {
			h.t.Fatal(err)
		}
	}
	s, data, size, err := push(h.t, f, shared...).Step(h.t.Context(), d)
	if err != nil {
		h.t.Fatal(err)
	}
	return size, h.conn.Run(h.t.Context(), remote.Command{Steps: []remote.Step{s}, Data: data, DataSize: size})
}

// TestPushOfADirectoryBringsWhatChanged: whatever becomes of names, what a
// host has afterwards is what a host has that was sent all of it. Empty
// directories come and go with it.
func TestPushOfADirectoryBringsWhatChanged(t *testing.T) {
	t.Parallel()
	was := tree{
		"f": "1", "same": "2", "d/f": "3", "gone/f": "4", "empty/": "", "empty then full/": "", "full then empty/f": "5", "empty then file/": "",
		"file then empty": "6", "l": "-> d", "link then dir": "-> d", "dir then link/f": "7", "run": "#!8", "kept/empty/": "",
	}
	is := tree{
		"f": "1+", "same": "2", "d/f": "#!3", "new/f": "4", "new/empty/": "", "empty then full/f": "", "full then empty/": "", "empty then file": "x",
		"file then empty/": "", "l": "-> new", "link then dir/f": "y", "dir then link": "-> d", "run": "#!8", "kept/empty/": "",
	}
	all, some := newHost(t), newHost(t)
	next := filesOf(t, dirOf(t, is))
	for _, c := range []struct {
		h        *host
		f        *release.Files
		id, base string
	}{{some, filesOf(t, dirOf(t, was)), "v1", ""}, {some, next, "v2", "v1"}, {all, next, "v2", ""}} {
		if _, err := c.h.stageFiles(c.f, c.id, c.base, "log", "kept/empty/x"); err != nil {
			t.Fatal(c.id, told(err))
		}
		c.h.nothingLeft()
	}
	if diff := cmp.Diff(files(t, all.path("releases/v2")), files(t, some.path("releases/v2"))); diff != "" {
		t.Errorf("all (-) and the difference (+) are not the same:\n%s", diff)
	}
	got := files(t, all.path("releases/v2"))
	for _, d := range []string{"new/empty", "full then empty", "file then empty", "kept/empty"} {
		if got[d] != "drwxr-xr-x" {
			t.Errorf("%s is %q, wanted a directory", d, got[d])
		}
	}
	for _, h := range []*host{all, some} {
		if list, err := os.ReadFile(h.path(".shipit/manifest/v2")); err != nil || string(list) != mustManifest(t, next) {
			t.Errorf("the list is another one (%v):\n%s", err, list)
		}
	}
}

func mustManifest(t *testing.T, f *release.Files) string {
	t.Helper()
	entries, err := f.Tree(t.Context(), f.Digest())
	if err != nil {
		t.Fatal(err)
	}
	return f.Manifest(entries)
}

// TestOneChangedFileOfAThousandTravelsAlone, and a host whose list is not
// what its release says gets everything.
func TestOneChangedFileOfAThousandTravelsAlone(t *testing.T) {
	t.Parallel()
	tr := tree{}
	for i := range 1000 {
		tr[fmt.Sprintf("d%d/file-%d", i%10, i)] = strings.Repeat(fmt.Sprint(i, " "), 1000)
	}
	h, dir := newHost(t), dirOf(t, tr)
	sent, err := h.stageFiles(filesOf(t, dir), "v1", "")
	if err != nil || sent < 4_000_000 {
		t.Fatalf("%d bytes, error %s", sent, told(err))
	}
	before, err := os.Stat(h.path("releases/v1/d1/file-1"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("changed ", 1000)
	if err := os.WriteFile(filepath.Join(dir, "d7/file-7"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if sent, err = h.stageFiles(filesOf(t, dir), "v2", "v1"); err != nil {
		t.Fatal(told(err))
	}
	if most := int64(len(text) + 8<<10); sent > most {
		t.Errorf("%d bytes were sent for one file of %d, wanted at most %d", sent, len(text), most)
	}
	if after, err := os.Stat(h.path("releases/v2/d1/file-1")); err != nil || !os.SameFile(before, after) {
		t.Errorf("what did not change is no link (%v)", err)
	}
	if b, err := os.ReadFile(h.path("releases/v2/d7/file-7")); err != nil || string(b) != text {
		t.Errorf("what changed is %d bytes, error %v", len(b), err)
	}
	if b, err := os.ReadFile(h.path("releases/v1/d7/file-7")); err != nil || string(b) != tr["d7/file-7"] {
		t.Errorf("the release before changed too (%v)", err)
	}

	// Another host's list, or one that was edited, is found out before anything is done with it.
	if err := os.WriteFile(h.path(".shipit/manifest/v2"), []byte("f "+strings.Repeat("0", 64)+"  d1/file-1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := filesOf(t, dirOf(t, tree{"other": "x"}))
	_, err = h.stageFiles(f, "v3", "v2")
	var no *remote.StepError
	if !errors.As(err, &no) || no.Code != transport.NeedAll {
		t.Errorf("error %s, wanted that all is asked for", told(err))
	}
	h.nothingLeft()
}
