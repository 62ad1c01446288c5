package transport_test

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/tag"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

// diskOf is what the files below dir take.
func diskOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		sum += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestGitCacheHoldsWhatIsKept: as releases come and old ones go, a host's
// cache and those of its submodules stay at what the releases need that are
// there; what is left brings the next ones as before.
func TestGitCacheHoldsWhatIsKept(t *testing.T) {
	t.Parallel()
	const keep, size = 3, 3 * block
	f := newForge(t)
	lib, app := transporttest.NewOrigin(t), transporttest.NewOrigin(t)
	url := f.put("app", app)
	f.put("lib", lib)
	h, tr := transporttest.NewHost(t), kind(t, "git", map[string]any{"submodules": true}, nil)
	cache := h.Path(".shipit/cache.git")
	refs := func() []string {
		out, err := osexec.Command("git", "--git-dir="+cache, "for-each-ref", "--format=%(refname)").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.Fields(string(out))
	}
	script := transport.Forget()
	forget := func(id string) {
		t.Helper()
		if id != "" {
			if err := os.RemoveAll(h.Path("releases", id)); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Run(remote.Step{ID: "prune", Op: "prune", Shell: "p='my app'\n" + script}, nil, 0); err != nil {
			t.Fatal(transporttest.Told(err))
		}
	}
	forget("") // where there is no cache

	var ids []string
	var most int64
	for i := range uint64(10) {
		lib.Commit(fmt.Sprint("l", i), tree{"large": incompressible(100+i, size)})
		app.Commit(fmt.Sprint("w", i), tree{"large": incompressible(i, size), "same": incompressible(99, size)})
		pin(app, "vendor/lib", "../../lib/.git", lib.Git("rev-parse", "HEAD"))
		r := tagged(app, fmt.Sprint("v", i))
		if i%2 == 0 {
			app.Git("tag", "-f", "-a", "-m", "annotated", r.Tag)
		}
		if i%3 == 0 { // a commit that no tag names
			app.Git("branch", fmt.Sprint("b", i))
			app.Git("tag", "-d", r.Tag)
			r.Tag = ""
		}
		r.ID = tag.ID(fmt.Sprint("v", i), r.Commit)
		if err := h.Stage(tr, transport.Delivery{Repo: url, Release: r}); err != nil {
			t.Fatalf("release %d: %s", i, transporttest.Told(err))
		}
		ids = append(ids, r.ID)
		if len(ids) > keep {
			forget(ids[len(ids)-keep-1])
			most = max(most, diskOf(t, cache))
			if got := refs(); len(got) != keep {
				t.Errorf("after release %d the cache names %v", i, got)
			}
		}
	}
	// Of each release its own large file, once the one that all have, and one of the submodule; all that ever came is twice as much.
	if need := int64((keep + 2) * size); most > 2*need+1<<20 {
		t.Errorf("the cache came to %d bytes, for releases of %d", most, need)
	} else {
		t.Logf("the cache came to %d bytes, for releases of %d", most, need)
	}

	// What is kept is whole: it is checked out without a server.
	for _, id := range ids[len(ids)-keep:] {
		if err := os.RemoveAll(h.Path("releases", id)); err != nil {
			t.Fatal(err)
		}
		commit := app.Git("rev-parse", id[strings.LastIndex(id, "-")+1:])
		if err := h.Stage(kind(t, "git", nil, nil), transport.Delivery{Repo: "/nowhere", Release: transport.Release{ID: id, Commit: commit}}); err != nil {
			t.Errorf("%s: %s", id, transporttest.Told(err))
		}
	}
	if out, err := osexec.Command("git", "--git-dir="+cache, "fsck", "--connectivity-only").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}

	// It has a pack of each fetch since, and is joined when they are many.
	packs := func() int {
		list, _ := filepath.Glob(filepath.Join(cache, "objects/pack/*.pack"))
		return len(list)
	}
	was := packs()
	script = strings.Replace(script, "-ge 50", fmt.Sprint("-ge ", was), 1)
	forget(ids[0])
	if is := packs(); was < 2 || is != 1 {
		t.Errorf("%d packs became %d", was, is)
	}

	// A cache that git cannot read is no reason to fail.
	if err := os.Remove(filepath.Join(cache, "HEAD")); err != nil {
		t.Fatal(err)
	}
	forget(ids[0])
}
