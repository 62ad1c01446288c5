//go:build linux

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// deployUID is the login's on the hosts.
const deployUID = 2000

// sshdConfig is what Debian ships, said in full: this machine's own may have
// been changed.
const sshdConfig = `HostKey /etc/ssh/ssh_host_ed25519_key
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
`

// writeFiles makes what hosts and deployer have in their roots: common/root,
// common/keys/HOST and home.
func (f *fleet) writeFiles() error {
	root := filepath.Join(f.dir, "common", "root")
	etc := map[string]string{
		"passwd": "root:x:0:0::/root:/bin/bash\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n" +
			"messagebus:x:102:102::/nonexistent:/usr/sbin/nologin\n" +
			"nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n" + fmt.Sprintf("%s:x:%d:%d::/home/%[1]s:/bin/bash\n", login, deployUID, deployUID),
		"group":           fmt.Sprintf("root:x:0:\ntty:x:5:\nshadow:x:42:\nmessagebus:x:102:\nsystemd-journal:x:103:\nnogroup:x:65534:\n%s:x:%d:\n", login, deployUID),
		"shadow":          "root:*:20000:0:99999:7:::\n" + login + ":*:20000:0:99999:7:::\n",
		"sudoers":         "Defaults env_reset\nDefaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nroot ALL=(ALL:ALL) ALL\n" + login + " ALL=(ALL) NOPASSWD: ALL\n",
		"nsswitch.conf":   "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
		"environment":     "",
		"ssh/sshd_config": sshdConfig,
		"init.d/app":      initScript,
		"default/locale":  "LANG=C.UTF-8\n",
	}
	for name, text := range etc {
		if err := write(filepath.Join(root, "etc", name), text, 0o644); err != nil {
			return err
		}
	}
	for name, mode := range map[string]os.FileMode{"shadow": 0o640, "sudoers": 0o440, "init.d/app": 0o755} {
		if err := os.Chmod(filepath.Join(root, "etc", name), mode); err != nil {
			return err
		}
	}
	for _, name := range []string{"pam.d", "security", "login.defs", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl", "profile", "bash.bashrc", "localtime"} {
		if _, err := os.Lstat("/etc/" + name); err != nil {
			continue
		}
		if out, err := osexec.Command("cp", "-a", "/etc/"+name, filepath.Join(root, "etc", name)).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot copy /etc/%s: %w: %s", name, err, out)
		}
	}
	self, err := os.ReadFile(f.exe)
	if err != nil {
		return fmt.Errorf("cannot read myself: %w", err)
	}
	if err := write(filepath.Join(root, "opt/app/app"), string(self), 0o755); err != nil {
		return err
	}
	return f.writeKeys(root)
}

// writeKeys makes the deployer's key, the hosts' keys, and who trusts whom.
func (f *fleet) writeKeys(root string) error {
	private, public, err := newKey()
	if err != nil {
		return err
	}
	home := filepath.Join(root, "home", login)
	if err := write(filepath.Join(home, ".ssh/authorized_keys"), public+"\n", 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, appPath), 0o755); err != nil {
		return err
	}
	for _, path := range []string{home, filepath.Join(home, ".ssh"), filepath.Join(home, ".ssh/authorized_keys"), filepath.Join(root, appPath)} {
		if err := os.Chown(path, deployUID, deployUID); err != nil {
			return err
		}
	}
	var known strings.Builder
	for _, m := range f.hosts {
		// sudo looks its host up.
		if err := write(filepath.Join(f.dir, "common/keys", m.name, "etc/hosts"), "127.0.0.1 localhost\n"+m.address+" "+m.name+"\n", 0o644); err != nil {
			return err
		}
		private, public, err := newKey()
		if err != nil {
			return err
		}
		m.key = m.address + " " + public
		known.WriteString(m.key + "\n")
		if err := write(filepath.Join(f.dir, "common/keys", m.name, "etc/ssh/ssh_host_ed25519_key"), private, 0o600); err != nil {
			return err
		}
	}
	mine := filepath.Join(f.dir, "home/.ssh")
	for name, text := range map[string]string{
		"id_ed25519": private, "id_ed25519.pub": public + "\n", "known_hosts": known.String(),
		"config": "Host 10.99.*\n  User " + login + "\n  IdentityFile ~/.ssh/id_ed25519\n  IdentitiesOnly yes\n  BatchMode yes\n",
	} {
		if err := write(filepath.Join(mine, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// newKey makes a key: its private half as a file, its public one as a line.
func newKey() (private, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("cannot make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "bench")
	if err != nil {
		return "", "", fmt.Errorf("cannot make a key: %w", err)
	}
	sshPub, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", fmt.Errorf("cannot make a key: %w", err)
	}
	return string(pem.EncodeToMemory(block)), string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(sshPub))), nil
}

// write writes a file and makes the directories above it.
func write(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}
