package remote_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
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

// What no exception allows is not advised.
func TestAlgorithmsOfTheFuture(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	at := h.Target()
	at.Port, _ = listener(t, func(c net.Conn) {
		io.WriteString(c, "SSH-2.0-future\r\n")
		list := strings.Repeat("kex-of-2040\x1b[2J,", 40) + "x"
		payload := append([]byte{20}, make([]byte, 16)...) // SSH_MSG_KEXINIT and its cookie
		for _, names := range []string{list, "ssh-ed25519", "aes256-ctr", "aes256-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""} {
			payload = append(binary.BigEndian.AppendUint32(payload, uint32(len(names))), names...)
		}
		payload = append(payload, 0, 0, 0, 0, 0)
		pad := 8 - (5+len(payload))%8 + 8
		packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+pad))
		packet = append(append(append(packet, byte(pad)), payload...), make([]byte, pad)...)
		c.Write(packet)
		io.Copy(io.Discard, c)
	})
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), "127.0.0.1 "+string(ssh.MarshalAuthorizedKey(h.Key)))}
	de := refused(t, dialer(t, remote.SSHOptions{}), at, remote.Protocol, "no key exchange in common with us; it offers kex-of-2040", " …", `via = "openssh"`)
	if strings.Contains(de.Error()+de.Help, "legacy") || strings.Contains(de.Error(), "\x1b") {
		t.Errorf("%v: %s", de, de.Help)
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
