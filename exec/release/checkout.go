package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CheckOut makes a work tree of a repository, at a branch, tag or commit, in a
// directory of its own below base, and returns it with the commit. One that is
// there already is kept as it is. What was fetched is kept beside the trees, so
// that to look again costs only what is new.
func CheckOut(ctx context.Context, url, ref, base string) (dir, commit string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot check out %s of %s: %w", ref, url, err)
		}
	}()
	if hasPassword(url) {
		return "", "", errors.New("its URL has a password, which others could read; use SSH or a git credential helper")
	}
	if err := mkdirPrivate(base); err != nil {
		return "", "", err
	}
	fresh, err := os.MkdirTemp(base, "new-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(fresh)
	kept, err := keep(ctx, url, base, fresh)
	if err != nil {
		return "", "", err
	}
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref, ref} {
		var out []byte
		if out, err = git(ctx, kept, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}"); err == nil {
			commit = strings.TrimSpace(string(out))
			break
		}
	}
	if err != nil {
		return "", "", errors.New("there is no such branch, tag or commit")
	}
	if dir = filepath.Join(base, commit); isThere(dir) {
		return dir, commit, nil
	}
	tree := filepath.Join(fresh, "tree")
	for _, args := range [][]string{ // objects are linked, so that the tree needs nothing of what is kept
		{"clone", "--quiet", "--no-checkout", "--template=", "--no-recurse-submodules", "--end-of-options", kept, tree},
		{"-C", tree, "remote", "set-url", "--", "origin", url},
		{"-C", tree, "checkout", "--quiet", "--detach", commit},
	} {
		if _, err := git(ctx, base, args...); err != nil {
			return "", "", err
		}
	}
	if err := os.Rename(tree, dir); err != nil && !isThere(dir) { // another one may have been faster
		return "", "", err
	}
	return dir, commit, nil
}

// keep fetches all branches and tags of a repository into a bare one below
// base, which it makes in the directory fresh if it must.
func keep(ctx context.Context, url, base, fresh string) (dir string, err error) {
	sum := sha256.Sum256([]byte(url))
	dir = filepath.Join(base, "repository-"+hex.EncodeToString(sum[:8])+".git")
	at := dir
	if !isThere(dir) {
		at = filepath.Join(fresh, "bare")
		if _, err := git(ctx, base, "init", "--quiet", "--bare", "--template=", "--end-of-options", at); err != nil {
			return "", err
		}
	}
	if _, err := gitNetwork(ctx, at, "fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--end-of-options", url,
		"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return "", err
	}
	if at != dir {
		if err := os.Rename(at, dir); err != nil && !isThere(dir) { // another one may have been faster
			return "", err
		}
	}
	return dir, nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
