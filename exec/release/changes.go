package release

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A Change is a file that differs between two commits.
type Change struct {
	Path      string `json:"path"`
	From      string `json:"from,omitempty"` // the path that it was renamed from
	Kind      string `json:"kind"`           // "added", "deleted", "changed", "renamed", "type"
	OldMode   string `json:"old_mode,omitempty"`
	NewMode   string `json:"new_mode,omitempty"`
	OldID     string `json:"old_id"`
	NewID     string `json:"new_id"`
	Submodule bool   `json:"submodule,omitempty"`
	Binary    bool   `json:"binary,omitempty"`
	Added     int    `json:"added"` // lines
	Removed   int    `json:"removed"`
}

var changeKinds = map[byte]string{'A': "added", 'D': "deleted", 'M': "changed", 'R': "renamed", 'T': "type"}

// Changes lists the files that differ between two commits, ordered by path.
func (r *Repo) Changes(ctx context.Context, from, to string) ([]Change, error) {
	changes, err := r.changes(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("cannot tell which files differ between %.12s and %.12s: %w", from, to, err)
	}
	return changes, nil
}

func (r *Repo) changes(ctx context.Context, from, to string) ([]Change, error) {
	for _, id := range []string{from, to} {
		if err := checkCommit(id); err != nil {
			return nil, err
		}
	}
	out, err := git(ctx, r.dir, "diff-tree", "-r", "-M", "-z", "--raw", "--numstat", "--no-abbrev",
		"--no-ext-diff", "--no-textconv", "--ignore-submodules=none", from, to)
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	next := func() (f string) {
		if len(fields) > 0 {
			f, fields = fields[0], fields[1:]
		}
		return f
	}
	var list []Change
	// First ":mode mode id id kind" and a path or two of each, then the lines.
	for len(fields) > 0 && strings.HasPrefix(fields[0], ":") {
		record := next()
		f := strings.Fields(record[1:])
		if len(f) != 5 || changeKinds[f[4][0]] == "" {
			return nil, fmt.Errorf("git diff-tree printed %q", record)
		}
		c := Change{Kind: changeKinds[f[4][0]], OldID: f[2], NewID: f[3], Submodule: f[0] == "160000" || f[1] == "160000", Path: next()}
		if f[0] != f[1] {
			c.OldMode, c.NewMode = f[0], f[1]
		}
		if c.Kind == "renamed" {
			c.From, c.Path = c.Path, next()
		}
		list = append(list, c)
	}
	for i := range list {
		f := strings.SplitN(next(), "\t", 3)
		if len(f) != 3 {
			return nil, fmt.Errorf("git diff-tree printed no lines for %q", list[i].Path)
		}
		if f[2] == "" { // renamed: two paths follow
			next()
			next()
		}
		list[i].Binary = f[0] == "-"
		list[i].Added, _ = strconv.Atoi(f[0])
		list[i].Removed, _ = strconv.Atoi(f[1])
	}
	return list, nil
}

// Related tells whether two commits have a common ancestor.
func (r *Repo) Related(ctx context.Context, a, b string) (bool, error) {
	_, err := git(ctx, r.dir, "merge-base", a, b)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}
