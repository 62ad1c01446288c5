package release

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A Commit is a commit between two releases.
type Commit struct {
	ID      string
	Subject string
	Author  string
}

// A Log is what lies between two commits.
type Log struct {
	// Back tells that the way leads back: Commits are those that get lost.
	Back    bool
	Commits []Commit // the newest first; may be cut
	Total   int      // of which Commits are the newest
	// Lost counts the commits that only the first has where neither contains
	// the other: a branch that was not merged, or history rewritten.
	Lost int
}

// Log tells what leads from one commit to another, with at most limit commits;
// 0 is no limit.
func (r *Repo) Log(ctx context.Context, from, to string, limit int) (Log, error) {
	log, err := r.log(ctx, from, to, limit)
	if err != nil {
		return Log{}, fmt.Errorf("cannot tell what lies between %.12s and %.12s: %w", from, to, err)
	}
	return log, nil
}

func (r *Repo) log(ctx context.Context, from, to string, limit int) (Log, error) {
	for _, id := range []string{from, to} {
		if err := checkCommit(id); err != nil {
			return Log{}, err
		}
	}
	out, err := git(ctx, r.dir, "rev-list", "--left-right", "--count", "--end-of-options", from+"..."+to)
	if err != nil {
		for _, id := range []string{from, to} {
			if _, missing := git(ctx, r.dir, "cat-file", "-e", id+"^{commit}"); exitCode(missing) > 0 {
				return Log{}, fmt.Errorf("commit %.12s is not in %s", id, r.name)
			}
		}
		return Log{}, err
	}
	var left, right int
	if _, err := fmt.Sscan(string(out), &left, &right); err != nil {
		return Log{}, fmt.Errorf("git rev-list printed %q", out)
	}
	log := Log{Total: right, Lost: left}
	span := from + ".." + to
	if right == 0 && left > 0 {
		log = Log{Back: true, Total: left}
		span = to + ".." + from
	}
	if log.Total == 0 {
		return log, nil
	}
	args := []string{"log", "--no-show-signature", "--encoding=UTF-8", "--format=%H%x00%s%x00%an"}
	if limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(limit))
	}
	if out, err = git(ctx, r.dir, append(args, "--end-of-options", span, "--")...); err != nil {
		return Log{}, err
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 3 {
			return Log{}, fmt.Errorf("git log printed %q", line)
		}
		log.Commits = append(log.Commits, Commit{ID: f[0], Subject: f[1], Author: f[2]})
	}
	return log, nil
}
