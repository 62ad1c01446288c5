package release

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// A State is how a repository stands on this machine.
type State struct {
	Root     string // of the work tree, or the bare repository
	Commit   string // of HEAD, "" before the first commit
	Dirty    bool   // files differ from Commit, or are not tracked and not ignored
	Unpushed bool   // there is a remote, and no branch of it is known to have Commit
}

// State tells how the repository stands.
func (r *Repo) State(ctx context.Context) (State, error) {
	if r.bare {
		commit, err := head(ctx, r.dir)
		return State{Root: r.dir, Commit: commit}, err
	}
	state, ok, err := StateOf(ctx, r.dir)
	if err == nil && !ok {
		err = fmt.Errorf("%s is no git repository any more", r.dir)
	}
	return state, err
}

// StateOf tells how the repository stands whose work tree holds dir. It is
// false if there is none.
func StateOf(ctx context.Context, dir string) (State, bool, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return State{}, false, err
	}
	out, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		if text := err.Error(); strings.Contains(text, "not a git repository") || strings.Contains(text, "must be run in a work tree") {
			return State{}, false, nil
		}
		return State{}, false, fmt.Errorf("cannot read the state of %s: %w", dir, err)
	}
	state, err := workTree(ctx, strings.TrimSuffix(string(out), "\n"))
	if err != nil {
		return State{}, false, fmt.Errorf("cannot read the state of %s: %w", dir, err)
	}
	return state, true, nil
}

func workTree(ctx context.Context, root string) (State, error) {
	commit, err := head(ctx, root)
	if err != nil {
		return State{}, err
	}
	state := State{Root: root, Commit: commit}
	out, err := git(ctx, root, "status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
	if err != nil {
		return State{}, err
	}
	state.Dirty = len(out) > 0
	if commit == "" {
		return state, nil
	}
	remotes, err := remoteNames(ctx, root)
	if err != nil || len(remotes) == 0 {
		return state, err
	}
	out, err = git(ctx, root, "for-each-ref", "--count=1", "--contains="+commit, "refs/remotes/")
	state.Unpushed = len(out) == 0
	return state, err
}

// head is the commit of HEAD, "" where there is none yet.
func head(ctx context.Context, dir string) (string, error) {
	out, err := git(ctx, dir, "rev-parse", "--quiet", "--verify", "HEAD^{commit}")
	if exitCode(err) == 1 {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

func remoteNames(ctx context.Context, dir string) ([]string, error) {
	out, err := git(ctx, dir, "remote")
	return strings.Fields(string(out)), err
}
