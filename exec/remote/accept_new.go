package remote

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// line is the line of known_hosts for key.
func (v *verifier) line(key ssh.PublicKey) string {
	return v.name + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// add writes the host's key to the file, unless it has got another meanwhile.
// The lock keeps apart our own additions as well as those of other processes.
func (v *verifier) add(key ssh.PublicKey) error {
	fail := func(err error) error { return fmt.Errorf("cannot add its host key to %s: %w", v.file, err) }
	if err := os.MkdirAll(filepath.Dir(v.file), 0o700); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(v.file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fail(err)
	}
	old, err := io.ReadAll(f)
	if err != nil {
		return fail(err)
	}
	now := &knownHosts{exact: map[string][]int{}}
	now.parse(v.file, old, func(string) {})
	h := hostKeys{name: v.name, host: v.host}
	now.collect(&h, v.name, &h.keys, now.exact[v.name], now.other, now.hashed)
	if has(h.keys, key) {
		return nil
	}
	if len(h.keys) > 0 {
		v.keys = h.keys
		return v.changedError(key)
	}
	line := v.line(key) + "\n"
	if len(old) > 0 && old[len(old)-1] != '\n' {
		line = "\n" + line
	}
	if _, err := f.WriteString(line); err != nil {
		return fail(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fail(err)
	}
	v.log("added the host key of %s to %s: %s", v.name, v.file, fingerprint(key))
	return nil
}
