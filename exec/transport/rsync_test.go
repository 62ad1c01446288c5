package transport_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"shipit/exec/transport/transporttest"
)

func TestRsyncLinksWhatTheHostHas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := tree{"same": "same", "changed": "before", "a/gone": "gone"}
	second := tree{"same": "same", "changed": "behind", "a/new": "new"}
	tree{".git/config": "not a part of the release"}.Put(t, filepath.Join(dir, "2"))
	first.Put(t, filepath.Join(dir, "1"))
	second.Put(t, filepath.Join(dir, "2"))
	// Size and time of what changed are the same: only contents decide.
	when := time.Unix(1700000000, 0)
	for _, p := range []string{"1/same", "1/changed", "2/changed"} {
		if err := os.Chtimes(filepath.Join(dir, p), when, when); err != nil {
			t.Fatal(err)
		}
	}
	url := "rsync://" + transporttest.RsyncDaemon(t, dir) + "/app"
	src := transporttest.NewRepo(map[string]tree{"c1": first, "c2": second})
	h := transporttest.NewHost(t)
	mustStage(t, h, kind(t, "rsync", map[string]any{"source": url + "/1/"}, src), "c1", "")
	mustStage(t, h, kind(t, "rsync", map[string]any{"source": url + "/2/"}, src), "c2", "c1")
	inode := func(elem ...string) uint64 {
		info, err := os.Stat(h.Path(elem...))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	if inode("releases", "v-c1", "same") != inode("releases", "v-c2", "same") {
		t.Error("a file that did not change was copied")
	}
	if got, _ := os.ReadFile(h.Path("releases", "v-c2", "changed")); string(got) != "behind" {
		t.Errorf("changed is %q", got)
	}
	if got, _ := os.ReadFile(h.Path("releases", "v-c1", "changed")); string(got) != "before" {
		t.Errorf("the base's file became %q", got)
	}
	if _, err := os.Stat(h.Path("releases", "v-c2", ".git")); err == nil {
		t.Error(".git came along")
	}
}
