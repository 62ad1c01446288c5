package transport_test

import (
	"fmt"
	"strings"
	"testing"

	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

// tagged commits what is staged, with a tag.
func tagged(o *transporttest.Origin, tag string) transport.Release {
	o.Git("commit", "-q", "-m", tag)
	o.Git("tag", tag)
	return transport.Release{ID: tag, Tag: tag, Commit: o.Git("rev-parse", "HEAD"), Tree: o.Git("rev-parse", "HEAD^{tree}")}
}

// pin adds a submodule, or sets the commit of one, by what the hosts see.
func pin(o *transporttest.Origin, path, url, commit string) {
	o.Git("config", "-f", ".gitmodules", "submodule."+path+".path", path)
	o.Git("config", "-f", ".gitmodules", "submodule."+path+".url", url)
	o.Git("add", ".gitmodules")
	o.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+","+path)
}

// TestGitSubmodules: relative URLs, one inside another, kept between releases,
// at an address that changes, and gone.
func TestGitSubmodules(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"any server", "a server that gives no commit by its name"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			testSubmodules(t, strings.Contains(server, "no commit"))
		})
	}
}

func testSubmodules(t *testing.T, old bool) {
	f := newForge(t)
	f.old.Store(old)
	inner, lib, app := transporttest.NewOrigin(t), transporttest.NewOrigin(t), transporttest.NewOrigin(t)
	f.put("inner", inner)
	f.put("lib", lib)
	repo := f.put("app", app)

	inner.Commit("i1", tree{"large": incompressible(20, block), "i": "1"})
	in1 := inner.Git("rev-parse", "HEAD")
	inner.Commit("i2", tree{"large": incompressible(21, block), "i": "2"}) // past what lib uses
	lib.Commit("l0", tree{"large": incompressible(22, block), "l": "0"})
	lib.Commit("l1", tree{"large": incompressible(23, block), "l": "1"})
	pin(lib, "in ner", "../../inner/.git", in1)
	l1 := tagged(lib, "l2").Commit

	app.Commit("v0", tree{"v": "0"})
	pin(app, "vendor/lib", "../../lib/.git", l1)
	v1 := tagged(app, "v1")
	pin(app, "vendor/lib", "../../lib/.git", lib.Git("rev-parse", "l1^{commit}"))
	v2 := tagged(app, "v2")                       // an older one, without the one inside
	pin(app, "vendor/lib", "../../lib2/.git", l1) // it has moved
	v3 := tagged(app, "v3")
	pin(app, "vendor/lib", "../../lib2/.git", v1.Commit) // a commit that nobody pushed
	v4 := tagged(app, "v4")

	h, tr := transporttest.NewHost(t), kind(t, "git", map[string]any{"submodules": true}, nil)
	bring := func(r transport.Release, want tree) (moved int64) {
		t.Helper()
		f.sent.Store(0)
		if err := h.Stage(tr, transport.Delivery{Repo: repo, Release: r}); err != nil {
			t.Fatalf("%s: %s", r.ID, transporttest.Told(err))
		}
		got := transporttest.Files(t, h.Path("releases", r.ID))
		for name, text := range want {
			if got[name] != "-rw-r--r-- "+text {
				t.Errorf("%s: %s is %.40q", r.ID, name, got[name])
			}
		}
		for name := range got {
			if strings.Contains(name, ".git/") || strings.HasSuffix(name, ".git") {
				t.Errorf("%s holds %s", r.ID, name)
			}
		}
		t.Logf("%s moved %d bytes", r.ID, f.sent.Load())
		return f.sent.Load()
	}
	inside := "vendor/lib/in ner/i"
	if n := bring(v1, tree{"v": "0", "vendor/lib/l": "1", inside: "1"}); !old && n > 3*block+block/2 {
		t.Errorf("%d bytes travelled for three releases of %d", n, block)
	}
	if n := bring(v2, tree{"vendor/lib/l": "1"}); n > block+block/2 {
		t.Errorf("%d bytes travelled for what is nearly there", n)
	}
	f.put("lib", nil)
	f.put("lib2", lib)
	if n := bring(v3, tree{"vendor/lib/l": "1", inside: "1"}); n > block/2 {
		t.Errorf("%d bytes travelled of submodules that were there", n)
	}

	refused := func(r transport.Release, words ...string) {
		t.Helper()
		err := h.Stage(tr, transport.Delivery{Repo: repo, Release: r})
		if err == nil {
			t.Fatalf("%s: it came all the same", r.ID)
		}
		t.Log(transporttest.Told(err))
		for _, w := range append(words, fmt.Sprintf("cannot fetch the submodules of commit %s", r.Commit), "what runs is untouched") {
			if !strings.Contains(transporttest.Told(err), w) {
				t.Errorf("%s: it does not say %q: %s", r.ID, w, transporttest.Told(err))
			}
		}
		h.NothingLeft()
	}
	refused(v4, "vendor/lib", "was not pushed")
	h = transporttest.NewHost(t)
	refused(v1, "vendor/lib", "/lib/.git", "There is no such repository", "look at .gitmodules")
}
