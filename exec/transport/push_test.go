package transport_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/release"
	"shipit/exec/remote"
	"shipit/exec/transport"
)

// A tree is a release: contents by path. "-> x" is a link to x; a content
// that begins with "#!" is executable.
type tree map[string]string

// A repo is a repository in memory.
type repo struct {
	trees map[string]tree // by commit
	blobs map[string]string
	reads int
}

func newRepo(trees map[string]tree) *repo { return &repo{trees: trees, blobs: map[string]string{}} }

func (r *repo) Tree(_ context.Context, commit string) ([]release.Entry, error) {
	t, ok := r.trees[commit]
	if !ok {
		return nil, errors.New("no commit " + commit)
	}
	var out []release.Entry
	for path, text := range t {
		mode := uint32(release.ModeFile)
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case link:
			mode, text = release.ModeSymlink, target
		case strings.HasPrefix(text, "#!"):
			mode = release.ModeExecutable
		}
		sum := sha1.Sum([]byte(text))
		oid := hex.EncodeToString(sum[:])
		r.blobs[oid] = text
		out = append(out, release.Entry{Path: path, Mode: mode, OID: oid, Size: int64(len(text))})
	}
	slices.SortFunc(out, func(a, b release.Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func (r *repo) Blobs(_ context.Context, oids []string, fn func(string, int64, io.Reader) error) error {
	for _, oid := range oids {
		r.reads++
		if err := fn(oid, int64(len(r.blobs[oid])), strings.NewReader(r.blobs[oid])); err != nil {
			return err
		}
	}
	return nil
}

// A host is this machine with a home directory of its own.
type host struct {
	t    *testing.T
	conn remote.Conn
	home string
}

func newHost(t *testing.T) *host {
	t.Helper()
	home := t.TempDir()
	conn, err := remote.NewLocal(home).Dial(t.Context(), remote.Target{Name: "local"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &host{t, conn, home}
}

func (h *host) path(elem ...string) string {
	return filepath.Join(append([]string{h.home, "my app"}, elem...)...)
}

func rel(commit string) transport.Release {
	return transport.Release{ID: "v-" + commit, Tag: "v/" + commit, Commit: commit}
}

// stage delivers a release; base is a commit or "".
func (h *host) stage(tr transport.Transport, commit, base string) error {
	h.t.Helper()
	d := transport.Delivery{Run: "run-1", Path: "my app", Release: rel(commit)}
	if base != "" {
		d.Base = rel(base)
	}
	s, data, size, err := tr.Step(h.t.Context(), d)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.conn.Run(h.t.Context(), remote.Command{Steps: []remote.Step{s}, Data: data, DataSize: size})
}

func (h *host) mustStage(tr transport.Transport, commit, base string) {
	h.t.Helper()
	if err := h.stage(tr, commit, base); err != nil {
		h.t.Fatalf("stage %s from %q: %s", commit, base, told(err))
	}
}

func told(err error) string {
	var s *remote.StepError
	if errors.As(err, &s) {
		return fmt.Sprintf("%v: %s", err, strings.Join(s.Output, "\n"))
	}
	return fmt.Sprint(err)
}

// files lists what is below dir: mode, kind and content of everything.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if text, err = os.Readlink(p); err != nil {
				return err
			}
			text = "-> " + text
		case info.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text = info.Mode().String() + " " + string(b)
		default:
			text = info.Mode().String()
		}
		name, _ := filepath.Rel(dir, p)
		out[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func push(t *testing.T, src transport.Source, shared ...any) transport.Transport {
	t.Helper()
	tr, err := transport.New("push", map[string]any{"shared": shared}, src)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

var one = tree{
	"README":           "hello\n",
	"bin/run":          "#!/bin/sh\n",
	"a/b/c":            "deep\n",
	"empty":            "",
	"-rf":              "an option?\n",
	"with space/é":     "ü\n",
	`back\slash "q" '`: "quotes\n",
	"$(touch x)`y`":    "shell\n",
	"link":             "-> a/b/c",
	"dangling":         "-> nowhere at all",
}

func TestPushBringsAllFiles(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.mustStage(push(t, newRepo(map[string]tree{"c1": one}), "log", "data/in"), "c1", "")
	got := files(t, h.path("releases", "v-c1"))
	want := map[string]string{
		".": "drwxr-xr-x", "README": "-rw-r--r-- hello\n", "bin": "drwxr-xr-x", "bin/run": "-rwxr-xr-x #!/bin/sh\n",
		"a": "drwxr-xr-x", "a/b": "drwxr-xr-x", "a/b/c": "-rw-r--r-- deep\n", "empty": "-rw-r--r-- ",
		"-rf": "-rw-r--r-- an option?\n", "with space": "drwxr-xr-x", "with space/é": "-rw-r--r-- ü\n",
		`back\slash "q" '`: "-rw-r--r-- quotes\n", "$(touch x)`y`": "-rw-r--r-- shell\n",
		"link": "-> a/b/c", "dangling": "-> nowhere at all",
		"log": "-> ../../shared/log", "data": "drwxr-xr-x", "data/in": "-> ../../../shared/data/in",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, link := range []string{"log", "data/in"} {
		if info, err := os.Stat(h.path("releases", "v-c1", link)); err != nil || !info.IsDir() {
			t.Errorf("%s does not lead to a shared directory: %v", link, err)
		}
	}
	h.nothingLeft()
}

// nothingLeft sees that no half release lies about.
func (h *host) nothingLeft() {
	h.t.Helper()
	left, err := filepath.Glob(h.path(".shipit", "incoming-*"))
	if err != nil || len(left) > 0 {
		h.t.Errorf("left behind: %v %v", left, err)
	}
}

func TestStagingAgainDoesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tr := push(t, newRepo(map[string]tree{"c1": one}))
	h.mustStage(tr, "c1", "")
	before, err := os.Stat(h.path("releases", "v-c1"))
	if err != nil {
		t.Fatal(err)
	}
	h.mustStage(tr, "c1", "")
	after, err := os.Stat(h.path("releases", "v-c1"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the release was replaced (%v)", err)
	}
}

func TestPushBuildsOneParcelForManyHosts(t *testing.T) {
	t.Parallel()
	r := newRepo(map[string]tree{"c1": one})
	tr := push(t, r)
	newHost(t).mustStage(tr, "c1", "")
	reads := r.reads
	newHost(t).mustStage(tr, "c1", "")
	if r.reads != reads {
		t.Errorf("the second host cost %d more reads", r.reads-reads)
	}
}

// random makes a tree whose names collide: a directory here is a file or a
// link there.
func random(r *rand.Rand) tree {
	out := tree{}
	names := []string{"a", "b", "c d", "-e", "é", "f\\g", "*"}
	taken := func(p string) bool {
		for q := range out {
			if q == p || strings.HasPrefix(q, p+"/") || strings.HasPrefix(p, q+"/") {
				return true
			}
		}
		return false
	}
	for range 4 + r.IntN(20) {
		var parts []string
		for range 1 + r.IntN(3) {
			parts = append(parts, names[r.IntN(len(names))])
		}
		p := strings.Join(parts, "/")
		if taken(p) {
			continue
		}
		switch text := fmt.Sprint("text ", r.IntN(4)); r.IntN(5) {
		case 0:
			out[p] = "-> " + names[r.IntN(len(names))]
		case 1:
			out[p] = "#!" + text
		default:
			out[p] = text
		}
	}
	return out
}

func TestDifferenceEqualsAll(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			base, next := random(r), random(r)
			for p, text := range base { // keep some of it
				if r.IntN(2) == 0 && !clashes(next, p) {
					next[p] = text
				}
			}
			src := newRepo(map[string]tree{"c1": base, "c2": next})
			all, delta := newHost(t), newHost(t)
			all.mustStage(push(t, src, "log/x"), "c2", "")
			tr := push(t, src, "log/x")
			delta.mustStage(tr, "c1", "")
			was := files(t, delta.path("releases", "v-c1"))
			delta.mustStage(tr, "c2", "c1")
			if diff := cmp.Diff(files(t, all.path("releases", "v-c2")), files(t, delta.path("releases", "v-c2"))); diff != "" {
				t.Errorf("all (-) and the difference (+) differ:\n%s", diff)
			}
			if diff := cmp.Diff(was, files(t, delta.path("releases", "v-c1"))); diff != "" {
				t.Errorf("the base was changed:\n%s", diff)
			}
			m1, _ := os.ReadFile(all.path(".shipit", "manifest", "v-c2"))
			m2, _ := os.ReadFile(delta.path(".shipit", "manifest", "v-c2"))
			if len(m1) == 0 || !bytes.Equal(m1, m2) {
				t.Errorf("manifests differ:\n%s\n%s", m1, m2)
			}
			delta.nothingLeft()
		})
	}
}

func clashes(t tree, p string) bool {
	for q := range t {
		if q == p || strings.HasPrefix(q, p+"/") || strings.HasPrefix(p, q+"/") {
			return true
		}
	}
	return false
}

func TestDifferenceSendsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789abcdef", 1<<14)
	src := newRepo(map[string]tree{"c1": {"big": big, "v": "1"}, "c2": {"big": big, "v": "2"}})
	tr := push(t, src)
	_, _, size, err := tr.Step(t.Context(), transport.Delivery{Run: "r", Path: "p", Release: rel("c2"), Base: rel("c1")})
	if err != nil || size > 16<<10 {
		t.Errorf("sends %d bytes (%v) for one small file", size, err)
	}
	h := newHost(t)
	h.mustStage(tr, "c1", "")
	h.mustStage(tr, "c2", "c1")
	a, _ := os.Stat(h.path("releases", "v-c1", "big"))
	b, _ := os.Stat(h.path("releases", "v-c2", "big"))
	if !os.SameFile(a, b) {
		t.Error("what did not change is not shared between the releases")
	}
}

func TestBaseThatIsNotWhatItSaysNeedsAll(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(h *host) error{
		"content":     func(h *host) error { return os.WriteFile(h.path("releases/v-c1/README"), []byte("hacked"), 0o644) },
		"extra":       func(h *host) error { return os.WriteFile(h.path("releases/v-c1/extra"), nil, 0o644) },
		"missing":     func(h *host) error { return os.Remove(h.path("releases/v-c1/README")) },
		"manifest":    func(h *host) error { return os.Remove(h.path(".shipit/manifest/v-c1")) },
		"mode":        func(h *host) error { return os.Chmod(h.path("releases/v-c1/README"), 0o755) },
		"planted dir": func(h *host) error { return plant(h) },
	}
	for name, do := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			next := tree{"README": "hello\n", "a/b/c": "changed\n", "bin/run": "#!/bin/sh\n"}
			tr := push(t, newRepo(map[string]tree{"c1": one, "c2": next}))
			h.mustStage(tr, "c1", "")
			if err := do(h); err != nil {
				t.Fatal(err)
			}
			err := h.stage(tr, "c2", "c1")
			var s *remote.StepError
			if !errors.As(err, &s) || s.Code != transport.NeedAll {
				t.Fatalf("error is %s, want exit status %d", told(err), transport.NeedAll)
			}
			if _, err := os.Stat(h.path("releases", "v-c2")); err == nil {
				t.Error("a release appeared")
			}
			if _, err := os.Stat(filepath.Join(h.home, "outside", "c")); err == nil {
				t.Error("a planted link was followed out of the release")
			}
			h.nothingLeft()
			h.mustStage(tr, "c2", "")
		})
	}
}

// plant puts a link out of the release in place of a directory.
func plant(h *host) error {
	outside := filepath.Join(h.home, "outside")
	return errors.Join(
		os.MkdirAll(outside, 0o755),
		os.RemoveAll(h.path("releases/v-c1/a/b")),
		os.Symlink(outside, h.path("releases/v-c1/a/b")))
}

// H4: a host must never get an empty or half directory that looks like a
// release, wherever the stream is cut.
func TestH4CutStreamIsNoRelease(t *testing.T) {
	t.Parallel()
	src := newRepo(map[string]tree{"c1": one})
	tr := push(t, src)
	h := newHost(t)
	s, data, size, err := tr.Step(t.Context(), transport.Delivery{Run: "run-1", Path: "my app", Release: rel("c1")})
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(data)
	if err != nil || int64(len(all)) != size {
		t.Fatalf("%d bytes, announced %d: %v", len(all), size, err)
	}
	for _, n := range []int{0, 1, 511, 512, 700, len(all) / 2, len(all) - 1024, len(all) - 1} {
		err := h.conn.Run(t.Context(), remote.Command{
			Steps: []remote.Step{s}, Data: bytes.NewReader(all[:n]), DataSize: size,
		})
		if err == nil {
			t.Errorf("cut after %d of %d bytes, and staged all the same", n, size)
		}
		if _, err := os.Stat(h.path("releases", "v-c1")); err == nil {
			t.Fatalf("cut after %d of %d bytes, and a release appeared", n, size)
		}
	}
	// A stream of the right length with other contents is no release either.
	flipped := bytes.Replace(all, []byte("hello"), []byte("hullo"), 1)
	err = h.conn.Run(t.Context(), remote.Command{Steps: []remote.Step{s}, Data: bytes.NewReader(flipped), DataSize: size})
	if err == nil {
		t.Error("a flipped byte was not noticed")
	}
	h.nothingLeft()
	h.mustStage(tr, "c1", "")
}

func TestLeftoversOfAnotherRunAreRemoved(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	left := h.path(".shipit", "incoming-dead", "x")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0o555); err != nil {
		t.Fatal(err)
	}
	h.mustStage(push(t, newRepo(map[string]tree{"c1": one})), "c1", "")
	h.nothingLeft()
}

func TestSharedPathInTheReleaseIsRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	err := h.stage(push(t, newRepo(map[string]tree{"c1": one}), "README"), "c1", "")
	if err == nil || !strings.Contains(told(err), "README is in the release itself") {
		t.Errorf("error is %s", told(err))
	}
	h.nothingLeft()
}

func TestEmptyTreeAndManyFiles(t *testing.T) {
	t.Parallel()
	many := tree{}
	for i := range 700 {
		many[fmt.Sprintf("d%d/f%d with a rather long name that fills the line", i%7, i)] = fmt.Sprint(i)
	}
	h := newHost(t)
	tr := push(t, newRepo(map[string]tree{"c0": {}, "c1": many}))
	h.mustStage(tr, "c0", "")
	h.mustStage(tr, "c1", "c0")
	if got := len(files(t, h.path("releases", "v-c1"))); got != 700+7+1 {
		t.Errorf("%d entries", got)
	}
	if err := os.RemoveAll(h.path("releases", "v-c0")); err != nil {
		t.Fatal(err)
	}
	h.mustStage(tr, "c0", "c1")
	if got := len(files(t, h.path("releases", "v-c0"))); got != 1 {
		t.Errorf("%d entries in the empty release", got)
	}
}
