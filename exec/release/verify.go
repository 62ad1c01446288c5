package release

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// An UntrustedError says that a tag is not what the definition asks for: one
// that somebody of a list has signed.
type UntrustedError struct {
	Tag     string
	Signers string // the file that lists them
	Why     string // a clause: "it is not signed"
	Help    string // what to do about it
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("the tag %s is not to be trusted: %s; %s", e.Tag, e.Why, e.Help)
}

// Verify sees that a release's tag is signed by one of the signers, and
// returns whom. Errors are *UntrustedError, or something that kept git from
// looking.
//
// Nothing of the machine's git configuration has a say: what is trusted is
// what the definition says. What is looked at is the tag object and the commit
// that Releases read, by their ids, so that a tag which moves meanwhile is not
// taken for the one that was verified.
func (r *Repo) Verify(ctx context.Context, rel Release, s Signers) (by string, err error) {
	by, err = r.verify(ctx, rel.Tag.Name, rel.Object, rel.Commit, s)
	if err == nil {
		return by, nil
	}
	if _, ok := err.(*UntrustedError); ok {
		return "", err
	}
	return "", fmt.Errorf("cannot verify the tag %s: %w", rel.Tag.Name, err)
}

func (r *Repo) verify(ctx context.Context, name, object, commit string, s Signers) (by string, err error) {
	untrusted := func(help, format string, args ...any) error {
		return &UntrustedError{Tag: name, Signers: s.Name, Why: fmt.Sprintf(format, args...), Help: help}
	}
	const anew = "make a new one with shipit tag, which signs it"
	if object == "" || object == commit {
		return "", untrusted(anew, "it is a lightweight tag, without a signature")
	}
	text, err := git(ctx, r.dir, "cat-file", "tag", object)
	if err != nil {
		return "", err
	}
	// Whoever may push could give a signed tag another name, or hide one
	// behind another tag: what was signed is the text, so it has to say both.
	head, body, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	switch {
	case len(lines) < 3 || lines[0] != "object "+commit || lines[1] != "type commit":
		return "", untrusted(anew, "what was signed is not the commit %.12s", commit)
	case lines[2] != "tag "+name:
		return "", untrusted(anew, "what was signed is the %s, and somebody gave it this name", lines[2])
	}
	switch {
	case strings.Contains(body, "-----BEGIN SSH SIGNATURE-----"):
	case strings.Contains(body, "-----BEGIN PGP "), strings.Contains(body, "-----BEGIN SIGNED MESSAGE-----"):
		return "", untrusted("sign it with an SSH key: git config gpg.format ssh", "it is not signed by an SSH key, and of other signatures nobody is listed in %s", s.Name)
	default:
		return "", untrusted(anew, "it is not signed")
	}
	said, err := r.verifyTag(ctx, object, s)
	if err == nil {
		if good := goodSignature.FindStringSubmatch(said); good != nil {
			return good[1], nil
		}
		return "", fmt.Errorf("git verify-tag said %q", said)
	}
	if exitCode(err) != 1 || ctx.Err() != nil {
		return "", err
	}
	if key := someSignature.FindStringSubmatch(said); key != nil {
		why, help := s.about(key[1], tagged(lines))
		return "", untrusted(help, "%s", why)
	}
	if strings.Contains(said, "ignature verification failed") || strings.Contains(said, "Could not verify signature") || strings.Contains(said, "ncorrect signature") {
		return "", untrusted(anew, "its signature does not fit what it says: it was changed after it was signed")
	}
	return "", err
}

// What git passes on of ssh-keygen, in the C locale.
var (
	goodSignature = regexp.MustCompile(`(?m)^Good "git" signature for (.+) with \S+ key SHA256:\S+$`)
	someSignature = regexp.MustCompile(`(?m)^Good "git" signature with \S+ key (SHA256:\S+)$`)
)

// verifyTag asks git, in terms that no configuration weakens: only SSH
// signatures, only these signers, and the usual program.
func (r *Repo) verifyTag(ctx context.Context, object string, s Signers) (said string, err error) {
	dir, err := os.MkdirTemp("", "shipit-signers-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "allowed_signers")
	if err := os.WriteFile(file, s.text, 0o600); err != nil {
		return "", err
	}
	var errs bytes.Buffer
	err = run(ctx, command{limit: localLimit, dir: r.dir, said: &errs, env: []string{"TZ=UTC"}},
		"-c", "gpg.ssh.allowedSignersFile="+file, "-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.minTrustLevel=fully",
		"-c", "gpg.program=false", "-c", "gpg.openpgp.program=false", "-c", "gpg.x509.program=false",
		"verify-tag", "--raw", object)
	return errs.String(), err
}

// about tells why a key that made a good signature is not that of a signer,
// and what to do about it.
func (s Signers) about(key string, when time.Time) (why, help string) {
	for _, line := range s.lines {
		if line.key != key {
			continue
		}
		switch {
		case !line.before.IsZero() && when.After(line.before):
			return fmt.Sprintf("the key of %s was valid until %s UTC, and the tag was made after that", line.who, line.before.Format(time.DateTime)),
				"sign a new one with a key that is still valid"
		case !line.after.IsZero() && when.Before(line.after):
			return fmt.Sprintf("the key of %s is valid from %s UTC, and the tag was made before that", line.who, line.after.Format(time.DateTime)),
				"make a new one with shipit tag once it is"
		}
	}
	return fmt.Sprintf("the key that signed it, %s, is nobody's in %s", key, s.Name),
		"add its line there if the signer is to be one, or have another sign a new tag"
}

// tagged is the time that a tag says it was made at.
func tagged(head []string) time.Time {
	for _, line := range head {
		words := strings.Fields(line)
		if words[0] == "tagger" && len(words) > 2 {
			return unix(words[len(words)-2])
		}
	}
	return time.Time{}
}
