//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
)

// A release is a tag of the repository with the tree that it stands for.
type release struct {
	tag  string
	id   string // the directory on hosts, of all who do not add to it
	tree string
	sums map[string]string // of its files, by path
}

// The tree has the size of a real service: 1,000 files, 11 MB, which gzip
// makes half as large.
const (
	treeFiles = 1000
	treeBytes = 11_200_000
)

// changedFile is what differs from one release to the next, beside VERSION.
// Size and time stay the same: who compares those does not see it.
const changedFile = "lib/d07/f042.js"

// makeReleases writes a repository with n releases and their trees.
func makeReleases(dir string, n int) ([]*release, error) {
	repo := filepath.Join(dir, "app.git")
	if err := writeTree(repo); err != nil {
		return nil, fmt.Errorf("cannot write the tree: %w", err)
	}
	if err := git(repo, "init", "-q", "-b", "main"); err != nil {
		return nil, err
	}
	var all []*release
	for i := range n {
		tag := fmt.Sprintf("release/2026-01-01/%d", i+1)
		if err := write(filepath.Join(repo, "VERSION"), tag+"\n", 0o644); err != nil {
			return nil, err
		}
		if err := write(filepath.Join(repo, changedFile), text(uint64(1000+i), treeBytes/treeFiles), 0o644); err != nil {
			return nil, err
		}
		tree := filepath.Join(dir, "tree", fmt.Sprint(i+1))
		if err := os.MkdirAll(tree, 0o755); err != nil {
			return nil, err
		}
		for _, args := range [][]string{
			{"add", "--all"},
			{"commit", "-q", "-m", tag},
			{"tag", "-a", "-m", tag, tag},
			{"--work-tree=" + tree, "checkout", "-q", tag, "--", "."},
		} {
			if err := git(repo, args...); err != nil {
				return nil, err
			}
		}
		sums, err := digest(tree)
		if err != nil {
			return nil, err
		}
		all = append(all, &release{tag, strings.ReplaceAll(tag, "/", "-"), tree, sums})
	}
	return all, git(repo, "repack", "-a", "-d", "-q") // as any repository that was cloned
}

// git runs git with a fixed author and a fixed time, the same for all
// commits: the files of two releases have one time.
func git(repo string, args ...string) error {
	cmd := osexec.Command("git", args...)
	cmd.Dir = repo
	const at = "2026-01-01T00:00:00Z"
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_DIR=" + filepath.Join(repo, ".git"),
		"GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@example.org", "GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@example.org",
		"GIT_AUTHOR_DATE=" + at, "GIT_COMMITTER_DATE=" + at,
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func writeTree(dir string) error {
	for i := range treeFiles - 2 { // VERSION and the changed file come with each release
		path := filepath.Join(dir, fmt.Sprintf("lib/d%02d/f%03d.js", i%25, i))
		if err := write(path, text(uint64(i), treeBytes/treeFiles), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// text is size bytes that compress as program text does, always the same for
// a seed.
func text(seed uint64, size int) string {
	words := []string{"function", "return", "const", "await", "request", "response", "if", "else", "(", ")", "{", "}", "=", ";", "\n  "}
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for b.Len() < size {
		if r.IntN(3) > 0 {
			b.WriteString(words[r.IntN(len(words))])
		} else {
			fmt.Fprintf(&b, "v%x", r.Uint32N(1<<20))
		}
		b.WriteByte(' ')
	}
	return b.String()[:size]
}

// digest gives the SHA-256 of each file below dir, by path, and what is no
// file as what it is.
func digest(dir string) (map[string]string, error) {
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			sums[rel] = d.Type().String()
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sums[rel] = fmt.Sprintf("%x", sha256.Sum256(data))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", dir, err)
	}
	return sums, nil
}
