package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CheckOut makes a work tree of a repository, at a branch, tag or commit, in a
// directory of its own below base, and returns it with the commit. One that is
// there already is kept as it is.
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
	tree := filepath.Join(fresh, "tree")
	if _, err := gitNetwork(ctx, base, "clone", "--quiet", "--no-checkout", "--template=", "--no-recurse-submodules", "--end-of-options", url, tree); err != nil {
		return "", "", err
	}
	for _, name := range []string{"refs/remotes/origin/" + ref, "refs/tags/" + ref, ref} {
		var out []byte
		if out, err = git(ctx, tree, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}"); err == nil {
			commit = strings.TrimSpace(string(out))
			break
		}
	}
	if err != nil {
		return "", "", errors.New("there is no such branch, tag or commit")
	}
	dir = filepath.Join(base, commit)
	if _, err := os.Stat(dir); err == nil {
		return dir, commit, nil
	}
	if _, err := git(ctx, tree, "checkout", "--quiet", "--detach", commit); err != nil {
		return "", "", err
	}
	if err := os.Rename(tree, dir); err != nil && !isThere(dir) { // another one may have been faster
		return "", "", err
	}
	return dir, commit, nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
