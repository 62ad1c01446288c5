package journal_test

import (
	"os"
	"testing"

	"shipit/exec/journal"
	"shipit/exec/journal/redistest"
)

// TestAFollowerMissesNothing: each event comes once and in order, however they
// were written, from a directory and from a Redis.
func TestAFollowerMissesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := recordRun(t, dir, someRun, 3)
	f := journal.Follow(journal.Dir(dir), someRun, 1)
	more := func(f *journal.Follower, from, to int64) {
		t.Helper()
		got, err := f.More(t.Context())
		if err != nil || int64(len(got)) != to-from+1 {
			t.Fatalf("%d events (%v), want %d to %d", len(got), err, from, to)
		}
		for i, e := range got {
			if e.Seq != from+int64(i) {
				t.Errorf("event %d, want %d", e.Seq, from+int64(i))
			}
		}
	}
	more(f, 2, 3)
	more(f, 4, 3)
	add(t, j, someRun, 4, 900)
	more(f, 4, 900)

	// What is not written to its end is left for the next time.
	whole, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	torn := journal.Follow(journal.Dir(dir), someRun, 898)
	if err := os.WriteFile(j.Path(), whole[:len(whole)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	more(torn, 899, 899)
	if err := os.WriteFile(j.Path(), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	more(torn, 900, 900)

	r := openRedis(t, redistest.Start(t).URL())
	m := r.Mirror(j.Path(), "anna@deploy1", silent(t))
	m.Close()
	more(journal.Follow(r, someRun, 120), 121, 900)
}
