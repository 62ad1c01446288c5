package transport_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/release"
	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

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
func stageFiles(t *testing.T, h *transporttest.Host, f *release.Files, id, base string) (int64, error) {
	t.Helper()
	d := transport.Delivery{Run: "run-1", Path: "my app", Release: transport.Release{ID: id, Tag: "v1", Commit: "c1", Digest: f.Digest()}}
	if base != "" {
		d.Base = transport.Release{ID: base}
		if list, err := os.ReadFile(h.Path(".shipit/manifest", base)); err != nil {
			t.Fatal(err)
		} else if err := f.Learn(base, string(list)); err != nil {
			t.Fatal(err)
		}
	}
	s, data, size, err := push(t, f).Step(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return size, h.Run(s, data, size)
}

// TestOneChangedFileOfAThousandTravelsAlone, and a host whose list is not
// what its release says gets everything.
func TestOneChangedFileOfAThousandTravelsAlone(t *testing.T) {
	t.Parallel()
	tr := tree{}
	for i := range 1000 {
		tr[fmt.Sprintf("d%d/file-%d", i%10, i)] = strings.Repeat(fmt.Sprint(i, " "), 250)
	}
	h, dir := transporttest.NewHost(t), t.TempDir()
	tr.Put(t, dir)
	sent, err := stageFiles(t, h, filesOf(t, dir), "v1", "")
	if err != nil || sent < 900_000 {
		t.Fatalf("%d bytes, error %s", sent, transporttest.Told(err))
	}
	before, err := os.Stat(h.Path("releases/v1/d1/file-1"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("changed ", 1000)
	if err := os.WriteFile(filepath.Join(dir, "d7/file-7"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if sent, err = stageFiles(t, h, filesOf(t, dir), "v2", "v1"); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	if most := int64(len(text) + 8<<10); sent > most {
		t.Errorf("%d bytes were sent for one file of %d, wanted at most %d", sent, len(text), most)
	}
	if after, err := os.Stat(h.Path("releases/v2/d1/file-1")); err != nil || !os.SameFile(before, after) {
		t.Errorf("what did not change is no link (%v)", err)
	}
	if b, err := os.ReadFile(h.Path("releases/v2/d7/file-7")); err != nil || string(b) != text {
		t.Errorf("what changed is %d bytes, error %v", len(b), err)
	}
	if b, err := os.ReadFile(h.Path("releases/v1/d7/file-7")); err != nil || string(b) != tr["d7/file-7"] {
		t.Errorf("the release before changed too (%v)", err)
	}

	// Another host's list, or one that was edited, is found out before anything is done with it.
	if err := os.WriteFile(h.Path(".shipit/manifest/v2"), []byte("f "+strings.Repeat("0", 64)+"  d1/file-1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	tree{"other": "x"}.Put(t, other)
	f := filesOf(t, other)
	_, err = stageFiles(t, h, f, "v3", "v2")
	var no *remote.StepError
	if !errors.As(err, &no) || no.Code != transport.NeedAll {
		t.Errorf("error %s, wanted that all is asked for", transporttest.Told(err))
	}
	h.NothingLeft()
}
