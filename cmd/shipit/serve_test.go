package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"shipit/exec/journal"
)

// TestWhoSharesRunsHasAPageOfHisOwn: its key lets anybody deploy in his name, so
// nobody of the group can prepare it.
func TestWhoSharesRunsHasAPageOfHisOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got, err := webDir(journal.Dir(dir)); got != filepath.Join(dir, ".web") || err != nil {
		t.Errorf("of one user: %s, %v", got, err)
	}
	if err := os.Chmod(dir, 0o770|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, ".web."+strconv.Itoa(os.Geteuid()))
	for range 2 {
		if got, err := webDir(journal.Dir(dir)); got != mine || err != nil {
			t.Errorf("of a group: %s, %v", got, err)
		}
	}
	for name, prepare := range map[string]func() error{
		"others may write there": func() error { return os.Chmod(mine, 0o770) },
		"it leads elsewhere":     func() error { return errors.Join(os.Remove(mine), os.Symlink(t.TempDir(), mine)) },
		"it belongs to somebody else": func() error {
			if os.Geteuid() != 0 {
				return os.Chmod(mine, 0o770)
			}
			return os.Chown(mine, 65534, 65534)
		},
	} {
		if err := errors.Join(os.RemoveAll(mine), os.Mkdir(mine, 0o700), prepare()); err != nil {
			t.Fatal(err)
		}
		if got, err := webDir(journal.Dir(dir)); err == nil {
			t.Errorf("%s, and %s is used", name, got)
		}
	}
}
