package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

func TestPushBuildsOneParcelForManyHosts(t *testing.T) {
	t.Parallel()
	r := transporttest.NewRepo(map[string]tree{"c1": one})
	tr := push(t, r)
	mustStage(t, transporttest.NewHost(t), tr, "c1", "")
	reads := r.Reads
	mustStage(t, transporttest.NewHost(t), tr, "c1", "")
	if r.Reads != reads {
		t.Errorf("the second host cost %d more reads", r.Reads-reads)
	}
}

// A remembering source keeps digests as a repository does.
type remembering struct {
	*transporttest.Repo
	kept map[string]string
}

func (r *remembering) Digests() map[string]string      { return maps.Clone(r.kept) }
func (r *remembering) KeepDigests(d map[string]string) { r.kept = maps.Clone(d) }

// The next run reads of a release what is new in it and where links lead, and
// what it has no use for is forgotten.
func TestTheNextRunReadsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	two := maps.Clone(one)
	two["README"] = "hello again\n"
	r := &remembering{Repo: transporttest.NewRepo(map[string]tree{"c1": one, "c2": two})}
	h := transporttest.NewHost(t)
	mustStage(t, h, push(t, r), "c1", "")
	known, reads := maps.Clone(r.kept), r.Reads
	mustStage(t, h, push(t, r), "c2", "c1")
	// The links, and the new content to be hashed and to be sent.
	if n := r.Reads - reads; n != 2+2 {
		t.Errorf("it read %d contents of %d", n, len(two))
	}
	if len(known) != len(one) || len(r.kept) != len(two) || maps.Equal(known, r.kept) {
		t.Errorf("it remembers %d contents, then %d", len(known), len(r.kept))
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
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			base, next := random(r), random(r)
			for p, text := range base { // keep some of it
				if r.IntN(2) == 0 && !clashes(next, p) {
					next[p] = text
				}
			}
			src := transporttest.NewRepo(map[string]tree{"c1": base, "c2": next})
			all, delta := transporttest.NewHost(t), transporttest.NewHost(t)
			mustStage(t, all, push(t, src, "log/x"), "c2", "")
			tr := push(t, src, "log/x")
			mustStage(t, delta, tr, "c1", "")
			was := transporttest.Files(t, delta.Path("releases", "v-c1"))
			mustStage(t, delta, tr, "c2", "c1")
			if diff := cmp.Diff(transporttest.Files(t, all.Path("releases", "v-c2")), transporttest.Files(t, delta.Path("releases", "v-c2"))); diff != "" {
				t.Errorf("all (-) and the difference (+) differ:\n%s", diff)
			}
			if diff := cmp.Diff(was, transporttest.Files(t, delta.Path("releases", "v-c1"))); diff != "" {
				t.Errorf("the base was changed:\n%s", diff)
			}
			m1, _ := os.ReadFile(all.Path(".shipit", "manifest", "v-c2"))
			m2, _ := os.ReadFile(delta.Path(".shipit", "manifest", "v-c2"))
			if len(m1) == 0 || !bytes.Equal(m1, m2) {
				t.Errorf("manifests differ:\n%s\n%s", m1, m2)
			}
			delta.NothingLeft()
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

// H4: a host must never get an empty or half directory that looks like a
// release, wherever the stream is cut.
func TestH4CutStreamIsNoRelease(t *testing.T) {
	t.Parallel()
	src := transporttest.NewRepo(map[string]tree{"c1": one})
	tr := push(t, src)
	h := transporttest.NewHost(t)
	s, data, size, err := tr.Step(t.Context(), transport.Delivery{Run: "run-1", Path: "my app", Release: rel("c1")})
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(data)
	if err != nil || int64(len(all)) != size {
		t.Fatalf("%d bytes, announced %d: %v", len(all), size, err)
	}
	for _, n := range []int{0, 511, len(all) / 2, len(all) - 1024} {
		err := h.Run(s, bytes.NewReader(all[:n]), size)
		if err == nil {
			t.Errorf("cut after %d of %d bytes, and staged all the same", n, size)
		}
		if _, err := os.Stat(h.Path("releases", "v-c1")); err == nil {
			t.Fatalf("cut after %d of %d bytes, and a release appeared", n, size)
		}
	}
	// A stream of the right length with other contents is no release either.
	flipped := bytes.Replace(all, []byte("hello"), []byte("hullo"), 1)
	err = h.Run(s, bytes.NewReader(flipped), size)
	if err == nil {
		t.Error("a flipped byte was not noticed")
	}
	h.NothingLeft()
	mustStage(t, h, tr, "c1", "")
}

// goneHalfway is a source that cannot be read to its end.
type goneHalfway struct{ *transporttest.Repo }

func (g goneHalfway) Blobs(ctx context.Context, oids []string, fn func(string, int64, io.Reader) error) error {
	if err := g.Repo.Blobs(ctx, oids[:len(oids)/2], fn); err != nil {
		return err
	}
	return errors.New("fatal: unable to read tree")
}

// TestPushOfASourceThatIsGone: the parcel is whole before a host is asked for
// anything.
func TestPushOfASourceThatIsGone(t *testing.T) {
	t.Parallel()
	src := transporttest.NewRepo(map[string]tree{"c1": one})
	for commit, src := range map[string]transport.Source{"c1": goneHalfway{src}, "c2": src} {
		s, data, size, err := push(t, src).Step(t.Context(), transport.Delivery{Run: "run-1", Path: "my app", Release: rel(commit)})
		if err == nil || !strings.Contains(err.Error(), "cannot pack release v/"+commit) {
			t.Errorf("%s: error %v", commit, err)
		}
		if s.Shell != "" || data != nil || size != 0 {
			t.Errorf("%s: there is something to send, %d bytes", commit, size)
		}
	}
}

func TestLeftoversOfAnotherRunAreRemoved(t *testing.T) {
	t.Parallel()
	h := transporttest.NewHost(t)
	left := h.Path(".shipit", "incoming-dead", "x")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0o555); err != nil {
		t.Fatal(err)
	}
	mustStage(t, h, push(t, transporttest.NewRepo(map[string]tree{"c1": one})), "c1", "")
	h.NothingLeft()
}

func TestSharedPathInTheReleaseIsRefused(t *testing.T) {
	t.Parallel()
	h := transporttest.NewHost(t)
	err := stage(h, push(t, transporttest.NewRepo(map[string]tree{"c1": one}), "README"), "c1", "")
	if err == nil || !strings.Contains(transporttest.Told(err), "README is in the release itself") {
		t.Errorf("error is %s", transporttest.Told(err))
	}
	h.NothingLeft()
}

func TestEmptyTreeAndManyFiles(t *testing.T) {
	t.Parallel()
	many := tree{}
	for i := range 700 {
		many[fmt.Sprintf("d%d/f%d with a rather long name that fills the line", i%7, i)] = fmt.Sprint(i)
	}
	h := transporttest.NewHost(t)
	tr := push(t, transporttest.NewRepo(map[string]tree{"c0": {}, "c1": many}))
	mustStage(t, h, tr, "c0", "")
	mustStage(t, h, tr, "c1", "c0")
	if got := len(transporttest.Files(t, h.Path("releases", "v-c1"))); got != 700+7+1 {
		t.Errorf("%d entries", got)
	}
	if err := os.RemoveAll(h.Path("releases", "v-c0")); err != nil {
		t.Fatal(err)
	}
	mustStage(t, h, tr, "c0", "c1")
	if got := len(transporttest.Files(t, h.Path("releases", "v-c0"))); got != 1 {
		t.Errorf("%d entries in the empty release", got)
	}
}
