package remote

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// A hostKeyError is a host key that we do not accept, and what to do.
type hostKeyError struct {
	text string
	help string
}

func (e *hostKeyError) Error() string { return e.text }

// A verifier checks one host's key against what is known.
type verifier struct {
	hostKeys
	file      string // where a line for the host belongs
	acceptNew bool
	legacy    bool // old algorithms too
	log       func(string, ...any)
	accepted  ssh.PublicKey
}

// algorithms are the host key algorithms to offer: those for which a key is
// known come first, so that a host with several keys shows the known one.
// The others follow, so that a host whose keys were all replaced is told
// apart from one that speaks another protocol.
func (v *verifier) algorithms() []string {
	rank := func(algo string) int {
		if strings.Contains(algo, "-cert-v01@") {
			return 0
		}
		for _, k := range slices.Concat(v.keys, v.loose) {
			if t := k.key.Type(); t == algo || t == ssh.KeyAlgoRSA && strings.HasPrefix(algo, "rsa-sha2-") {
				return 1
			}
		}
		return 2
	}
	algos := algorithms(v.legacy).HostKeys
	if len(v.cas) == 0 {
		algos = slices.DeleteFunc(algos, func(a string) bool { return rank(a) == 0 })
	}
	slices.SortStableFunc(algos, func(a, b string) int { return rank(a) - rank(b) })
	return algos
}

// check is called with the key that the host has proved to hold.
func (v *verifier) check(key ssh.PublicKey) error {
	cert, isCert := key.(*ssh.Certificate)
	plain := key
	if isCert {
		plain = cert.Key
		if r, ok := find(v.revoked, cert.SignatureKey); ok {
			return v.revokedError("the authority that signed its host key", r)
		}
	}
	if r, ok := find(v.revoked, plain); ok {
		return v.revokedError("its host key "+fingerprint(plain), r)
	}
	if !isCert && v.rest != nil && !has(v.keys, key) && !has(v.loose, key) {
		v.rest(&v.hostKeys)
	}
	switch {
	case isCert:
		if err := v.checkCert(cert); err != nil {
			return err
		}
	case has(v.keys, key) || has(v.loose, key):
	case len(v.keys) > 0:
		return v.changedError(key)
	default:
		if !v.acceptNew {
			return v.unknownError(key)
		}
		if err := v.add(key); err != nil {
			return err
		}
	}
	v.accepted = key
	return nil
}

func has(keys []knownKey, k ssh.PublicKey) bool {
	_, ok := find(keys, k)
	return ok
}

func (v *verifier) checkCert(cert *ssh.Certificate) error {
	help := "ask who signs this fleet's host keys"
	if cert.CertType != ssh.HostCert {
		return &hostKeyError{"it shows a certificate that is not for hosts", help}
	}
	if !has(v.cas, cert.SignatureKey) {
		return &hostKeyError{fmt.Sprintf("its certificate is signed by %s, which is no authority for %s", fingerprint(cert.SignatureKey), v.name), help}
	}
	var checker ssh.CertChecker
	if err := checker.CheckCert(v.host, cert); err != nil {
		return &hostKeyError{fmt.Sprintf("its certificate is not valid: %v", strings.TrimPrefix(err.Error(), "ssh: ")), help}
	}
	return nil
}

func (v *verifier) revokedError(what string, r knownKey) error {
	return &hostKeyError{
		fmt.Sprintf("%s is revoked (%s); nothing was sent to it", what, r.at),
		"whoever revoked the key knows why; do not use the host until then",
	}
}

func (v *verifier) changedError(key ssh.PublicKey) error {
	old := v.keys[0]
	for _, k := range v.keys {
		if k.key.Type() == key.Type() {
			old = k
		}
	}
	return &hostKeyError{
		fmt.Sprintf("its host key has changed: it shows %s, but %s says %s; nothing was sent to it", fingerprint(key), old.at, fingerprint(old.key)),
		fmt.Sprintf("if the host was reinstalled, compare the new fingerprint on its console and correct %s; else somebody may be in between", old.at),
	}
}

func (v *verifier) unknownError(key ssh.PublicKey) error {
	text := fmt.Sprintf("its host key %s is not known; nothing was sent to it", fingerprint(key))
	if len(v.unknown) > 0 {
		text += " (" + v.unknown[0] + ")"
	}
	return &hostKeyError{text, fmt.Sprintf(
		"compare the fingerprint on the host's console (ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub), then add to %s: %s",
		shortType(key), v.file, v.line(key))}
}

// publicKey is a host's key as known_hosts has it; of a certificate, the key
// that it is about.
func publicKey(k ssh.PublicKey) string {
	if cert, ok := k.(*ssh.Certificate); ok {
		k = cert.Key
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

// shortType is how the host's key files are named.
func shortType(k ssh.PublicKey) string {
	switch t := k.Type(); {
	case t == ssh.KeyAlgoRSA:
		return "rsa"
	case strings.HasPrefix(t, "ecdsa-"):
		return "ecdsa"
	default:
		return strings.TrimPrefix(t, "ssh-")
	}
}

// parseRevoked parses RevokedHostKeys, and fails on what it cannot read: a
// key revocation list (KRL) that we ignored would let a stolen key in.
func parseRevoked(file string, b []byte) ([]knownKey, error) {
	var keys []knownKey
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("cannot read revoked host keys: %s:%d: not a public key (binary KRLs are not supported)", file, n)
		}
		keys = append(keys, knownKey{key, fmt.Sprintf("%s:%d", file, n)})
	}
	return keys, nil
}
