package remote

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxKeys bounds the keys that are shown to one host. sshd counts each as a
// failed attempt (MaxAuthTries is 6) and may shut out the whole office for
// too many of them.
const maxKeys = 5

// A keyError is a key that was asked for and cannot be used.
type keyError struct {
	text string
	help string
}

func (e *keyError) Error() string { return e.text }

// A wish says which keys may be used for one host.
type wish struct {
	identity string   // the definition's choice: this one and no other
	files    []string // the configuration's
	only     bool     // no other keys of the agent
	agent    string   // IdentityAgent
	certs    []string // CertificateFile
	user     string   // who logs in
}

// A pick is the keys for one login, in the order they are tried.
type pick struct {
	signers []ssh.Signer
	names   []string // of the keys tried, for messages
	left    int      // keys that were not tried, because sshd counts
	locked  []string // files that are encrypted and whose key no agent holds
	doubts  []string // what is wrong with certificates, should the login be refused
}

// pick chooses the keys for one login.
func (k *keyring) pick(w wish) (*pick, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	held, agentErr := k.held(w.agent)
	p := &pick{}
	if w.identity != "" {
		return p, k.chosen(p, w, expandHome(w.identity, k.home), held, agentErr)
	}
	// As OpenSSH does: first what the agent and a file both have, then the
	// rest of the agent's, then the files that need no agent.
	var rest []*keyFile
	var names []string
	for _, path := range w.files {
		f := k.file(path)
		switch s := signerOf(held, f.public); {
		case f.err != nil:
			if !errors.Is(f.err, fs.ErrNotExist) {
				k.warn(fmt.Sprintf("cannot use the key %s: %v", path, f.err))
				f.err = fs.ErrNotExist // said once
			}
		case s != nil:
			k.add(p, w, path+" by the agent", s, f.certs)
		case f.signer != nil:
			rest, names = append(rest, f), append(names, path)
		case f.locked:
			p.locked = append(p.locked, path)
		}
	}
	if !w.only {
		for _, s := range held {
			k.add(p, w, "of the agent", s, nil)
		}
	}
	for i, f := range rest {
		k.add(p, w, names[i], f.signer, f.certs)
	}
	if len(p.signers) == 0 {
		return nil, noKeys(p.locked, agentErr)
	}
	return p, nil
}

// held are the agent's keys.
func (k *keyring) held(choice string) ([]ssh.Signer, error) {
	sock := k.sock
	switch {
	case choice == "" || choice == "SSH_AUTH_SOCK":
	case strings.EqualFold(choice, "none"):
		sock = ""
	case strings.HasPrefix(choice, "$"):
		sock = os.Getenv(strings.Trim(choice, "${}"))
	default:
		sock = choice
	}
	if sock == "" {
		return nil, errors.New("there is no agent (SSH_AUTH_SOCK is not set)")
	}
	a := k.agent(sock)
	if a.err != nil {
		return nil, fmt.Errorf("the agent does not answer: %w", a.err)
	}
	return a.signers, nil
}

// chosen picks the one key that the definition names.
func (k *keyring) chosen(p *pick, w wish, path string, held []ssh.Signer, agentErr error) error {
	f := k.file(path)
	if f.err != nil {
		return &keyError{fmt.Sprintf("cannot use the key %s: %v", path, f.err), "correct identity in the definition's ssh block"}
	}
	for _, s := range held { // certificates that the agent has for the key
		if c, ok := s.PublicKey().(*ssh.Certificate); ok && sameKey(c.Key, f.public) {
			k.add(p, w, path+" by the agent", s, nil)
		}
	}
	if s := signerOf(held, f.public); s != nil {
		k.add(p, w, path+" by the agent", s, f.certs)
	}
	if len(p.signers) > 0 {
		return nil
	}
	if f.signer == nil && strings.HasSuffix(path, ".pub") {
		// The private half may lie beside it.
		if private := k.file(strings.TrimSuffix(path, ".pub")); private.signer != nil && sameKey(private.public, f.public) {
			f = private
		}
	}
	if f.signer != nil {
		k.add(p, w, path, f.signer, f.certs)
		return nil
	}
	why := "the agent does not hold it"
	if agentErr != nil {
		why = agentErr.Error()
	}
	help := "ssh-add " + strings.TrimSuffix(path, ".pub")
	if onSecurityKey(f.public) {
		return &keyError{
			fmt.Sprintf("the key %s is on a security key, and %s", path, why),
			help + `, or ssh { via = "openssh" } in the definition; each login to a host is a touch`,
		}
	}
	if f.locked {
		return &keyError{fmt.Sprintf("the key %s is encrypted, and %s", path, why), help}
	}
	return &keyError{fmt.Sprintf("the key %s is a public half, and %s", path, why), help}
}

func noKeys(locked []string, agentErr error) error {
	if len(locked) > 0 {
		why := "the agent does not hold it"
		if agentErr != nil {
			why = agentErr.Error()
		}
		return &keyError{fmt.Sprintf("the key %s is encrypted, and %s", locked[0], why), "ssh-add " + locked[0]}
	}
	if agentErr != nil {
		return &keyError{
			fmt.Sprintf("there is no key to log in with: %v, and no identity file exists", agentErr),
			"start an agent and ssh-add a key, or name one: identity in the definition's ssh block",
		}
	}
	return &keyError{"there is no key to log in with: the agent is empty, and no identity file exists", "ssh-add a key"}
}

// signerOf finds the agent's signer for a public key.
func signerOf(held []ssh.Signer, pub ssh.PublicKey) ssh.Signer {
	if pub == nil {
		return nil
	}
	for _, s := range held {
		if sameKey(s.PublicKey(), pub) {
			return s
		}
	}
	return nil
}

// add adds a key and before it the certificates made for it.
func (k *keyring) add(p *pick, w wish, name string, s ssh.Signer, beside []*ssh.Certificate) {
	if c, ok := s.PublicKey().(*ssh.Certificate); ok { // an agent may hold it so
		if k.usable(p, w, c) {
			p.add(name, s)
		}
		return
	}
	certs := slices.Clone(beside)
	for _, f := range w.certs {
		if c := readCert(f); c != nil {
			certs = append(certs, c)
		}
	}
	for _, c := range certs {
		if !sameKey(c.Key, s.PublicKey()) || !k.usable(p, w, c) {
			continue
		}
		if cs, err := ssh.NewCertSigner(c, s); err == nil {
			p.add(name, cs)
		}
	}
	p.add(name, s)
}

func (p *pick) add(name string, s ssh.Signer) {
	for _, have := range p.signers {
		if sameKey(have.PublicKey(), s.PublicKey()) {
			return
		}
	}
	if len(p.signers) == maxKeys {
		p.left++
		return
	}
	p.signers = append(p.signers, s)
	p.names = append(p.names, fmt.Sprintf("%s (%s)", fingerprint(s.PublicKey()), name))
}

// A usedSigner notes that its key was accepted: a signature is only asked
// for then. It also keeps to algorithms that are not broken, and says when a
// person is waited for.
type usedSigner struct {
	ssh.Signer
	l *login
}

func (s usedSigner) Algorithms() []string {
	t := keyType(s.PublicKey())
	switch {
	case t != ssh.KeyAlgoRSA:
		return []string{t}
	case s.l.r.target.Legacy:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
}

// keyType is the type of the key itself, not of a certificate for it.
func keyType(k ssh.PublicKey) string {
	if c, ok := k.(*ssh.Certificate); ok {
		k = c.Key
	}
	return k.Type()
}

func (s usedSigner) Sign(r io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(r, data, s.Algorithms()[0])
}

func (s usedSigner) SignWithAlgorithm(_ io.Reader, data []byte, algo string) (sig *ssh.Signature, err error) {
	key := s.PublicKey()
	s.l.used = key
	waits := "the agent to sign with " + fingerprint(key) + ", which may ask somebody to confirm it (ssh-add -c)"
	if onSecurityKey(key) {
		waits = "a finger on the security key " + fingerprint(key)
		s.l.s.warn("touch the security key when it blinks, once for each host: " + fingerprint(key))
	}
	s.l.signing.Store(&waits)
	defer s.l.signing.Store(nil)
	if as, ok := s.Signer.(ssh.AlgorithmSigner); ok {
		sig, err = as.SignWithAlgorithm(rand.Reader, data, algo)
	} else {
		sig, err = s.Signer.Sign(rand.Reader, data)
	}
	if err != nil {
		s.l.signErr = err
	}
	return sig, err
}

// onSecurityKey tells whether k is held by a FIDO device.
func onSecurityKey(k ssh.PublicKey) bool { return strings.HasPrefix(keyType(k), "sk-") }
