package remote_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

// signed is a certificate of ca for h's login, good around now.
func signed(t *testing.T, h *remotetest.Host, ca ssh.Signer, change func(*ssh.Certificate)) *ssh.Certificate {
	t.Helper()
	c := &ssh.Certificate{
		Key: h.Login.PublicKey(), CertType: ssh.UserCert, KeyId: "me", ValidPrincipals: []string{h.User},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(12 * time.Hour).Unix()),
	}
	if change != nil {
		change(c)
	}
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return c
}

// certified is a host that lets in whom ca signed for, as TrustedUserCAKeys does.
func certified(t *testing.T, ca ssh.Signer) *remotetest.Host {
	t.Helper()
	return remotetest.Server(t, func(c *sshserver.Config) {
		c.Authorized = func(user string, k ssh.PublicKey) bool {
			cert, ok := k.(*ssh.Certificate)
			checker := ssh.CertChecker{}
			return ok && string(cert.SignatureKey.Marshal()) == string(ca.PublicKey().Marshal()) && checker.CheckCert(user, cert) == nil
		}
	})
}

func TestUserCertificates(t *testing.T) {
	t.Parallel()
	ca := remotetest.Key(t)
	at := func(d time.Duration) uint64 { return uint64(time.Now().Add(d).Unix()) }
	for _, tc := range []struct {
		name   string
		change func(*ssh.Certificate)
		warns  string // said before anything is dialled
		refuse string // said when the login is refused; "" is let in
	}{
		{"good", nil, "", ""},
		{"for ever", func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = 0, ssh.CertTimeInfinity }, "", ""},
		{"ends soon", func(c *ssh.Certificate) { c.ValidBefore = at(20 * time.Minute) }, "expires in 20m0s", ""},
		{"expired", func(c *ssh.Certificate) { c.ValidBefore = at(-time.Minute) }, "has expired at", "has expired at"},
		{"not yet", func(c *ssh.Certificate) { c.ValidAfter = at(time.Hour) }, "is not valid before", "is not valid before"},
		{"another user", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"alice", "bob"} }, "", "is for alice, bob, not for "},
		{"for hosts", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, "", "is not one for users"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := certified(t, ca)
			writeFile(t, h.Identity+"-cert.pub", string(ssh.MarshalAuthorizedKey(signed(t, h, ca, tc.change))))
			var mu sync.Mutex
			var said []string
			d := dialer(t, remote.SSHOptions{Warn: func(s string) { mu.Lock(); defer mu.Unlock(); said = append(said, s) }})
			if tc.refuse != "" {
				refused(t, d, h.Target(), remote.Auth, tc.refuse, `the certificate "me" for SHA256:`)
			} else if err := runTrue(d, h.Target()); err != nil {
				t.Error(err)
			}
			if all := strings.Join(said, "\n"); tc.warns == "" && all != "" || !strings.Contains(all, tc.warns) {
				t.Errorf("said %q, want %q", all, tc.warns)
			}
		})
	}
}

// An agent may hold the certificate, chosen by the public half.
func TestCertificateOfTheAgent(t *testing.T) {
	t.Parallel()
	ca := remotetest.Key(t)
	h := certified(t, ca)
	b, err := os.ReadFile(h.Identity)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key, Certificate: signed(t, h, ca, nil)}); err != nil {
		t.Fatal(err)
	}
	at := h.Target()
	at.Identity = writeFile(t, filepath.Join(t.TempDir(), "id.pub"), string(ssh.MarshalAuthorizedKey(h.Login.PublicKey())))
	c, err := dialer(t, remote.SSHOptions{AgentSock: agentOn(t, ring)}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if key := c.Info().Key; !strings.Contains(key, `(certificate "me")`) {
		t.Errorf("logged in with %s", key)
	}
}
