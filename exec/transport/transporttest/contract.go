// Package transporttest holds what every kind of transport must do, as tests,
// and what serves each kind on loopback.
package transporttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/remote"
	"shipit/exec/transport"
)

// What the tests of the contract look at. A kind that differs from another one
// in some of it only is tested for that.
const (
	arrival  = 1 << iota // what is there in the end
	changes              // one release after another
	bases                // what is there is not what it should be
	fetching             // how the bytes come
	room                 // a file system without any
	hosts                // what a host has and allows
)

// Run runs the contract against a kind.
func Run(t *testing.T, k Kind) {
	for _, tc := range []struct {
		about int
		name  string
		test  func(*testing.T, Kind)
	}{
		{arrival, "what arrives is the release", testWhole},
		{arrival, "a second delivery moves nothing", testTwice},
		{changes, "one thing becomes another and back", testKinds},
		{changes, "what is there does not travel", testLinks},
		{bases, "a base that is not what it should be", testBase},
		{fetching, "cut anywhere it is no release", testCut},
		{fetching, "a delivery that was cut is gone on with", testResume},
		{hosts, "a deployer that dies leaves no release", testDies},
		{fetching, "something else is refused", testSpoiled},
		{fetching, "a source that is gone", testGone},
		{fetching, "a source that stays silent", testStalled},
		{fetching, "mirrors that fail", testMirrors},
		{room, "a file system that is full", testFull},
		{hosts, "a directory that cannot be written", testDenied},
		{hosts, "a program that is not there", testMissing},
		{hosts, "planted links", testPlanted},
		{hosts, "a cache that is broken", testCache},
		{hosts, "a link on the way to a shared path", testSharedThroughLink},
	} {
		if k.About != 0 && k.About&tc.about == 0 {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.test(t, k)
		})
	}
}

// A release of which each entry has gone wrong somewhere.
var exotic = Tree{
	"README":           "hello\n",
	"bin/run":          "#!/bin/sh\n",
	"a/b/c":            "deep\n",
	"empty":            "",
	"-rf":              "an option?\n",
	"--help/-x":        "an option?\n",
	" lead and trail ": "spaces\n",
	"with space/é":     "ü\n",
	"e\u0301":          "composed otherwise\n",
	`back\slash "q" '`: "quotes\n",
	"$(touch x)`y`":    "shell\n",
	"*/?[a]":           "patterns\n",
	"link":             "-> a/b/c",
	"dir link":         "-> a/b",
	"up/link":          "-> ../a/b/c",
	"dangling":         "-> nowhere at all",
	"-> arrow":         "-> -rf",
	strings.Repeat("long name ", 20) + "/" + strings.Repeat("x", 200): "long\n",
	"nothing/in here/": "",
}

// before is the release that runs while another one is brought.
var before = Tree{"README": "before\n", "bin/run": "#!/bin/sh\nexit\n"}

// as is what a kind brings of a tree.
func (k Kind) as(t Tree) Tree {
	if k.EmptyDirs {
		return t
	}
	return t.Without()
}

// withShared adds what the shared paths of a test make of a release.
func withShared(files map[string]string) map[string]string {
	files["log"] = "-> ../../shared/log"
	files["data"] = "drwxr-xr-x"
	files["data/in"] = "-> ../../../shared/data/in"
	return files
}

// whole sees that the release stands there as its tree says.
func (k Kind) whole(t *testing.T, h *Host, id string, tree Tree) {
	t.Helper()
	if diff := cmp.Diff(withShared(k.as(tree).Files()), Files(t, h.Path("releases", id))); diff != "" {
		t.Errorf("release %s (-want +got):\n%s", id, diff)
	}
	manifest, err := os.ReadFile(h.Path(".shipit/manifest", id))
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(tree.Manifest(k.ListsDirs), string(manifest)); diff != "" {
		t.Errorf("manifest of %s (-want +got):\n%s", id, diff)
	}
	h.NothingLeft()
}

func (k Kind) serve(t *testing.T, trees map[string]Tree) *Source {
	t.Helper()
	s := k.Serve(t, trees)
	s.Edit = k.Edit
	return s
}

// A state is what must not change while a release is brought.
type state struct {
	link     string
	releases map[string]string
	shared   map[string]string
}

func look(t *testing.T, h *Host) state {
	t.Helper()
	link, _ := os.Readlink(h.Path("current"))
	return state{link, Files(t, h.Path("releases")), Files(t, h.Path("shared"))}
}

// unharmed sees that what ran before still does, and that nothing was added
// that could be taken for a release.
func unharmed(t *testing.T, h *Host, was state, what string) {
	t.Helper()
	if diff := cmp.Diff(was, look(t, h), cmp.AllowUnexported(state{})); diff != "" {
		t.Errorf("%s, and what runs was changed (-before +after):\n%s", what, diff)
	}
}

// running makes a host that runs v0.
func (k Kind) running(t *testing.T, s *Source, h *Host) state {
	t.Helper()
	s.MustStage(h, "v0", "")
	h.Live("v0")
	return look(t, h)
}

func testWhole(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v1": exotic})
	h := NewHost(t)
	s.MustStage(h, "v1", "")
	k.whole(t, h, "v1", exotic)
	for _, link := range []string{"log", "data/in"} {
		if info, err := os.Stat(h.Path("releases/v1", link)); err != nil || !info.IsDir() {
			t.Errorf("%s does not lead to a shared directory: %v", link, err)
		}
	}
}

func testTwice(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v1": before})
	h := NewHost(t)
	s.MustStage(h, "v1", "")
	first, err := os.Stat(h.Path("releases/v1"))
	if err != nil {
		t.Fatal(err)
	}
	s.Line.Passed()
	s.MustStage(h, "v1", "")
	if n := s.Line.Passed(); n != 0 {
		t.Errorf("%d bytes travelled again", n)
	}
	if again, err := os.Stat(h.Path("releases/v1")); err != nil || !os.SameFile(first, again) {
		t.Errorf("the release was replaced (%v)", err)
	}
}

func testKinds(t *testing.T, k Kind) {
	trees := map[string]Tree{
		"v1": {"x": "file\n", "y/a": "in a directory\n", "z": "-> x", "w": "#!/bin/sh\n", "same": "same\n", "v": "-> y", "u/b/c": "deep\n", "e/": "", "f/a": "full\n", "g": "file\n", "data/": ""},
		"v2": {"x/a": "file\n", "y": "-> x", "z": "file\n", "w": "#/bin/sh\n", "same": "same\n", "v/a": "in a directory\n", "u": "-> x", "e/a": "full\n", "f/": "", "g/": "", "data/": ""},
		"v3": {"x": "-> y", "y": "#!file\n", "z/a/b": "file\n", "w": "-> same", "same": "same\n", "v": "file\n", "u/b": "file\n", "e": "file\n", "f/": "", "h/i/": ""},
	}
	s := k.serve(t, trees)
	h := NewHost(t)
	live := ""
	for _, next := range []string{"v1", "v2", "v3", "v1"} {
		if live != "" { // there and back
			h.forget(next)
		}
		s.MustStage(h, next, live)
		k.whole(t, h, next, trees[next])
		if live != "" {
			k.whole(t, h, live, trees[live])
		}
		live = next
	}
}

// noise is text that nothing makes smaller.
func noise(seed uint64, n int) string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

func testLinks(t *testing.T, k Kind) {
	if !k.Links {
		return // it brings each release whole
	}
	big := noise(1, 200_000)
	s := k.serve(t, map[string]Tree{"v1": {"big": big, "v": "1"}, "v2": {"big": big, "v": "2"}})
	h := NewHost(t)
	s.MustStage(h, "v1", "")
	s.Line.Passed()
	s.MustStage(h, "v2", "v1")
	if n := s.Line.Passed(); n > 20_000 {
		t.Errorf("%d bytes travelled for a file of one", n)
	}
	a, err1 := os.Stat(h.Path("releases/v1/big"))
	b, err2 := os.Stat(h.Path("releases/v2/big"))
	if err := errors.Join(err1, err2); err != nil || !os.SameFile(a, b) {
		t.Errorf("what did not change is there twice (%v)", err)
	}
}

func testBase(t *testing.T, k Kind) {
	if !k.Links {
		return // it uses none
	}
	for name, spoil := range map[string]func(h *Host) error{
		"another content": func(h *Host) error { return os.WriteFile(h.Path("releases/v0/README"), []byte("hacked\n"), 0o644) },
		"a file more":     func(h *Host) error { return os.WriteFile(h.Path("releases/v0/more"), nil, 0o644) },
		"a mode":          func(h *Host) error { return os.Chmod(h.Path("releases/v0/README"), 0o755) },
		"a file less":     func(h *Host) error { return os.Remove(h.Path("releases/v0/README")) },
		"no manifest":     func(h *Host) error { return os.Remove(h.Path(".shipit/manifest/v0")) },
		"a planted link": func(h *Host) error {
			return errors.Join(os.RemoveAll(h.Path("releases/v0/bin")), os.Symlink(h.Home, h.Path("releases/v0/bin")))
		},
		"a link in the place of a new directory": func(h *Host) error { return os.Symlink(h.Home, h.Path("releases/v0/lib")) },
		"a link in the place of a new file":      func(h *Host) error { return os.Symlink(h.Home+"/run", h.Path("releases/v0/new")) },
		"a directory in the place of a new file": func(h *Host) error { return os.MkdirAll(h.Path("releases/v0/new/x"), 0o755) },
		"nothing at all":                         func(h *Host) error { return os.RemoveAll(h.Path("releases/v0")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := Tree{"README": before["README"], "bin/run": "#!/bin/sh\nexit 1\n", "new": "new\n", "lib/run": "new\n"}
			s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
			h := NewHost(t)
			s.MustStage(h, "v0", "")
			if err := spoil(h); err != nil {
				t.Fatal(err)
			}
			was := look(t, h)
			err := s.Stage(h, "v1", "v0")
			var no *remote.StepError
			if errors.As(err, &no) && no.Code == transport.NeedAll {
				unharmed(t, h, was, "the base is not used")
				h.NothingLeft()
				err = s.Stage(h, "v1", "")
			}
			if err != nil {
				t.Fatal(Told(err))
			}
			k.whole(t, h, "v1", next)
			if _, err := os.Stat(h.Home + "/run"); err == nil {
				t.Error("a planted link led out of the release")
			}
		})
	}
}

// cuts are where a line is cut: everywhere at the borders of blocks if asked
// for, else at some places.
func cuts(size int64) []int64 {
	if os.Getenv("SHIPIT_CUTS") == "" {
		return []int64{1, size / 2, size - 600}
	}
	var all []int64
	for n := int64(0); n < size; n += 512 {
		all = append(all, n, n+511)
	}
	return all
}

func testCut(t *testing.T, k Kind) {
	const least = 3000 // its noise by gzip
	next := Tree{"README": "after\n", "bin/run": "#!/bin/sh\n", "a/b": noise(2, 3000), "link": "-> a/b", "z": noise(3, 600)}
	s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
	h := NewHost(t)
	k.running(t, s, h)
	s.Line.Passed()
	s.MustStage(h, "v1", "")
	size := s.Line.Passed()
	if size < least {
		t.Fatalf("%d bytes cannot be the release", size)
	}
	for _, n := range cuts(size) {
		h.forget("v1")
		was := look(t, h)
		what := fmt.Sprintf("cut after %d of %d bytes", n, size)
		s.Line.Cut(n)
		err := s.Stage(h, "v1", "")
		s.Line.Mend()
		if err == nil { // what was left out may be no more than a farewell
			k.whole(t, h, "v1", next)
			if n < least {
				t.Errorf("%s, and it is there all the same", what)
			}
			continue
		}
		unharmed(t, h, was, what)
		if _, err := os.Stat(h.Path(".shipit/manifest/v1")); err == nil {
			t.Errorf("%s, and there is a manifest", what)
		}
		s.MustStage(h, "v1", "")
		k.whole(t, h, "v1", next)
		k.whole(t, h, "v0", before)
	}
}

func testResume(t *testing.T, k Kind) {
	if !k.Resumes {
		return // it begins anew
	}
	next := Tree{"a": noise(4, 150_000), "b": noise(5, 300_000), "c": noise(6, 50_000)}
	s := k.serve(t, map[string]Tree{"v1": next})
	h := NewHost(t)
	s.Line.Cut(400_000)
	if err := s.Stage(h, "v1", ""); err == nil {
		t.Fatal("a cut was not noticed")
	}
	s.Line.Mend()
	s.Line.Passed()
	s.MustStage(h, "v1", "")
	if n := s.Line.Passed(); n > 250_000 {
		t.Errorf("400,000 of 500,000 bytes were there, and %d travelled again", n)
	}
	k.whole(t, h, "v1", next)
}

func testDies(t *testing.T, k Kind) {
	next := Tree{"a": noise(4, 150_000), "b": noise(5, 100_000)}
	s := k.serve(t, map[string]Tree{"v0": before, "v1": next})
	h := NewHost(t)
	was := k.running(t, s, h)
	s.Line.Stall(150_000)
	done := make(chan error)
	go func() { done <- s.Stage(h, "v1", "") }()
	for range 200 {
		if s.Line.dry() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.conn.Close()
	if k.Name == "push" {
		s.Line.Mend() // it is the deployer's own reader that waits
	}
	if err := <-done; err == nil {
		t.Fatal("the end of the connection went unnoticed")
	}
	s.Line.Mend()
	unharmed(t, h, was, "the deployer died")
	h.dial()
	s.MustStage(h, "v1", "")
	k.whole(t, h, "v1", next)
}

func testSpoiled(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v0": before, "v1": {"README": "after\n"}})
	if s.Spoil == nil {
		return // its source is the deployer
	}
	h := NewHost(t)
	was := k.running(t, s, h)
	s.Spoil("v1")
	k.refused(t, s, h, was, "the source holds something else")
}

func testGone(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v0": before, "v1": {"README": "after\n"}})
	if s.Gone == nil {
		return // its source is the deployer
	}
	h := NewHost(t)
	was := k.running(t, s, h)
	s.Gone("v1")
	k.refused(t, s, h, was, "the release is gone")
	s.Line.Cut(0)
	k.refused(t, s, h, was, "the server is gone")
}

// refused sees that v1 is not brought, and that nothing remains of the try.
func (k Kind) refused(t *testing.T, s *Source, h *Host, was state, what string) {
	t.Helper()
	err := s.Stage(h, "v1", "")
	if err == nil {
		t.Fatalf("%s, and it is brought", what)
	}
	t.Logf("%s: %s: %s", k.Name, what, Told(err))
	unharmed(t, h, was, what)
	h.NothingLeft()
}

func testStalled(t *testing.T, k Kind) {
	s := k.serve(t, map[string]Tree{"v0": before, "v1": {"README": noise(7, 10_000)}})
	if s.Gone == nil {
		return // its source is the deployer
	}
	h := NewHost(t)
	was := k.running(t, s, h)
	s.Line.Stall(2000)
	began := time.Now()
	err := s.Stage(h, "v1", "", func(d *transport.Delivery) { d.Within = time.Second })
	s.Line.Mend()
	if err == nil {
		t.Fatal("it came all the same")
	}
	t.Logf("%s: %s", k.Name, Told(err))
	if !strings.Contains(Told(err), "within 1 s") || time.Since(began) > 10*time.Second {
		t.Errorf("after %s it does not say that the time is over: %s", time.Since(began), Told(err))
	}
	unharmed(t, h, was, "the source stays silent")
}
