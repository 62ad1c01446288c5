package release

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// wantsSigned tells whether the user's git signs all tags.
func (r *Repo) wantsSigned(ctx context.Context) bool {
	out, err := git(ctx, r.dir, "config", "--type=bool", "--get", "tag.gpgSign")
	return err == nil && strings.TrimSpace(string(out)) == "true"
}

// signed has git make the tag's text with a signature, in a repository of its
// own that borrows our commits: git signs only what it also gives a name, and
// the remote is to decide about the name first. With onlySSH, an SSH key signs
// whatever the user's other signatures are made by.
func (r *Repo) signed(ctx context.Context, t TagRequest, onlySSH bool) (text string, err error) {
	dir, err := os.MkdirTemp("", "shipit-tag-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	out, err := git(ctx, r.dir, "rev-parse", "--show-object-format", "--path-format=absolute", "--git-path", "objects", "--git-path", "config")
	if err != nil {
		return "", err
	}
	of := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(of) != 3 {
		return "", fmt.Errorf("git rev-parse printed %q", out)
	}
	if _, err := git(ctx, dir, "init", "--quiet", "--bare", "--template=", "--object-format="+of[0]); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "objects", "info", "alternates"), []byte(of[1]+"\n"), 0o600); err != nil {
		return "", err
	}
	args := []string{"-c", "include.path=" + of[2]} // who signs may be said in the repository
	if onlySSH {
		args = append(args, "-c", "gpg.format=ssh")
	}
	err = run(ctx, command{limit: localLimit, dir: dir, in: strings.NewReader(t.message())},
		append(args, "tag", "--sign", "--cleanup=verbatim", "--file=-", "--end-of-options", t.Name, t.Commit)...)
	if err != nil {
		return "", fmt.Errorf("cannot sign it: %w; git signs with what user.signingKey names, like git config --global user.signingKey ~/.ssh/id_ed25519.pub, and has no terminal here to ask for a passphrase, so load the key with ssh-add", err)
	}
	var made bytes.Buffer
	err = run(ctx, command{limit: localLimit, dir: dir, out: &made}, "cat-file", "tag", "refs/tags/"+t.Name)
	return made.String(), err
}
