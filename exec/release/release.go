package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipit/exec/tag"
)

// A Release is a version of the service: a tag and the commit it names.
type Release struct {
	Tag       tag.Tag
	ID        string // of its directory on hosts
	Commit    string // full id
	Tree      string
	Subject   string // of the commit
	Author    string // of the commit
	When      time.Time
	Annotated bool
	Object    string // what the tag's ref names: a tag object, or the commit
	// Moved is the commit that the tag named when this machine first saw it,
	// "" if it still does. Only mirrors remember.
	Moved string
	// Passed is the newest prerelease that Resolve left out, since nobody
	// named it; "" where it left out none.
	Passed string
}

// ErrNoReleases says that a repository has no tag of the scheme.
var ErrNoReleases = errors.New("no release yet")

// An UnknownTagError says that a repository has no such release.
type UnknownTagError struct {
	Repo, Name string
	Near       []string // the releases before and after it in order
	Newest     string
}

func (e *UnknownTagError) Error() string {
	return fmt.Sprintf("there is no tag %s in %s; near it is %s, the newest is %s",
		e.Name, e.Repo, strings.Join(e.Near, " and "), e.Newest)
}

// A MovedTagError says that a tag names another commit than it did. What was
// reviewed and deployed under its name is something else, so it is refused.
type MovedTagError struct {
	Name, Was, Now string // Now is "" where the tag was deleted
	Mirror         string // that remembers what it was; "" where a plan does
}

func (e *MovedTagError) Error() string {
	switch {
	case e.Now == "":
		return fmt.Sprintf("the tag %s was deleted since it was planned as commit %.12s", e.Name, e.Was)
	case e.Mirror == "":
		return fmt.Sprintf("the tag %s moved since it was planned, from commit %.12s to %.12s", e.Name, e.Was, e.Now)
	}
	return fmt.Sprintf("the tag %s moved: it named commit %.12s, and now %.12s; make a new tag with shipit tag (or remove %s to take it as it is now)",
		e.Name, e.Was, e.Now, e.Mirror)
}

// refFormat is what Releases asks of each tag; a * stands for what an
// annotated tag names.
const refFormat = "%(refname:lstrip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00" +
	"%(tree)%00%(*tree)%00%(subject)%00%(*subject)%00%(authorname)%00%(*authorname)%00%(creatordate:unix)"

// Releases lists the releases of the scheme, the newest first.
func (r *Repo) Releases(ctx context.Context, s tag.Scheme) ([]Release, error) {
	out, err := git(ctx, r.dir, "for-each-ref", "--format="+refFormat, s.Pattern())
	if err != nil {
		return nil, fmt.Errorf("cannot list the releases of %s: %w", r.name, err)
	}
	var releases []Release
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 12 {
			return nil, fmt.Errorf("cannot list the releases of %s: git for-each-ref printed %q", r.name, line)
		}
		t, ok := s.Parse(f[0])
		if !ok {
			continue
		}
		commit, ok := pickCommit(f[1], f[2], f[3], f[4])
		if !ok {
			continue // a tag of a file or tree is no version
		}
		rel := Release{
			Tag: t, ID: tag.ID(t.Name, commit), Commit: commit,
			Tree: f[5], Subject: f[7], Author: f[9],
			Annotated: f[1] == "tag", Object: f[2], Moved: r.moved[t.Name],
		}
		if rel.Annotated {
			rel.Tree, rel.Subject, rel.Author = f[6], f[8], f[10]
		}
		rel.When = unix(f[11])
		releases = append(releases, rel)
	}
	slices.SortFunc(releases, func(a, b Release) int { return s.Compare(b.Tag, a.Tag) })
	return releases, nil
}

// unix is the time that git prints as seconds; tags without a tagger have none.
func unix(seconds string) time.Time {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// Settled leaves out the prereleases that are newer than every other release,
// unless there are only prereleases. releases has the newest first, and so has
// what is left: its first is the one that is meant where none is named.
func Settled(releases []Release) []Release {
	i := slices.IndexFunc(releases, func(rel Release) bool { return !rel.Tag.Prerelease() })
	return releases[max(i, 0):]
}

// Resolve finds the release of a name, or the newest that is Settled
// if name is "".
func (r *Repo) Resolve(ctx context.Context, s tag.Scheme, name string) (Release, error) {
	releases, err := r.Releases(ctx, s)
	if err != nil {
		return Release{}, err
	}
	wanted, inScheme := s.Parse(name)
	if name != "" && !inScheme {
		return Release{}, r.outside(ctx, s, name)
	}
	if len(releases) == 0 {
		return Release{}, fmt.Errorf("%w: %s has no tag like %s; make one with shipit tag", ErrNoReleases, r.name, s)
	}
	found := Settled(releases)[0]
	if found.Tag != releases[0].Tag {
		found.Passed = releases[0].Tag.Name
	}
	if name != "" {
		i := slices.IndexFunc(releases, func(rel Release) bool { return rel.Tag.Name == name })
		if i < 0 {
			return Release{}, &UnknownTagError{Repo: r.name, Name: name, Near: near(s, releases, wanted), Newest: releases[0].Tag.Name}
		}
		found = releases[i]
	}
	if found.Moved != "" {
		return Release{}, &MovedTagError{Name: found.Tag.Name, Was: found.Moved, Now: found.Commit, Mirror: r.dir}
	}
	return found, nil
}

// StillNames sees that a tag names the commit that it named when a plan was
// made. Errors are *MovedTagError, or what kept git from looking.
func (r *Repo) StillNames(ctx context.Context, name, commit string) error {
	out, err := git(ctx, r.dir, "for-each-ref", "--format=%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)", "refs/tags/"+name)
	if err != nil {
		return fmt.Errorf("cannot see what the tag %s names: %w", name, err)
	}
	now := ""
	if f := strings.Split(strings.TrimSuffix(string(out), "\n"), "\x00"); len(f) == 4 {
		now, _ = pickCommit(f[0], f[1], f[2], f[3])
	}
	if now != commit {
		return &MovedTagError{Name: name, Was: commit, Now: now}
	}
	return nil
}

// near are the releases between which the wanted one would stand.
func near(s tag.Scheme, releases []Release, wanted tag.Tag) []string {
	var names []string
	i := slices.IndexFunc(releases, func(rel Release) bool { return s.Compare(rel.Tag, wanted) < 0 })
	if i >= 0 {
		names = append(names, releases[i].Tag.Name)
	} else {
		i = len(releases)
	}
	if i > 0 {
		names = append(names, releases[i-1].Tag.Name)
	}
	return names
}

// outside tells what is wrong with a name that is not of the scheme.
func (r *Repo) outside(ctx context.Context, s tag.Scheme, name string) error {
	_, err := git(ctx, r.dir, "rev-parse", "--quiet", "--verify", "--end-of-options", "refs/tags/"+name)
	if err == nil {
		return fmt.Errorf("the tag %q of %s is not of the scheme %s; name one that is, or make one with shipit tag", name, r.name, s)
	}
	return fmt.Errorf("%q is not a tag of the scheme %s; shipit releases lists those of %s", name, s, r.name)
}
