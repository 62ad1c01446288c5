package release_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/release"
)

func TestTree(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.write("größe/日本 x", "wide\n")
	f.write("bin/run", "#!/bin/sh\n")
	f.write("empty", "")
	if err := os.Chmod(filepath.Join(f.dir, "bin/run"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"bin/latest": "../version", "dangling": "no/where", "circle": "circle", "all": "."} {
		if err := os.Symlink(target, filepath.Join(f.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	id := f.commit("first")
	oid := func(path string) string { return f.git("rev-parse", id+":"+path) }
	want := []release.Entry{
		{Path: "all", Mode: release.ModeSymlink, OID: oid("all"), Size: 1},
		{Path: "bin/latest", Mode: release.ModeSymlink, OID: oid("bin/latest"), Size: 10},
		{Path: "bin/run", Mode: release.ModeExecutable, OID: oid("bin/run"), Size: 10},
		{Path: "circle", Mode: release.ModeSymlink, OID: oid("circle"), Size: 6},
		{Path: "dangling", Mode: release.ModeSymlink, OID: oid("dangling"), Size: 8},
		{Path: "empty", Mode: release.ModeFile, OID: oid("empty")},
		{Path: "größe/日本 x", Mode: release.ModeFile, OID: oid("größe/日本 x"), Size: 5},
		{Path: "version", Mode: release.ModeFile, OID: oid("version"), Size: 6},
	}
	r := f.open()
	got, err := r.Tree(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	// The contents, partly unread, and one of them twice.
	var read []string
	oids := []string{oid("version"), oid("bin/run"), oid("empty"), oid("version")}
	err = r.Blobs(t.Context(), oids, func(oid string, size int64, rd io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(rd, 3))
		read = append(read, fmt.Sprintf("%.4s %d %s", oid, size, text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRead := []string{oids[0][:4] + " 6 fir", oids[1][:4] + " 10 #!/", oids[2][:4] + " 0 ", oids[0][:4] + " 6 fir"}
	if diff := cmp.Diff(wantRead, read); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBlobsFailures(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	f.write("big", strings.Repeat("x", 1<<20))
	f.commit("first")
	big := f.git("rev-parse", "HEAD:big")
	r := f.open()
	enough := errors.New("enough")
	err := r.Blobs(t.Context(), []string{big, big, big, big}, func(string, int64, io.Reader) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("of fn: %v", err)
	}
	for oid, want := range map[string]string{
		strings.Repeat("1", 40):           "missing",
		f.git("rev-parse", "HEAD"):        "commit",
		"HEAD:big":                        "is not the id",
		f.git("rev-parse", "HEAD^{tree}"): "tree",
	} {
		err := r.Blobs(t.Context(), []string{big, oid}, func(string, int64, io.Reader) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %s: %v, want %q", oid, err, want)
		}
	}
}

// mktree writes trees that git itself would not make, line by line as
// "mode type oid<TAB>name".
func (f fixture) mktree(lines ...string) string {
	f.t.Helper()
	cmd := osexec.Command("git", "--git-dir", filepath.Join(f.dir, ".git"), "mktree", "-z", "--missing")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\x00") + "\x00")
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git mktree: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func (f fixture) blob(text string) string {
	f.t.Helper()
	cmd := osexec.Command("git", "--git-dir", filepath.Join(f.dir, ".git"), "hash-object", "-w", "--stdin")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git hash-object: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestTreeRefusesWhatIsUnsafeToUnpack(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	file := f.blob("x")
	sub := f.mktree("100644 blob " + file + "\tf")
	link := func(target, name string) string { return "120000 blob " + f.blob(target) + "\t" + name }
	dir := func(tree, name string) string { return "040000 tree " + tree + "\t" + name }
	for _, tt := range []struct {
		name, tree, want string
	}{
		{"control character", f.mktree("100644 blob " + file + "\ta\nb"), "control character"},
		{"C1 control", f.mktree("100644 blob " + file + "\ta\u009bb"), "control character"},
		{"dot dot", f.mktree(dir(sub, "..")), "is not allowed"},
		{"git directory", f.mktree(dir(sub, ".Git")), "is not allowed"},
		{"twice", f.mktree("100644 blob "+file+"\ta", "100755 blob "+file+"\ta"), "twice"},
		{"link and directory", f.mktree(link("/etc", "a"), dir(sub, "a")), "both a file and a directory"},
		{"absolute link", f.mktree(link("/etc/passwd", "a")), "leads out of the release"},
		{"escaping link", f.mktree(dir(f.mktree(link("../../x", "l")), "d")), "leads out of the release"},
		{"escape by way of another", f.mktree(link(".", "here"), dir(f.mktree(link("../here/../x", "l")), "d")), "leads out of the release"},
		{"through a link to a directory", f.mktree(link("d/e/..", "a"), link("a/../../x", "b"), dir(sub, "d")), "leads out of the release"},
		{"empty link", f.mktree(link("", "a")), "is not allowed"},
		{"submodules", f.mktree("160000 commit "+strings.Repeat("1", 40)+"\tlib", "160000 commit "+strings.Repeat("1", 40)+"\tvendor"), "has submodules (lib, vendor)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := f.open().Tree(t.Context(), tt.tree)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if got, err := f.open().Tree(t.Context(), f.git("hash-object", "-w", "-t", "tree", "/dev/null")); err != nil || len(got) != 0 {
		t.Errorf("of an empty tree: %v, %v", got, err)
	}
}

func TestTreeIsReadByOneProcessHoweverLarge(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	for i := range 300 {
		f.write(fmt.Sprintf("d%d/f%d", i%7, i), strings.Repeat(fmt.Sprint(i), 1000))
	}
	id := f.commit("many")
	r := f.open()
	entries, err := r.Tree(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var oids []string
	var want, got int64
	for _, e := range entries {
		oids, want = append(oids, e.OID), want+e.Size
	}
	err = r.Blobs(t.Context(), oids, func(_ string, _ int64, rd io.Reader) error {
		n, err := io.Copy(io.Discard, rd)
		got += n
		return err
	})
	if err != nil || got != want || len(entries) != 301 {
		t.Errorf("%d files of %d bytes, want 301 of %d: %v", len(entries), got, want, err)
	}
}
