package lab

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"shipit/examples"
)

//go:embed files
var files embed.FS

// fill writes what the lab lacks and keeps what it has: edited definitions,
// deployed hosts and pushed tags survive.
func (l *Lab) fill(ctx context.Context, log func(string, ...any)) error {
	dirs := []string{"ssh", "run"}
	for _, h := range l.Hosts {
		for _, sub := range []string{"bin", "etc", "run", "srv"} {
			dirs = append(dirs, filepath.Join("hosts", h.Name, sub))
		}
	}
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(l.Dir, d), 0o755); err != nil {
			return fmt.Errorf("cannot make the lab: %w", err)
		}
	}
	if err := l.writeKeys(); err != nil {
		return err
	}
	for _, h := range l.Hosts {
		if err := h.writeTools(); err != nil {
			return err
		}
	}
	definition, err := examples.Files.ReadFile("hello.hcl")
	if err != nil {
		panic("internal error: the lab's definition is not in the program: " + err.Error())
	}
	written := []struct {
		path    string
		content string
	}{
		{l.Definition, string(definition)},
		{l.Fleet, l.fleet()},
		{filepath.Join(l.Dir, ".gitignore"), "*.shipit-plan.json\n/hosts/\n/hello.git/\n/lab.json\n/run/\n/ssh/\n"},
	}
	for _, f := range written {
		if err := writeNew(f.path, f.content, 0o644); err != nil {
			return err
		}
	}
	// The directory may have moved since.
	if err := replace(l.SSHConfig, []byte(l.sshConfig()), 0o600); err != nil {
		return err
	}
	return l.makeRepositories(ctx, log)
}

// writeKeys makes the key that logs in and the hosts' keys, and the
// known_hosts file for them.
func (l *Lab) writeKeys() error {
	login, err := ensureKey(l.Identity, "lab")
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(l.Dir, "ssh", "authorized_keys"), string(ssh.MarshalAuthorizedKey(login)), 0o600); err != nil {
		return err
	}
	var known strings.Builder
	for _, h := range l.Hosts {
		key, err := ensureKey(l.hostKey(h), h.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&known, "%s,[%s]:%d,[%s]:%d %s", h.Name, h.Name, h.Port, h.Address, h.Port, ssh.MarshalAuthorizedKey(key))
	}
	return writeNew(l.KnownHosts, known.String(), 0o644)
}

// writeTools puts the host's commands in place.
func (h Host) writeTools() error {
	for _, name := range []string{"service", "pool", "sudo"} {
		text, err := files.ReadFile("files/" + name + ".sh")
		if err != nil {
			panic("internal error: a tool of the lab is not in the program: " + err.Error())
		}
		if err := replace(filepath.Join(h.Root, "bin", name), text, 0o755); err != nil {
			return err
		}
	}
	return writeNew(filepath.Join(h.Root, "pool"), "in\n", 0o644)
}

// fleet is the text of hello-fleet.hcl.
func (l *Lab) fleet() string {
	var b strings.Builder
	var names []string
	for _, h := range l.Hosts {
		names = append(names, fmt.Sprintf("%q", h.Name))
	}
	b.WriteString("# The hosts of this lab. Each listens on a port of its own.\n\n")
	fmt.Fprintf(&b, "hosts \"lab\" {\n  names = [%s]\n\n", strings.Join(names, ", "))
	fmt.Fprintf(&b, "  ssh {\n    user        = %q\n    known_hosts = \"known_hosts\"\n    identity    = \"ssh/id_ed25519\"\n  }\n", l.User)
	for i, h := range l.Hosts {
		labels := fmt.Sprintf("http = \"%d\"", h.HTTP)
		if i == 0 {
			labels += ", canary = \"yes\""
		}
		fmt.Fprintf(&b, "\n  host %q {\n    address = %q\n    port    = %d\n    labels  = { %s }\n  }\n", h.Name, h.Address, h.Port, labels)
	}
	b.WriteString("}\n")
	return b.String()
}

// sshConfig lets people look around: ssh -F lab/ssh/config lab1.
func (l *Lab) sshConfig() string {
	var b strings.Builder
	for _, h := range l.Hosts {
		fmt.Fprintf(&b, "Host %s\n  HostName %s\n  Port %d\n", h.Name, h.Address, h.Port)
	}
	escaped := func(path string) string { return strings.ReplaceAll(path, "%", "%%") }
	fmt.Fprintf(&b, "Host *\n  User %s\n  IdentityFile \"%s\"\n  IdentitiesOnly yes\n  UserKnownHostsFile \"%s\"\n",
		l.User, escaped(l.Identity), escaped(l.KnownHosts))
	return b.String()
}

// ensureKey reads the private key at path, or makes one, and returns its
// public half.
func ensureKey(path, comment string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("cannot make a key: %w", err)
		}
		block, err := ssh.MarshalPrivateKey(key, comment)
		if err != nil {
			return nil, fmt.Errorf("cannot make a key: %w", err)
		}
		text = pem.EncodeToMemory(block)
		if err := replace(path, text, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("cannot read a key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key %s: %w", path, err)
	}
	return signer.PublicKey(), nil
}

// writeNew writes a file unless it exists.
func writeNew(path, content string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
