package remote_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

// newRSA is a key, and the text of its file.
func newRSA(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(k)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(k, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, string(pem.EncodeToMemory(block))
}

// Each thing that is broken is refused on its own, with what to write, and
// allowed to the host that is an exception.
func TestLegacyAlgorithms(t *testing.T) {
	t.Parallel()
	key, file := newRSA(t)
	sha1, err := ssh.NewSignerWithAlgorithms(key.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func(*sshserver.Config)
		kind   remote.Problem
		want   string
	}{
		{"key exchange", func(c *sshserver.Config) {
			c.Algorithms.KeyExchanges = []string{ssh.InsecureKeyExchangeDH14SHA1}
		}, remote.Protocol, "it offers diffie-hellman-group14-sha1"},
		{"cipher", func(c *sshserver.Config) { c.Algorithms.Ciphers = []string{ssh.InsecureCipherAES128CBC} }, remote.Protocol, "it offers aes128-cbc"},
		{"mac", func(c *sshserver.Config) {
			c.Algorithms.MACs = []string{ssh.InsecureHMACSHA196}
			c.Algorithms.Ciphers = []string{ssh.CipherAES128CTR}
		}, remote.Protocol, "it offers hmac-sha1-96"},
		{"host key", func(c *sshserver.Config) { c.HostKeys = []ssh.Signer{sha1} }, remote.Protocol, "it offers ssh-rsa"},
		{"login", func(c *sshserver.Config) { c.KeyAlgorithms = []string{ssh.KeyAlgoRSA} }, remote.Auth, "accepts no key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := remotetest.Server(t, tc.change, func(c *sshserver.Config) {
				c.Authorized = func(_ string, k ssh.PublicKey) bool {
					return ssh.FingerprintSHA256(k) == ssh.FingerprintSHA256(key.PublicKey())
				}
			})
			at := h.Target()
			at.At = "fleet.hcl:7"
			at.Identity = writeFile(t, filepath.Join(t.TempDir(), "id"), file)
			at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"),
				h.Line()+fmt.Sprintf("[127.0.0.1]:%d %s", h.Port, ssh.MarshalAuthorizedKey(key.PublicKey())))}
			d := dialer(t, remote.SSHOptions{})
			refused(t, d, at, tc.kind, tc.want, `host "127.0.0.1" { ssh { legacy_algorithms = true } }`, "(fleet.hcl:7)")
			at.Legacy = true
			if err := runTrue(d, at); err != nil {
				t.Error(err)
			}
		})
	}
}

// A real sshd that is configured so, by ourselves and by the program ssh.
func TestLegacySSHD(t *testing.T) {
	t.Parallel()
	key, file := newRSA(t)
	dir := t.TempDir()
	h := remotetest.SSHD(t, "HostKey "+writeFile(t, filepath.Join(dir, "host_rsa"), file), "HostKeyAlgorithms ssh-rsa",
		"KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc", "MACs hmac-sha1")
	at := h.Target()
	at.KnownHosts = []string{writeFile(t, filepath.Join(dir, "kh"), fmt.Sprintf("[127.0.0.1]:%d %s", h.Port, ssh.MarshalAuthorizedKey(key.PublicKey())))}
	d := dialer(t, remote.SSHOptions{})
	for _, via := range []string{"", remote.OpenSSH} {
		at.Via, at.Legacy = via, false
		refused(t, d, at, remote.Protocol, "legacy_algorithms = true")
		at.Legacy = true
		if err := runTrue(d, at); err != nil {
			t.Errorf("via %q: %v", via, err)
		}
	}
}
