package transporttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testFull fills the file system in the middle of a delivery, its bytes or its
// inodes, and then makes room.
func testFull(t *testing.T, k Kind) {
	many := Tree{}
	for i := range 150 {
		many[fmt.Sprint("d/", i)] = "x"
	}
	for _, c := range []struct{ name, limit string }{
		{"bytes", "size=500k"}, {"inodes", "size=8m,nr_inodes=100"},
	} {
		if c.name == "inodes" && k.Edit != nil {
			continue // by then nothing is fetched any more
		}
		next := many
		if c.name == "bytes" {
			next = Tree{"a": noise(8, 300_000), "b": noise(9, 300_000)}
		}
		s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
		h := NewHost(t)
		small(t, h.Path(), c.limit)
		was := k.running(t, s, h)
		err := s.Stage(h, "v1", "")
		if err == nil {
			t.Fatalf("%s: there is no room, and it is brought", c.name)
		}
		told := Told(err)
		t.Logf("%s: %s", k.Name, told)
		if !strings.Contains(told, "are free") || !strings.Contains(told, "inodes") {
			t.Errorf("%s: it does not say what is free: %s", c.name, told)
		}
		unharmed(t, h, was, "there was no room for "+c.name)
		h.NothingLeft()
		if left, _ := filepath.Glob(h.Path(".shipit/download-*")); len(left) > 0 {
			t.Errorf("%s: what fills the disk is left there: %v", c.name, left)
		}
		remount(t, h.Path(), "remount,size=16m,nr_inodes=1000")
		s.MustStage(h, "v1", "")
		k.whole(t, h, "v1", next)
	}
}

// small makes dir a file system with limits.
func small(t *testing.T, dir, limits string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small file system")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := osexec.Command("mount", "-t", "tmpfs", "-o", limits, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %s", out)
	}
	t.Cleanup(func() {
		if out, err := osexec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

func remount(t *testing.T, dir, limits string) {
	t.Helper()
	if out, err := osexec.Command("mount", "-o", limits, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
}

// nobody is who a host's login is where we are root, whom nothing is denied.
const nobody = 65534

// newPlainHost makes a host whose login is not root.
func newPlainHost(t *testing.T) *Host {
	t.Helper()
	if os.Getuid() != 0 {
		return NewHost(t)
	}
	if _, err := osexec.LookPath("setpriv"); err != nil {
		t.Skip("we are root, and setpriv is not there to become somebody else")
	}
	sh := filepath.Join(t.TempDir(), "sh")
	text := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid=%d --regid=%[1]d --clear-groups /bin/sh \"$@\"\n", nobody)
	if err := os.WriteFile(sh, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, sh)
	if err := errors.Join(os.Chmod(filepath.Dir(h.Home), 0o755), os.Chown(h.Home, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	return h
}

func testDenied(t *testing.T, k Kind) {
	next := Tree{"README": "after\n"}
	s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
	h := newPlainHost(t)
	k.running(t, s, h)
	for _, place := range []string{".shipit/cache.git", "releases", ".shipit", ".shipit/manifest", "shared"} {
		if place == ".shipit/cache.git" && k.Name != "git" {
			continue
		}
		if place == "shared" {
			if err := os.RemoveAll(h.Path("shared/log")); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(h.Path(place))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(h.Path(place), 0o555); err != nil {
			t.Fatal(err)
		}
		was := look(t, h)
		err = s.Stage(h, "v1", "")
		if err == nil {
			t.Fatalf("%s cannot be written, and the release is brought", place)
		}
		told := Told(err)
		t.Logf("%s: %s", k.Name, told)
		last := told[strings.LastIndex(told, "\n")+1:]
		if !strings.Contains(last, place) || !strings.Contains(last, "write") && !strings.Contains(last, "made") {
			t.Errorf("it does not say that %s cannot be written: %s", place, told)
		}
		unharmed(t, h, was, place+" cannot be written")
		h.NothingLeft()
		if err := os.Chmod(h.Path(place), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
		s.MustStage(h, "v1", "")
		k.whole(t, h, "v1", next)
		h.forget("v1")
	}
}

// testPlanted puts links where a delivery writes. What they lead to stays as
// it is.
func testPlanted(t *testing.T, k Kind) {
	next := Tree{"README": "after\n", "a/b": "deep\n"}
	s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
	h := NewHost(t)
	k.running(t, s, h)
	outside := filepath.Join(h.Home, "outside")
	file := filepath.Join(outside, "file")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(file, []byte("mine"), 0o400), os.Chmod(outside, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(outside, 0o755) })
	was := Files(t, outside)
	for place, to := range map[string]string{
		"releases/v1": outside, ".shipit/incoming-run-1": outside, ".shipit/incoming-other": outside,
		".shipit/incoming-run-1.list": file, ".shipit/incoming-run-1.out": file, ".shipit/manifest/v1": file,
		".shipit/cache.git": outside, ".shipit/cache.git.new": outside,
	} {
		if err := errors.Join(os.RemoveAll(h.Path(place)), os.Symlink(to, h.Path(place))); err != nil {
			t.Fatal(err)
		}
	}
	s.MustStage(h, "v1", "")
	k.whole(t, h, "v1", next)
	k.whole(t, h, "v0", before)
	if diff := cmp.Diff(was, Files(t, outside)); diff != "" {
		t.Errorf("a planted link was followed (-before +after):\n%s", diff)
	}

	// A shared path that leads nowhere is not made anew, because it may lead to
	// a disk that is not there today.
	if err := errors.Join(os.RemoveAll(h.Path("releases/v1")), os.RemoveAll(h.Path("shared/log")), os.Symlink("/nowhere/at all", h.Path("shared/log"))); err != nil {
		t.Fatal(err)
	}
	before := look(t, h)
	err := s.Stage(h, "v1", "")
	if err == nil || !strings.Contains(Told(err), "shared/log") || !strings.Contains(Told(err), "leads nowhere") {
		t.Errorf("a shared path that leads nowhere: %s", Told(err))
	}
	unharmed(t, h, before, "a shared path leads nowhere")
}

// testSharedThroughLink has a release put a link on the way to a shared path.
func testSharedThroughLink(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v0": before, "v1": {"data": "-> other", "other/x": ""}})
	h := NewHost(t)
	was := k.running(t, s, h)
	err := s.Stage(h, "v1", "")
	if err == nil || !strings.Contains(Told(err), "data/in") {
		t.Errorf("a shared path was linked through a link: %s", Told(err))
	}
	unharmed(t, h, was, "a shared path would lead elsewhere")
	h.NothingLeft()
	if _, err := os.Lstat(h.Path("releases/v1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a release appeared: %v", err)
	}
}
