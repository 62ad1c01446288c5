package release_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// What one run learns, the next one knows; of a file that is not as it was
// written, wherever it was cut or changed, nothing is believed.
func TestDigestsAreRememberedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	f, cache := newRepo(t), t.TempDir()
	f.commit("one")
	want := map[string]string{"a1": "d1", "b2": "d2"}
	open(t, f.dir, cache).KeepDigests(want)
	if got := open(t, f.dir, cache).Digests(); !maps.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if got := open(t, f.dir, "").Digests(); len(got) != 0 {
		t.Errorf("without a cache: %v", got)
	}
	names, err := filepath.Glob(filepath.Join(cache, "*.digests"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, f.dir, cache)
	for n := range whole {
		changed := append([]byte(nil), whole...)
		changed[n] ^= 1
		for _, b := range [][]byte{whole[:n], changed} {
			if err := os.WriteFile(names[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := again.Digests(); len(got) != 0 {
				t.Fatalf("of %q it takes %v", b, got)
			}
		}
	}
}
