package transporttest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/transport"
)

// without is a PATH of what this machine has, but for some programs.
func without(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"/usr/bin", "/bin"} {
		entries, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if slices.Contains(programs, e.Name()) {
				continue
			}
			if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrExist) {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// testMissing takes a host a program that the plan saw there.
func testMissing(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v0": before, "v1": {"README": "after\n"}})
	h := NewHost(t)
	was := k.running(t, s, h)
	for _, program := range transport.Programs(k.Name) {
		if program == "find" || program == "sort" || program == "comm" {
			continue // as is cp, which nobody asks for either
		}
		names := strings.Split(program, "|")
		path := "PATH=" + remote.Quote(without(t, names...)) + "\n"
		s.Edit = func(shell string) string { return path + shell }
		err := s.Stage(h, "v1", "")
		s.Edit = nil
		if err == nil {
			t.Fatalf("%s is not there, and the release is brought", program)
		}
		t.Logf("%s: %s", k.Name, Told(err))
		for _, name := range names {
			if !strings.Contains(Told(err), name) {
				t.Errorf("it does not say that %s is missing: %s", name, Told(err))
			}
		}
		unharmed(t, h, was, program+" is not there")
		h.NothingLeft()
	}
}

// testCache breaks what git keeps on a host in every way that a crash or a
// hand can.
func testCache(t *testing.T, k Kind) {
	if k.Name != "git" {
		return // it keeps nothing
	}
	next := Tree{"README": "after\n", "a/b": noise(11, 5000)}
	s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
	h := NewHost(t)
	cache := h.Path(".shipit/cache.git")
	k.running(t, s, h)
	s.MustStage(h, "v1", "")
	intact := filepath.Join(h.Home, "intact")
	if err := os.CopyFS(intact, os.DirFS(cache)); err != nil {
		t.Fatal(err)
	}
	packs := func(do func(file string) error) error {
		files, err := filepath.Glob(filepath.Join(cache, "objects/pack/pack-*.pack"))
		if len(files) == 0 {
			err = errors.New("there is no pack")
		}
		for _, f := range files {
			err = errors.Join(err, os.Chmod(f, 0o644), do(f))
		}
		return err
	}
	file := func(name, text string) error { return os.WriteFile(filepath.Join(cache, name), []byte(text), 0o644) }
	for _, c := range []struct {
		name  string
		spoil func() error
	}{
		{"locks of a git that was killed", func() error {
			return errors.Join(file("packed-refs.lock", ""), file("shallow.lock", ""), file("config.lock", ""), file("HEAD.lock", ""), file("refs/tags/v1.lock", ""))
		}},
		{"half a pack", func() error {
			return packs(func(f string) error {
				info, err := os.Stat(f)
				return errors.Join(err, os.Truncate(f, info.Size()/2))
			})
		}},
		{"another byte in a pack", func() error {
			return packs(func(f string) error {
				b, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				b[len(b)/2] ^= 1
				return os.WriteFile(f, b, 0o644)
			})
		}},
		{"no pack", func() error { return packs(os.Remove) }},
		{"an empty reference", func() error { return file("refs/tags/v1", "") }},
		{"nonsense of where its history begins", func() error { return file("shallow", "nonsense\n") }},
		{"no HEAD", func() error { return os.Remove(filepath.Join(cache, "HEAD")) }},
		{"an empty directory", func() error { return errors.Join(os.RemoveAll(cache), os.Mkdir(cache, 0o755)) }},
		{"a file", func() error { return errors.Join(os.RemoveAll(cache), os.WriteFile(cache, nil, 0o644)) }},
	} {
		h.forget("v1")
		if err := errors.Join(os.CopyFS(cache, os.DirFS(intact)), c.spoil()); err != nil {
			t.Fatal(c.name, err)
		}
		if err := s.Stage(h, "v1", ""); err != nil {
			t.Errorf("%s: %s", c.name, Told(err))
			continue
		}
		k.whole(t, h, "v1", next)
	}
}
