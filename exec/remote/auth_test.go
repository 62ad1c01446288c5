package remote_test

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

// agentOn serves an agent with keys and returns its socket.
func agentOn(t *testing.T, a agent.Agent) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // the test's own may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				agent.ServeAgent(a, c)
			}()
		}
	}()
	return l.Addr().String()
}

// keyringOf is an agent with the key in file and others before it.
func keyringOf(t *testing.T, file string, others int) agent.Agent {
	t.Helper()
	a := agent.NewKeyring()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := ssh.ParseRawPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	for range others {
		if err := a.Add(agent.AddedKey{PrivateKey: newPrivate(t)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Add(agent.AddedKey{PrivateKey: priv}); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAgentSignsForAPublicHalf(t *testing.T) {
	t.Parallel()
	var offered atomic.Int32
	h := remotetest.Server(t, func(c *sshserver.Config) {
		ok := c.Authorized
		c.Authorized = func(u string, k ssh.PublicKey) bool { offered.Add(1); return ok(u, k) }
	})
	at := h.Target()
	at.Identity = writeFile(t, filepath.Join(t.TempDir(), "id.pub"), string(ssh.MarshalAuthorizedKey(h.Login.PublicKey())))
	refused(t, dialer(t, remote.SSHOptions{}), at, remote.Auth, "public half", "there is no agent", "ssh-add ")

	d := dialer(t, remote.SSHOptions{AgentSock: agentOn(t, keyringOf(t, h.Identity, 10))})
	c, err := d.Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n := offered.Load(); n > 2 {
		t.Errorf("%d keys were offered, want the chosen one only", n)
	}
	// Beside its private half, no agent is needed.
	writeFile(t, h.Identity+".pub", string(ssh.MarshalAuthorizedKey(h.Login.PublicKey())))
	at.Identity = h.Identity + ".pub"
	if c, err = dialer(t, remote.SSHOptions{}).Dial(context.Background(), at); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestAgentKeysAreNotAllTried(t *testing.T) {
	t.Parallel()
	var offered atomic.Int32
	var logins atomic.Int32
	h := remotetest.Server(t, func(c *sshserver.Config) {
		c.Authorized = func(string, ssh.PublicKey) bool { offered.Add(1); return false }
		c.Connected = func(string, ssh.PublicKey) { logins.Add(1) }
	})
	at := h.Target()
	at.Identity = ""
	d := dialer(t, remote.SSHOptions{AgentSock: agentOn(t, keyringOf(t, h.Identity, 9))})
	refused(t, d, at, remote.Auth, "accepts no key for user "+h.User, "of the agent", "not tried, since sshd counts: 5 more")
	if n := offered.Load(); n != 5 {
		t.Errorf("%d keys were offered, want 5, once each", n)
	}
}

// stubbornAgent has keys and signs with none, as for a key that is bound to
// destinations.
type stubbornAgent struct{ agent.Agent }

func (stubbornAgent) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	return nil, errors.New("no")
}

func TestAgentThatRefuses(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	at := h.Target()
	at.Identity = ""
	d := dialer(t, remote.SSHOptions{AgentSock: agentOn(t, stubbornAgent{keyringOf(t, h.Identity, 0)})})
	refused(t, d, at, remote.Auth, "the agent refuses to sign with", "ssh-add -h")
}

func TestEncryptedIdentity(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(newPrivate(t), "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	file := writeFile(t, filepath.Join(home, ".ssh/id_ed25519"), string(pem.EncodeToMemory(block)))
	at := h.Target()
	at.Identity = file
	refused(t, dialer(t, remote.SSHOptions{}), at, remote.Auth, "the key "+file+" is encrypted, and there is no agent", "ssh-add "+file)
	at.Identity = ""
	refused(t, dialer(t, remote.SSHOptions{Home: home}), at, remote.Auth, "is encrypted", "ssh-add "+file)
	at.Identity = "~/.ssh/none"
	refused(t, dialer(t, remote.SSHOptions{Home: home}), at, remote.Auth, "cannot use the key "+home+"/.ssh/none")
	at.Identity = ""
	refused(t, dialer(t, remote.SSHOptions{}), at, remote.Auth, "there is no key to log in with")
}

func TestRefusedLoginIsNotRepeated(t *testing.T) {
	t.Parallel()
	var offered atomic.Int32
	h := remotetest.Server(t, func(c *sshserver.Config) {
		c.Authorized = func(string, ssh.PublicKey) bool { offered.Add(1); return false }
	})
	refused(t, dialer(t, remote.SSHOptions{}), h.Target(), remote.Auth, "tried: ssh-ed25519 "+ssh.FingerprintSHA256(h.Login.PublicKey()), "authorized_keys")
	if n := offered.Load(); n != 1 {
		t.Errorf("the key was offered %d times", n)
	}
}

// securityKey is an agent with a key on a device that nobody touches: it has
// no signature until the deadline, or says no at once.
type securityKey struct {
	agent.Agent
	key   ssh.PublicKey
	waits chan struct{}
}

func (a securityKey) List() ([]*agent.Key, error) {
	return []*agent.Key{{Format: a.key.Type(), Blob: a.key.Marshal(), Comment: "yubikey"}}, nil
}

func (a securityKey) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	if a.waits != nil {
		<-a.waits
	}
	return nil, errors.New("no")
}

func TestSecurityKeys(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t, func(c *sshserver.Config) { c.Authorized = func(string, ssh.PublicKey) bool { return true } })
	plain, err := ssh.ParsePublicKey(h.Login.PublicKey().Marshal())
	if err != nil {
		t.Fatal(err)
	}
	raw := ssh.Marshal(struct {
		Name string
		Key  []byte
		App  string
	}{ssh.KeyAlgoSKED25519, []byte(plain.(ssh.CryptoPublicKey).CryptoPublicKey().(ed25519.PublicKey)), "ssh:"})
	key, err := ssh.ParsePublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	at := h.Target()
	dir := t.TempDir()
	// The private file only points to the device; its public half says so.
	at.Identity = writeFile(t, filepath.Join(dir, "id_sk"), "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
	writeFile(t, filepath.Join(dir, "id_sk.pub"), string(ssh.MarshalAuthorizedKey(key)))
	refused(t, dialer(t, remote.SSHOptions{}), at, remote.Auth, "is on a security key, and there is no agent", "ssh-add "+at.Identity, `via = "openssh"`)

	var said atomic.Value
	warn := func(s string) { said.Store(s) }
	refused(t, dialer(t, remote.SSHOptions{AgentSock: agentOn(t, securityKey{ring, key, nil}), Warn: warn}), at, remote.Auth,
		"the security key did not sign", "touch it while it blinks")
	if s, _ := said.Load().(string); !strings.Contains(s, "touch the security key") {
		t.Errorf("said %q", s)
	}
	untouched := make(chan struct{})
	defer close(untouched)
	sock := agentOn(t, securityKey{ring, key, untouched})
	refused(t, dialer(t, remote.SSHOptions{AgentSock: sock, Timeout: time.Second}), at, remote.TimedOut, "we waited for a finger on the security key sk-ssh-ed25519")
}
