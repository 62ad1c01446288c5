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
// there already is kept as it is. A mirror is kept beside the trees, so that to
// look again costs only what is new.
func CheckOut(ctx context.Context, url, ref, base string) (dir, commit string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot check out %s of %s: %w", ref, url, err)
		}
	}()
	kept, err := openMirror(ctx, url, base)
	if err != nil {
		return "", "", err
	}
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref, ref} {
		var out []byte
		if out, err = git(ctx, kept.dir, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}"); err == nil {
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
	fresh, err := os.MkdirTemp(base, "new-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(fresh)
	tree := filepath.Join(fresh, "tree")
	for _, args := range [][]string{ // objects are linked, so that the tree needs nothing of what is kept
		{"clone", "--quiet", "--no-checkout", "--template=", "--no-recurse-submodules", "--end-of-options", kept.dir, tree},
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

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
