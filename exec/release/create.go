package release

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"shipit/exec/tag"
)

// A TagRequest says which tag to create.
type TagRequest struct {
	Name    string
	Commit  string // full id
	Message string // Name if empty
	// Remote is the name or URL of the repository to push to. "" is where the
	// mirror comes from, or the remote "origin" (or the only one) of a work
	// tree. A bare repository is where others fetch from: without Remote,
	// nothing is pushed.
	Remote string
	// Sign tells whether the tag is signed; nil is as the user's git has it.
	// One that Signers are asked for always is, by one of them.
	Sign    *bool
	Signers *Signers
}

// message is what the tag says, ended by a newline. Its id is like no other:
// without it, what one person tags twice in a second would be one object, and
// whoever finds it at the remote could not tell who put it there.
func (t TagRequest) message() string {
	return cmp.Or(strings.TrimSpace(t.Message), t.Name) + "\n\nShipit-Id: " + rand.Text() + "\n"
}

// ErrTagTaken says that a tag of the name exists, perhaps since a moment ago.
var ErrTagTaken = errors.New("the tag is taken")

// CreateTag creates an annotated tag and pushes it. It never moves a tag: the
// push is on condition that the remote has none of the name, so that of two
// people at once one gets ErrTagTaken.
func (r *Repo) CreateTag(ctx context.Context, t TagRequest) error {
	if err := r.createTag(ctx, t); err != nil {
		return fmt.Errorf("cannot create the tag %s: %w", t.Name, err)
	}
	return nil
}

func (r *Repo) createTag(ctx context.Context, t TagRequest) error {
	ref := "refs/tags/" + t.Name
	if _, err := git(ctx, r.dir, "check-ref-format", ref); err != nil || strings.HasPrefix(t.Name, "-") {
		return fmt.Errorf("git takes no tag of the name %q", t.Name)
	}
	if err := checkCommit(t.Commit); err != nil {
		return err
	}
	if _, err := git(ctx, r.dir, "rev-parse", "--quiet", "--verify", ref); err == nil {
		return ErrTagTaken
	}
	remote, err := r.remote(ctx, t.Remote)
	if err != nil {
		return err
	}
	object, err := r.tagObject(ctx, t)
	if err != nil {
		return err
	}
	// The remote decides. Only then is the tag created here, so that a loser
	// is left with nothing to clean up.
	if remote != "" {
		if err := r.push(ctx, remote, object, ref); err != nil {
			return err
		}
	}
	_, err = git(ctx, r.dir, "update-ref", ref, object, strings.Repeat("0", len(object)))
	if err == nil {
		return nil
	}
	here, hereErr := git(ctx, r.dir, "rev-parse", "--quiet", "--verify", ref)
	switch {
	case hereErr == nil && strings.TrimSpace(string(here)) == object:
		return nil // a fetch meanwhile has brought it from the remote
	case hereErr == nil && remote == "":
		return ErrTagTaken
	}
	return err
}

// tagObject writes an annotated tag without a name for it.
func (r *Repo) tagObject(ctx context.Context, t TagRequest) (string, error) {
	full, err := git(ctx, r.dir, "rev-parse", "--quiet", "--verify", t.Commit+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("commit %.12s is not in %s", t.Commit, r.name)
	}
	t.Commit = strings.TrimSpace(string(full))
	sign := t.Signers != nil || (t.Sign == nil && r.wantsSigned(ctx)) || (t.Sign != nil && *t.Sign)
	text := ""
	if sign {
		text, err = r.signed(ctx, t, t.Signers != nil)
	} else {
		text, err = r.unsigned(ctx, t)
	}
	if err != nil {
		return "", err
	}
	out, err := gitInput(ctx, r.dir, strings.NewReader(text), "mktag")
	object := strings.TrimSpace(string(out))
	if err == nil && t.Signers != nil { // a tag that nobody could deploy is not worth a number
		_, err = r.verify(ctx, t.Name, object, t.Commit, *t.Signers)
	}
	return object, err
}

func (r *Repo) unsigned(ctx context.Context, t TagRequest) (string, error) {
	tagger, err := git(ctx, r.dir, "var", "GIT_COMMITTER_IDENT")
	return fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger %s\n\n%s",
		t.Commit, t.Name, strings.TrimSpace(string(tagger)), t.message()), err
}

// TagOptions say what Tag is to tag.
type TagOptions struct {
	tag.NextOptions
	Commit  string // any name of a commit that git knows; HEAD if empty
	Message string
	// As in TagRequest.
	Remote  string
	Sign    *bool
	Signers *Signers
	// Taken is told of a name that somebody else was quicker with.
	Taken func(name string)
}

// tries bounds how often Tag tries the next name when others are quicker.
const tries = 20

// Tag creates and pushes the next tag of the scheme; today is the UTC date.
// The remote's tags count as well as ours, and in a mirror also those that
// were deleted: a name never comes back.
func (r *Repo) Tag(ctx context.Context, s tag.Scheme, today string, o TagOptions) (Release, error) {
	commit, err := r.revision(ctx, o.Commit)
	if err != nil {
		return Release{}, err
	}
	for try := 1; ; try++ {
		name, err := r.NextTag(ctx, s, today, o)
		if err != nil {
			return Release{}, err
		}
		err = r.CreateTag(ctx, TagRequest{Name: name, Commit: commit, Message: o.Message, Remote: o.Remote, Sign: o.Sign, Signers: o.Signers})
		switch {
		case err == nil:
			return r.Resolve(ctx, s, name)
		case !errors.Is(err, ErrTagTaken) || try == tries:
			return Release{}, err
		case o.Taken != nil:
			o.Taken(name)
		}
	}
}

// NextTag is the name that Tag would try first. It changes nothing.
func (r *Repo) NextTag(ctx context.Context, s tag.Scheme, today string, o TagOptions) (string, error) {
	existing, err := r.names(ctx, s, o.Remote)
	if err != nil {
		return "", err
	}
	return s.Next(existing, today, o.NextOptions)
}

// revision is the id of the commit that git knows as rev; "" is HEAD.
func (r *Repo) revision(ctx context.Context, rev string) (string, error) {
	if rev == "" || rev == "HEAD" {
		commit, err := head(ctx, r.dir)
		if err == nil && commit == "" {
			err = fmt.Errorf("%s has no commit to tag", r.name)
		}
		return commit, err
	}
	if !strings.HasPrefix(rev, "-") { // which git would take for an option
		if out, err := git(ctx, r.dir, "rev-parse", "--quiet", "--verify", rev+"^{commit}"); err == nil {
			return strings.TrimSpace(string(out)), nil
		}
	}
	return "", fmt.Errorf("%s has no commit %q; git log there shows those that can be tagged", r.name, rev)
}

// names are all names of the scheme that are or were taken, here or there.
func (r *Repo) names(ctx context.Context, s tag.Scheme, wanted string) ([]string, error) {
	releases, err := git(ctx, r.dir, "for-each-ref", "--format=%(refname:lstrip=2)", s.Pattern())
	if err != nil {
		return nil, err
	}
	names := append(strings.Fields(string(releases)), r.seen...)
	remote, err := r.remote(ctx, wanted)
	if err != nil || remote == "" {
		return names, err
	}
	there, err := r.remoteTags(ctx, remote, s.Pattern())
	if err != nil {
		return nil, fmt.Errorf("cannot see which tags %s has: %w", remote, err)
	}
	for ref := range there { // in no order: Next takes the newest
		names = append(names, strings.TrimPrefix(ref, "refs/tags/"))
	}
	return names, nil
}
