package release_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"shipit/exec/release"
)

// build is a directory as a build leaves it.
func build(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(realTemp(t), "build")
	for _, d := range []string{"bin", "static/img", "var/empty", "-rf"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"bin/run": 0o750, "static/a b": 0o640, "static/img/é.png": 0o600, "-rf/x": 0o664, "zero": 0o644} {
		text := "the contents of " + name
		if name == "zero" {
			text = ""
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		long := time.Now().Add(-time.Hour) // a change within one tick of the clock would leave no trace
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"latest": "static/img", "bin/gone": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openFiles(t *testing.T, path string, strip int) (*release.Files, error) {
	t.Helper()
	f, err := release.OpenFiles(t.Context(), filepath.Base(path), path, strip)
	if err == nil {
		t.Cleanup(func() { f.Close() })
	}
	return f, err
}

// contents are all of a release, as its contents are read again.
func contents(t *testing.T, f *release.Files) map[string]string {
	t.Helper()
	entries, err := f.Tree(t.Context(), f.Digest())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if e.Mode == release.ModeDir {
			out[e.Path] = "d"
			continue
		}
		err := f.Blobs(t.Context(), []string{e.OID}, func(_ string, size int64, r io.Reader) error {
			b, err := io.ReadAll(r)
			if int64(len(b)) != size || size != e.Size {
				t.Errorf("%s: %d bytes, said were %d and %d", e.Path, len(b), size, e.Size)
			}
			out[e.Path] = map[uint32]string{release.ModeFile: "f ", release.ModeExecutable: "x ", release.ModeSymlink: "l "}[e.Mode] + string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

var built = map[string]string{
	"bin/run": "x the contents of bin/run", "static/a b": "f the contents of static/a b", "static/img/é.png": "f the contents of static/img/é.png",
	"-rf/x": "f the contents of -rf/x", "zero": "f ", "latest": "l static/img", "bin/gone": "l nowhere", "var/empty": "d",
}

// TestFilesAreTheSameFromEverywhere: a directory and every archive of it are
// one release.
func TestFilesAreTheSameFromEverywhere(t *testing.T) {
	t.Parallel()
	dir := build(t)
	want, err := openFiles(t, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(built, contents(t, want)); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
	if want.Private != 1 {
		t.Errorf("%d files are private, wanted 1", want.Private)
	}
	out := t.TempDir()
	for name, c := range map[string]struct {
		needs  string
		script string
		strip  int
	}{
		"a.tar":       {"tar", `tar -cf "$out" -C "$dir" .`, 0},
		"a.tar.gz":    {"gzip", `tar -C "$dir" -cf - . | gzip >"$out"`, 0},
		"pax.tgz":     {"gzip", `tar -C "$dir" --format=pax -cf - . | gzip >"$out"`, 0},
		"a.tar.bz2":   {"bzip2", `tar -C "$dir" -cf - . | bzip2 >"$out"`, 0},
		"a.tar.zst":   {"zstd", `tar -C "$dir" -cf - . | zstd -q >"$out"`, 0},
		"under.tar":   {"tar", `tar -cf "$out" -C "$dir/.." build`, 1},
		"a.zip":       {"zip", `cd "$dir" && zip -qry "$out" . `, 0},
		"no name.tar": {"busybox", `busybox tar -cf "$out" -C "$dir" .`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := osexec.LookPath(c.needs); err != nil {
				t.Skip(c.needs + " is not installed")
			}
			path := filepath.Join(out, name)
			cmd := osexec.Command("sh", "-ec", c.script)
			cmd.Env = append(os.Environ(), "dir="+dir, "out="+path)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			f, err := openFiles(t, path, c.strip)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(built, contents(t, f)); diff != "" || f.Digest() != want.Digest() {
				t.Errorf("digests %s and %s (-directory +archive):\n%s", want.Digest(), f.Digest(), diff)
			}
		})
	}
}

// TestOneChangeIsAnotherRelease: whatever of a file is part of a release.
func TestOneChangeIsAnotherRelease(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, change := range map[string]func(dir string) error{
		"nothing":       func(string) error { return nil },
		"a content":     func(d string) error { return os.WriteFile(filepath.Join(d, "zero"), []byte("1"), 0o644) },
		"a mode":        func(d string) error { return os.Chmod(filepath.Join(d, "zero"), 0o755) },
		"a name":        func(d string) error { return os.Rename(filepath.Join(d, "zero"), filepath.Join(d, "one")) },
		"an empty dir":  func(d string) error { return os.Remove(filepath.Join(d, "var/empty")) },
		"a link's goal": func(d string) error { return os.Remove(filepath.Join(d, "bin/gone")) },
	} {
		dir := build(t)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		f, err := openFiles(t, dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if other := seen[f.Digest()]; other != "" {
			t.Errorf("%s and %s are the same release", name, other)
		}
		seen[f.Digest()] = name
	}
}

func TestDirectoriesThatAreNoRelease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"pipe":       {func(d string) error { return syscall.Mkfifo(filepath.Join(d, "p"), 0o644) }, "neither file, directory nor symbolic link"},
		"setuid":     {func(d string) error { return os.Chmod(filepath.Join(d, "zero"), 0o755|fs.ModeSetuid) }, "setuid"},
		"absolute":   {func(d string) error { return os.Symlink("/etc/passwd", filepath.Join(d, "l")) }, "leads out of the release"},
		"up":         {func(d string) error { return os.Symlink("../../x", filepath.Join(d, "bin/l")) }, "leads out of the release"},
		"newline":    {func(d string) error { return os.WriteFile(filepath.Join(d, "a\nb"), nil, 0o644) }, "control character"},
		"repository": {func(d string) error { return os.Mkdir(filepath.Join(d, ".git"), 0o755) }, "not allowed in a release"},
		"empty": {func(d string) error {
			return os.RemoveAll(d) // and made again
		}, "nothing is in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := build(t)
			if err := c.make(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := openFiles(t, dir, 0); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, wanted %q", err, c.want)
			}
		})
	}
}

// A changing is a context that changes the directory while it is read: each
// file is read after it was asked whether to go on.
type changing struct {
	context.Context
	n      int
	change func()
}

func (c *changing) Err() error {
	if c.n--; c.n == 0 {
		c.change()
	}
	return nil
}

func TestADirectoryThatChangesWhileItIsRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(dir string) error{
		"a new file":  func(d string) error { return os.WriteFile(filepath.Join(d, "static/new"), nil, 0o644) },
		"a file less": func(d string) error { return os.Remove(filepath.Join(d, "bin/gone")) },
		"the same size": func(d string) error {
			return os.WriteFile(filepath.Join(d, "bin/run"), []byte("the Contents of bin/run"), 0o644)
		},
		"renamed over": func(d string) error {
			return os.Rename(filepath.Join(d, "static/a b"), filepath.Join(d, "bin/run"))
		},
	} {
		for n := 1; n <= 12; n++ {
			dir := build(t)
			ctx := &changing{Context: t.Context(), n: n, change: func() {
				if err := change(dir); err != nil {
					t.Error(err)
				}
			}}
			f, err := release.OpenFiles(ctx, "build", dir, 0)
			if err == nil {
				f.Close()
				t.Errorf("%s, before the entry %d: it is a release", name, n)
			}
		}
	}
}

// TestFilesThatChangeAfterTheyWereRead: what is sent is what was planned.
func TestFilesThatChangeAfterTheyWereRead(t *testing.T) {
	t.Parallel()
	dir := build(t)
	f, err := openFiles(t, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := f.Tree(t.Context(), f.Digest())
	i := slices.IndexFunc(entries, func(e release.Entry) bool { return e.Path == "bin/run" })
	for _, text := range []string{"THE contents of bin/run", "short", "the contents of bin/run and more"} {
		if err := os.WriteFile(filepath.Join(dir, "bin/run"), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		err := f.Blobs(t.Context(), []string{entries[i].OID}, func(_ string, _ int64, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if long := strings.HasSuffix(text, "more"); !long && (err == nil || !strings.Contains(err.Error(), "changed since it was read")) {
			t.Errorf("%q: error %v", text, err)
		} else if long && err != nil {
			t.Errorf("the bytes that were planned are there, and yet: %v", err)
		}
	}
}

// A member is one of a hostile archive.
type member struct {
	name, link, text string
	kind             byte
	mode             int64
}

func tarOf(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if m.kind == 0 {
			m.kind = tar.TypeReg
		}
		h := &tar.Header{Name: m.name, Linkname: m.link, Typeflag: m.kind, Mode: m.mode | 0o644, Size: int64(len(m.text)), Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	file := member{name: "f", text: "x"}
	bomb := func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		_ = w.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Size: 1 << 40, Mode: 0o644, Format: tar.FormatGNU})
		zeros := make([]byte, 1<<20)
		for range 80 {
			_, _ = w.Write(zeros)
		}
		_ = z.Close() // without its end: nobody may come that far
		return b.Bytes()
	}
	zipped := func(name string, mode fs.FileMode, text string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		m, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(m, text)
		_ = w.Close()
		return b.Bytes()
	}
	packed := func(b []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
		return out.Bytes()
	}
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"absolute":             {tarOf(t, member{name: "/etc/passwd", text: "x"}), "absolute"},
		"up":                   {tarOf(t, member{name: "a/../../b", text: "x"}), "not allowed"},
		"up at once":           {tarOf(t, member{name: "../b", text: "x"}), "not allowed"},
		"repository":           {tarOf(t, member{name: "a/.GIT/config", text: "x"}), "not allowed"},
		"nameless":             {tarOf(t, member{name: ".", text: "x"}), "not allowed"},
		"newline":              {tarOf(t, member{name: "a\nb", text: "x"}), "control character"},
		"escape":               {tarOf(t, member{name: "a\x1b[2Jb", text: "x"}), "control character"},
		"link out":             {tarOf(t, member{name: "l", link: "../x", kind: tar.TypeSymlink}), "leads out"},
		"absolute link":        {tarOf(t, member{name: "l", link: "/etc", kind: tar.TypeSymlink}), "leads out"},
		"out by way of links":  {tarOf(t, member{name: "a/b/l", link: "../..", kind: tar.TypeSymlink}, member{name: "m", link: "a/b/l/..", kind: tar.TypeSymlink}), "leads out"},
		"file through a link":  {tarOf(t, member{name: "l", link: "d", kind: tar.TypeSymlink}, member{name: "l/f", text: "x"}), "both a file and a directory"},
		"through another case": {tarOf(t, member{name: "L", link: "d", kind: tar.TypeSymlink}, member{name: "l/f", text: "x"}), "differ in case only"},
		"twice":                {tarOf(t, file, file), "twice"},
		"file and directory":   {tarOf(t, file, member{name: "f/", kind: tar.TypeDir}), "twice"},
		"file, then below it":  {tarOf(t, file, member{name: "f/g", text: "x"}), "both a file and a directory"},
		"hard link outside":    {tarOf(t, file, member{name: "h", link: "/etc/shadow", kind: tar.TypeLink}), "absolute"},
		"hard link up":         {tarOf(t, file, member{name: "h", link: "../f", kind: tar.TypeLink}), "not allowed"},
		"hard link ahead":      {tarOf(t, member{name: "h", link: "f", kind: tar.TypeLink}, file), "no file before it"},
		"hard link to a link":  {tarOf(t, member{name: "l", link: "x", kind: tar.TypeSymlink}, member{name: "h", link: "l", kind: tar.TypeLink}), "no file before it"},
		"device":               {tarOf(t, member{name: "d", kind: tar.TypeBlock}), "device"},
		"pipe":                 {tarOf(t, member{name: "d", kind: tar.TypeFifo}), "device or a pipe"},
		"setuid":               {tarOf(t, member{name: "s", text: "x", mode: 0o4755}), "setuid"},
		"setgid":               {tarOf(t, member{name: "s", text: "x", mode: 0o2755}), "setgid"},
		"bomb":                 {bomb(), "more than 200 times its size"},
		"nothing":              {tarOf(t, member{name: "./", kind: tar.TypeDir}), "nothing is in it"},
		"cut":                  {tarOf(t, member{name: "f", text: strings.Repeat("x", 2000)})[:1500], "unexpected EOF"},
		"wrong checksum":       {append(packed(tarOf(t, file))[:len(packed(tarOf(t, file)))-8], 1, 2, 3, 4, 5, 6, 7, 8), "checksum"},
		"something after it":   {append(tarOf(t, file), "more"...), "follows its end"},
		"no archive":           {[]byte("#!/bin/sh\necho hello\n"), "no archive that shipit reads"},
		"zip up":               {zipped("../x", 0o644, "x"), "not allowed"},
		"zip absolute":         {zipped("/x", 0o644, "x"), "absolute"},
		"zip link out":         {zipped("l", 0o777|fs.ModeSymlink, "/etc"), "leads out"},
		"zip device":           {zipped("d", 0o644|fs.ModeDevice, ""), "neither file"},
		"zip setuid":           {zipped("s", 0o755|fs.ModeSetuid, "x"), "setuid"},
		"zip bomb":             {zipped("z", 0o644, strings.Repeat("\x00", 70<<20)), "more than 200 times its size"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a")
			if err := os.WriteFile(path, c.archive, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := openFiles(t, path, 0); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, wanted %q", err, c.want)
			}
		})
	}
}

// TestArchivesThatAreFine: hard links inside, directories twice, a file that
// an append replaced is refused above.
func TestArchivesThatAreFine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	var z bytes.Buffer
	w, _ := zstd.NewWriter(&z)
	_, _ = w.Write(tarOf(t, member{name: "./pkg/d/", kind: tar.TypeDir}, member{name: "pkg/d/", kind: tar.TypeDir}, member{name: "./pkg/f", text: "x", mode: 0o111}, member{name: "pkg/h", link: "pkg/f", kind: tar.TypeLink}))
	_ = w.Close()
	if err := os.WriteFile(path, z.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openFiles(t, path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"d": "d", "f": "x x", "h": "x x"}, contents(t, f)); diff != "" {
		t.Error(diff)
	}
	if _, err := openFiles(t, path, 2); err == nil || !strings.Contains(err.Error(), "leading directories to strip") {
		t.Errorf("error %v", err)
	}
}

func TestLearnBelievesNoHost(t *testing.T) {
	t.Parallel()
	f, err := openFiles(t, build(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := f.Tree(t.Context(), f.Digest())
	if err := f.Learn("v1", f.Manifest(entries)); err != nil {
		t.Fatal(err)
	}
	base, err := f.Tree(t.Context(), "v1")
	if err != nil || f.Manifest(base) != f.Manifest(entries) {
		t.Errorf("error %v\n%s", err, cmp.Diff(entries, base))
	}
	hash := strings.Repeat("0", 64)
	for _, line := range []string{
		"f " + hash + "  ../x\n", "f " + hash + "  /x\n", "f " + hash + " x\n", "f short  x\n", "l x\n", "q x\n", "x\n", "d .git\n",
		"f " + hash + "  a\nf " + hash + "  a\n", "f " + hash + "  a\nf " + hash + "  a/b\n", "f " + hash + "  a\x1bb\n",
	} {
		if err := f.Learn("v2", line); err == nil {
			t.Errorf("%q is believed", line)
		}
	}
}
