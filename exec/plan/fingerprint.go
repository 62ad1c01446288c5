package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// slow marks a salted slow hash where a plain digest could stand too.
const slow = "scrypt:"

// SimulatedSalt is the salt of plans that never leave the process and hold no
// secret but a stand-in: with it, hashing is quick.
const SimulatedSalt = "a simulated run."

// cost is scrypt's N: 16 MiB and some 30 ms for each guess.
const cost = 1 << 14

// Hash is a salted slow hash of a sensitive text, for the saved form of a
// plan: it tells whether two texts are equal to whoever has them, and makes
// guessing dear for whoever found the plan.
func Hash(salt []byte, text string) string {
	if len(salt) == 0 {
		panic("internal error: a sensitive value is hashed without salt")
	}
	n := cost
	if string(salt) == SimulatedSalt {
		n = 2
	}
	key, err := scrypt.Key([]byte(text), salt, n, 8, 1, 32)
	if err != nil {
		panic("internal error: scrypt: " + err.Error()) // only for parameters that are wrong in themselves
	}
	return slow + hex.EncodeToString(key)
}

// A Hasher is Hash and Fingerprint for many hosts: it hashes no text twice.
// It is for one goroutine at a time.
type Hasher struct {
	salt []byte
	done map[string]string
}

// NewHasher makes a Hasher for one salt.
func NewHasher(salt []byte) *Hasher {
	return &Hasher{salt: salt, done: map[string]string{}}
}

// Hash is Hash with the Hasher's salt.
func (h *Hasher) Hash(text string) string {
	if known, ok := h.done[text]; ok {
		return known
	}
	v := Hash(h.salt, text)
	h.done[text] = v
	return v
}

// Fingerprint is what f says that a plan relies on. hostKey is what the
// connection saw; the files in sensitive are hashed slowly.
func (h *Hasher) Fingerprint(hostKey string, f HostFacts, sensitive map[string]bool) Fingerprint {
	p := Fingerprint{HostKey: hostKey, Live: f.Live, Files: map[string]string{}, Units: map[string]string{}}
	if f.Link != "" {
		p.Live = f.Link
	}
	if f.Odd != "" {
		p.Live = "odd: " + f.Odd
	}
	for path, file := range f.Files {
		sum := file.SHA256
		if sensitive[path] && file.SHA256 != "" {
			// Of the digest, not of the content, which facts need not have.
			sum = h.Hash(file.SHA256)
		}
		p.Files[path] = file.state(sum)
	}
	for name, u := range f.Units {
		p.Units[name] = strings.TrimSpace(u.Load + " " + u.Active)
	}
	return p
}

// state is one line that is equal for equal files.
func (f FileFact) state(sum string) string {
	switch {
	case !f.Exists:
		return "absent"
	case sum == "":
		return "unreadable"
	}
	return fmt.Sprintf("%s %s %s:%s", sum, f.Mode, f.Owner, f.Group)
}

// Sensitive are the paths whose content the plan does not show: what to hand
// to Fingerprint when the host is read again.
func (h *Host) Sensitive() map[string]bool {
	paths := map[string]bool{}
	for path, state := range h.Fingerprint.Files {
		if strings.HasPrefix(state, slow) {
			paths[path] = true
		}
	}
	for _, steps := range [][]Step{h.Switch, h.Undo} {
		for _, s := range steps {
			if s.File != nil && s.File.Hash != "" {
				paths[s.File.Path] = true
			}
		}
	}
	for _, c := range h.Changes {
		if c.Kind == "file" && c.Sensitive {
			paths[c.Name] = true
		}
	}
	return paths
}

// Diff says in sentences how b, read later, differs from a; nil if it does
// not.
func (a Fingerprint) Diff(b Fingerprint) []string {
	var out []string
	changed := func(what, was, is string) {
		if was != is {
			out = append(out, fmt.Sprintf("%s changed since the plan: was %s, is %s", what, short(was), short(is)))
		}
	}
	changed("the host key", a.HostKey, b.HostKey)
	changed("the live release", a.Live, b.Live)
	for _, path := range keysOf(a.Files, b.Files) {
		changed(path, orAbsent(a.Files, path), orAbsent(b.Files, path))
	}
	for _, name := range keysOf(a.Units, b.Units) {
		if was, is := a.Units[name], b.Units[name]; was != "" && is != "" { // both times asked for
			changed(name, was, is)
		}
	}
	return out
}

// keysOf are the keys of both maps, sorted.
func keysOf(a, b map[string]string) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// orAbsent takes a file nobody asked for as one that was not there.
func orAbsent(files map[string]string, path string) string {
	if s, ok := files[path]; ok {
		return s
	}
	return "absent"
}

// short cuts the digests of a state to what people compare, and names
// nothing "nothing".
func short(state string) string {
	if state == "" {
		return "nothing"
	}
	words := strings.Split(state, " ")
	if sum := strings.TrimPrefix(words[0], slow); len(sum) == 64 {
		words[0] = sum[:12]
	}
	return strings.Join(words, " ")
}

// sum is the digest of a content, in the form of FileFact.
func sum(content string) string {
	d := sha256.Sum256([]byte(content))
	return hex.EncodeToString(d[:])
}
