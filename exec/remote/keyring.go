package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keyring finds the keys to log in with. Files and agents are read once.
type keyring struct {
	home string
	sock string // of the agent
	warn func(string)
	now  func() time.Time

	mu     sync.Mutex
	agents map[string]*keyAgent
	files  map[string]*keyFile
}

// A keyAgent is a connection to an agent and the keys it has. The agent is
// never forwarded.
type keyAgent struct {
	conn    net.Conn
	signers []ssh.Signer
	err     error
}

// A heldSigner is a key of an agent, told apart from a certificate, which the
// library does not.
type heldSigner struct {
	ssh.AlgorithmSigner
	public ssh.PublicKey
}

func (s heldSigner) PublicKey() ssh.PublicKey { return s.public }

// A keyFile is what a file of a key holds: the public half at least.
type keyFile struct {
	public ssh.PublicKey
	signer ssh.Signer // nil: encrypted, or the public half only
	locked bool       // encrypted
	certs  []*ssh.Certificate
	err    error
}

// agent connects to the agent at sock once; the caller holds mu.
func (k *keyring) agent(sock string) *keyAgent {
	if a := k.agents[sock]; a != nil {
		return a
	}
	a := &keyAgent{}
	k.agents[sock] = a
	if a.conn, a.err = net.DialTimeout("unix", sock, 5*time.Second); a.err != nil {
		return a
	}
	a.conn.SetDeadline(k.now().Add(10 * time.Second)) // for the list; a signature may wait for a finger
	var signers []ssh.Signer
	signers, a.err = agent.NewClient(a.conn).Signers()
	for _, s := range signers {
		pub, err := ssh.ParsePublicKey(s.PublicKey().Marshal())
		as, ok := s.(ssh.AlgorithmSigner)
		if err == nil && ok { // else it is of a type that we cannot use
			a.signers = append(a.signers, heldSigner{as, pub})
		}
	}
	a.conn.SetDeadline(time.Time{})
	return a
}

// file reads the file of a key once; the caller holds mu.
func (k *keyring) file(path string) *keyFile {
	if f := k.files[path]; f != nil {
		return f
	}
	f := readKey(path)
	k.files[path] = f
	for _, name := range []string{path + "-cert.pub", strings.TrimSuffix(path, ".pub") + "-cert.pub"} {
		if c := readCert(name); c != nil && f.public != nil && sameKey(c.Key, f.public) {
			f.certs = append(f.certs, c)
			break
		}
	}
	return f
}

func readKey(path string) *keyFile {
	b, err := os.ReadFile(path)
	if err != nil {
		return &keyFile{err: err}
	}
	if pub, _, _, _, err := ssh.ParseAuthorizedKey(b); err == nil {
		return &keyFile{public: pub}
	}
	s, err := ssh.ParsePrivateKey(b)
	if err == nil {
		return &keyFile{public: s.PublicKey(), signer: s}
	}
	var missing *ssh.PassphraseMissingError
	if !errors.As(err, &missing) {
		if pub := readPublic(path + ".pub"); pub != nil && onSecurityKey(pub) {
			return &keyFile{public: pub, locked: true} // the file only points to the device
		}
		return &keyFile{err: fmt.Errorf("%s: %w", path, err)}
	}
	f := &keyFile{public: missing.PublicKey, locked: true}
	if f.public == nil { // the old format hides it
		f.public = readPublic(path + ".pub")
	}
	return f
}

// readPublic reads a public half; nil is that there is none.
func readPublic(path string) ssh.PublicKey {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		return nil
	}
	return pub
}

func readCert(path string) *ssh.Certificate {
	c, _ := readPublic(path).(*ssh.Certificate)
	return c
}

// close ends the agents' connections.
func (k *keyring) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range k.agents {
		if a.conn != nil {
			a.conn.Close()
		}
	}
}
