package journal

import (
	"encoding/base32"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// NewRunID makes the id of a run that begins now: the time in UTC, so that
// ids sort as runs did, and something random, so that two runs of one second
// differ: "20150610T140203Z-3kq7".
func NewRunID(now time.Time, random io.Reader) (string, error) {
	var b [5]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("cannot make the id of a run: %w", err)
	}
	word := base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").EncodeToString(b[:])
	return now.UTC().Format("20060102T150405Z") + "-" + word[:4], nil
}

// RunOf is the run whose journal is at path.
func RunOf(path string) string { return strings.TrimSuffix(filepath.Base(path), suffix) }

// LogPath is where a run of dir that nobody watches from a terminal keeps what
// its process says.
func LogPath(dir, run string) string { return filepath.Join(dir, run+logSuffix) }

// checkRunID refuses what is no name of a run: it becomes a file's name here
// and a directory's on the hosts.
func checkRunID(run string) error {
	ok := run != "" && len(run) <= 64 && run[0] != '.' && run[0] != '-' &&
		strings.Trim(run, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
	if !ok {
		return fmt.Errorf("a run's id is letters, digits, dots and dashes, like 20150610T140203Z-3kq7, not %q", run)
	}
	return nil
}
