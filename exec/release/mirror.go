package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// seenPrefix is where a mirror keeps the commit that each tag had when it was
// first seen, so that a tag which moves, or comes back elsewhere after it was
// deleted, is found out. Slashes in tags are %2f there: a/b may be seen after
// the tag a was deleted, but git has no place for both refs at once.
const seenPrefix = "refs/seen/"

// openMirror brings the mirror of the repository at url up to date, and makes
// it first if there is none.
func openMirror(ctx context.Context, url, cacheDir string) (*Repo, error) {
	if hasPassword(url) {
		return nil, errors.New("its URL has a password, which others could read; use SSH or a git credential helper")
	}
	if cacheDir == "" {
		return nil, errors.New("there is no cache directory to mirror it in")
	}
	cacheDir, err := filepath.Abs(cacheDir)
	if err != nil {
		return nil, err
	}
	if err := mkdirPrivate(cacheDir); err != nil {
		return nil, err
	}
	dir := mirrorDir(cacheDir, url)
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := clone(ctx, url, dir); err != nil {
			return nil, err
		}
	}
	_, err = gitNetwork(ctx, dir, "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head",
		"--no-recurse-submodules", "--end-of-options", url,
		"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
	if err != nil {
		return nil, err
	}
	r := &Repo{name: url, dir: dir, bare: true, url: url}
	if err := r.compareSeen(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// clone makes the mirror at dir appear at once, complete: one that was cut is
// begun anew.
func clone(ctx context.Context, url, dir string) error {
	unfinished := dir + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	_, err := gitNetwork(ctx, filepath.Dir(dir), "clone", "--quiet", "--bare", "--no-tags", "--template=",
		"--no-recurse-submodules", "--end-of-options", url, unfinished)
	if err != nil {
		return err
	}
	return os.Rename(unfinished, dir)
}

// compareSeen notes which tags moved or are gone, and remembers the new ones.
func (r *Repo) compareSeen(ctx context.Context) error {
	out, err := git(ctx, r.dir, "for-each-ref",
		"--format=%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)",
		"refs/tags/", seenPrefix)
	if err != nil {
		return err
	}
	tags, seen := map[string]string{}, map[string]string{}
	var names []string // of tags, in order
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 5 {
			return fmt.Errorf("git for-each-ref printed %q", line)
		}
		commit, ok := pickCommit(f[1], f[2], f[3], f[4])
		if !ok {
			continue
		}
		if name, isTag := strings.CutPrefix(f[0], "refs/tags/"); isTag {
			tags[name] = commit
			names = append(names, name)
		} else {
			name := unescape(strings.TrimPrefix(f[0], seenPrefix))
			seen[name] = commit
			r.seen = append(r.seen, name)
		}
	}
	r.moved = map[string]string{}
	var unseen strings.Builder
	count := 0
	for _, name := range names {
		first, ok := seen[name]
		switch ref := seenPrefix + escape(name); {
		case ok && first != tags[name]:
			r.moved[name] = first
		case !ok && len(ref) < 200: // a ref's last part is a file name
			fmt.Fprintf(&unseen, "create %s %s\n", ref, tags[name])
			count++
		}
	}
	if count == 0 {
		return nil
	}
	if _, err := gitInput(ctx, r.dir, strings.NewReader(unseen.String()), "update-ref", "--stdin"); err != nil {
		return err
	}
	if count > 100 {
		_, err = git(ctx, r.dir, "pack-refs", "--all")
	}
	return err
}

// pickCommit is the commit that a ref leads to, directly or through an
// annotated tag.
func pickCommit(objectType, object, peeledType, peeled string) (string, bool) {
	switch {
	case objectType == "commit":
		return object, true
	case objectType == "tag" && peeledType == "commit":
		return peeled, true
	}
	return "", false
}

func escape(name string) string {
	return strings.NewReplacer("%", "%25", "/", "%2f").Replace(name)
}

func unescape(name string) string {
	return strings.NewReplacer("%25", "%", "%2f", "/").Replace(name)
}

// lock waits until no other process works on the mirror.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another shipit works on %s: %w", path, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
