package release

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
)

// push gives the remote a tag object under a name that it must not have yet;
// ErrTagTaken says that it has.
func (r *Repo) push(ctx context.Context, remote, object, ref string) error {
	_, err := gitNetwork(ctx, r.dir, "push", "--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no",
		"--force-with-lease="+ref+":", "--end-of-options", remote, object+":"+ref)
	if err == nil {
		return nil
	}
	// What git says of a lost race depends on who noticed it, and a lost
	// connection may hide a success: look.
	there, lookErr := r.remoteTags(ctx, remote, ref)
	switch {
	case lookErr != nil || there[ref] == "":
		return err
	case there[ref] == object: // nobody else makes one with our id
		return nil
	}
	return ErrTagTaken
}

// remoteTags are the refs that match a pattern where a push to the remote goes,
// and their objects.
func (r *Repo) remoteTags(ctx context.Context, remote, pattern string) (map[string]string, error) {
	out, err := gitNetwork(ctx, r.dir, "ls-remote", "--quiet", "--refs", "--end-of-options", r.pushedTo(ctx, remote), pattern)
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if object, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			refs[ref] = object
		}
	}
	return refs, nil
}

// pushedTo is the URL of a remote that is fetched from elsewhere, perhaps from
// a copy that lags behind; all others stay what they are.
func (r *Repo) pushedTo(ctx context.Context, remote string) string {
	push, err := git(ctx, r.dir, "remote", "get-url", "--push", "--end-of-options", remote)
	if err != nil {
		return remote // it is a URL
	}
	fetch, err := git(ctx, r.dir, "remote", "get-url", "--end-of-options", remote)
	if err != nil || bytes.Equal(push, fetch) {
		return remote
	}
	return strings.TrimSuffix(string(push), "\n")
}

// remote is where tags are pushed to, "" for nowhere.
func (r *Repo) remote(ctx context.Context, wanted string) (string, error) {
	switch {
	case strings.HasPrefix(wanted, "-"):
		return "", fmt.Errorf("a remote cannot be named %q", wanted)
	case wanted != "":
		return wanted, nil
	case r.url != "":
		return r.url, nil
	case r.bare:
		return "", nil
	}
	names, err := remoteNames(ctx, r.dir)
	switch {
	case err != nil || len(names) == 0:
		return "", err
	case slices.Contains(names, "origin"):
		return "origin", nil
	case len(names) == 1:
		return names[0], nil
	}
	return "", fmt.Errorf("%s has the remotes %s; say which one to push to", r.name, strings.Join(names, ", "))
}
