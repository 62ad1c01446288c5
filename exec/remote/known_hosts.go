package remote

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// knownHosts is what known_hosts files say. It is our own reader because
// that of x/crypto gives up on the whole file at the first line it cannot
// parse, which OpenSSH writes by itself, and takes the key of a certificate
// authority for a host's own.
type knownHosts struct {
	exact  map[string][]int // lines that name a host plainly
	other  []int            // lines with patterns, or hashes and a marker: always tried, one by one
	hashed []int            // lines with hashes, which cost an HMAC each: tried where nothing else says yes
	lines  []knownLine
}

// A knownLine is one line; its key is parsed when the line matters.
type knownLine struct {
	file   string
	number int
	marker string // "", "@cert-authority", "@revoked"
	hosts  string
	salt   []byte // of a hashed line
	hash   []byte
	key    string // base64
}

func (l knownLine) at() string { return fmt.Sprintf("%s:%d", l.file, l.number) }

// A knownKey is a key and the line that holds it.
type knownKey struct {
	key ssh.PublicKey
	at  string
}

// readKnownHosts reads files; one that does not exist says nothing, unless
// it was asked for by name. Lines that make no sense are reported.
func readKnownHosts(files []string, must bool, report func(string)) (*knownHosts, error) {
	k := &knownHosts{exact: map[string][]int{}}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) && !must {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read known hosts: %w", err)
		}
		k.parse(f, b, report)
	}
	return k, nil
}

func (k *knownHosts) parse(file string, b []byte, report func(string)) {
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		l := knownLine{file: file, number: n}
		fields := strings.Fields(line)
		if fields[0][0] == '@' {
			l.marker, fields = fields[0], fields[1:]
		}
		switch {
		case l.marker != "" && l.marker != "@cert-authority" && l.marker != "@revoked":
			report(fmt.Sprintf("%s: skipped: unknown marker %q", l.at(), l.marker))
			continue
		case len(fields) < 3:
			report(fmt.Sprintf("%s: skipped: not a line of known hosts", l.at()))
			continue
		}
		l.hosts, l.key = fields[0], fields[2]
		i := len(k.lines)
		switch {
		case strings.HasPrefix(l.hosts, "|1|"):
			salt, hash, _ := strings.Cut(l.hosts[3:], "|")
			var err1, err2 error
			l.salt, err1 = base64.StdEncoding.DecodeString(salt)
			l.hash, err2 = base64.StdEncoding.DecodeString(hash)
			if err1 != nil || err2 != nil || len(l.hash) != sha1.Size || len(l.salt) > sha1.BlockSize {
				report(fmt.Sprintf("%s: skipped: malformed hash of a host name", l.at()))
				continue
			}
			if l.marker == "" {
				k.hashed = append(k.hashed, i)
			} else {
				k.other = append(k.other, i)
			}
		case !l.plain():
			k.other = append(k.other, i)
		default:
			for h := range strings.SplitSeq(strings.ToLower(l.hosts), ",") {
				k.exact[h] = append(k.exact[h], i)
			}
		}
		k.lines = append(k.lines, l)
	}
}

// plain tells whether l names hosts as they are, and is found by its name.
func (l *knownLine) plain() bool { return l.hash == nil && !strings.ContainsAny(l.hosts, "*?!") }

// matches tells whether l is about name: a host, or [host]:port.
func (l *knownLine) matches(name string) bool {
	if l.hash != nil {
		return hashName(l.salt, name) == [sha1.Size]byte(l.hash)
	}
	found := false
	for p := range strings.SplitSeq(strings.ToLower(l.hosts), ",") {
		not := strings.HasPrefix(p, "!")
		if wildcard(strings.TrimPrefix(p, "!"), name) {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// hashName is HMAC-SHA1 of name, as HashKnownHosts uses it to hide names. It
// is written out since a fleet's lookup makes millions of them: this one
// allocates nothing.
func hashName(salt []byte, name string) [sha1.Size]byte {
	var buf [sha1.BlockSize + 256]byte
	pad := func(x byte) []byte {
		for i := range sha1.BlockSize {
			buf[i] = x
			if i < len(salt) {
				buf[i] ^= salt[i]
			}
		}
		return buf[:sha1.BlockSize]
	}
	inner := sha1.Sum(append(pad(0x36), name...))
	return sha1.Sum(append(pad(0x5c), inner[:]...))
}

// wildcard matches the patterns of OpenSSH, which know * and ? only.
func wildcard(pattern, s string) bool {
	ok, err := path.Match(strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(pattern), strings.ReplaceAll(s, "/", "\x00"))
	return err == nil && ok
}

// A hostKeys is what is known about one host.
type hostKeys struct {
	name    string // as it is looked up: host or [host]:port
	host    string // as a certificate names it
	keys    []knownKey
	loose   []knownKey // known for the host at port 22 only: good, but not binding
	cas     []knownKey
	revoked []knownKey
	unknown []string // lines about the host whose keys we cannot read
	// rest, if set, adds what hashed lines say. It is asked when no other key
	// is right, and costs an HMAC a line.
	rest func(*hostKeys)
}

// hostName is how known_hosts writes a host at a port.
func hostName(host string, port int) string {
	host = strings.ToLower(host)
	if port == 22 || port == 0 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(port)
}

// lookup finds what is known about host at port; port 0 is an alias that
// stands for itself.
//
// A file of a whole company has 100,000 lines, often all hashed, and a run
// has many hosts: hashed lines are not gone through for a host that a plain
// line or a pattern names.
func (k *knownHosts) lookup(host string, port int) hostKeys {
	h := hostKeys{name: hostName(host, port), host: strings.ToLower(host)}
	k.collect(&h, h.name, &h.keys, k.exact[h.name], k.other)
	if h.name != h.host {
		k.collect(&h, h.host, &h.loose, k.exact[h.host], k.other)
	}
	all := func(h *hostKeys) {
		k.collect(h, h.name, &h.keys, k.hashed)
		if h.name != h.host {
			k.collect(h, h.host, &h.loose, k.hashed)
		}
	}
	switch {
	case len(k.hashed) == 0:
	case h.known():
		h.rest = all
	default:
		all(&h)
	}
	return h
}

// collect adds to h what those of our lines say that match name.
func (k *knownHosts) collect(h *hostKeys, name string, keys *[]knownKey, among ...[]int) {
	add := func(l knownLine) {
		b, err := base64.StdEncoding.DecodeString(l.key)
		var key ssh.PublicKey
		if err == nil {
			key, err = ssh.ParsePublicKey(b)
		}
		if err != nil {
			h.unknown = append(h.unknown, fmt.Sprintf("%s: skipped: %v", l.at(), err))
			return
		}
		switch kk := (knownKey{key, l.at()}); l.marker {
		case "@revoked":
			h.revoked = append(h.revoked, kk)
		case "@cert-authority":
			h.cas = append(h.cas, kk)
		default:
			*keys = append(*keys, kk)
		}
	}
	for _, i := range slices.Concat(among...) {
		if l := &k.lines[i]; l.plain() || l.matches(name) {
			add(*l)
		}
	}
}

// known tells whether anything can be said about the host's key.
func (h hostKeys) known() bool { return len(h.keys)+len(h.loose)+len(h.cas) > 0 }

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

func find(keys []knownKey, k ssh.PublicKey) (knownKey, bool) {
	for _, kk := range keys {
		if sameKey(kk.key, k) {
			return kk, true
		}
	}
	return knownKey{}, false
}

// fingerprint names a key as OpenSSH does.
func fingerprint(k ssh.PublicKey) string {
	if c, ok := k.(*ssh.Certificate); ok {
		return fmt.Sprintf("%s %s (certificate %q)", c.Key.Type(), ssh.FingerprintSHA256(c.Key), c.KeyId)
	}
	return k.Type() + " " + ssh.FingerprintSHA256(k)
}

// splitPort parts host:port and [host]:port; without a port it is 0.
func splitPort(s string) (host string, port int, err error) {
	if !strings.Contains(s, ":") || strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
		return s, 0, nil // a name, or a bare IPv6 address
	}
	if strings.HasSuffix(s, "]") {
		return strings.Trim(s, "[]"), 0, nil
	}
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q is not a port", p)
	}
	return host, int(n), nil
}
