package remote

import (
	"context"
	"errors"
	"os"
	"strings"
)

// A route is all decisions about how to reach one host.
type route struct {
	target Target
	name   string // for messages
	host   string // what is dialled
	port   int
	user   string
	jump   []string
	keys   wish
	known  hostKeys
	file   string // where a line for the host belongs
	alias  string // HostKeyAlias for the program ssh
}

// openssh tells whether the program ssh logs in.
func (r *route) openssh() bool { return r.target.Via == OpenSSH }

// route decides how to reach t: what the target says wins, then ssh's
// configuration, then defaults.
func (s *SSH) route(ctx context.Context, t Target) (*route, error) {
	set, err := s.config.lookup(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	r := &route{
		target: t, name: t.Name, host: t.Address, port: t.Port, user: t.User, jump: t.Jump,
		keys: wish{identity: t.Identity, files: set.identities, only: set.identitiesOnly, agent: set.identityAgent, certs: set.certificates},
	}
	if r.host == "" || r.host == t.Name {
		r.host = set.hostName
	}
	if !safeHost.MatchString(r.host) {
		return nil, errors.New("the address " + r.host + " is not a host name")
	}
	r.host = strings.Trim(r.host, "[]")
	if r.port == 0 {
		r.port = set.port
	}
	if r.port == 0 {
		r.port = 22
	}
	if r.user == "" {
		r.user = set.user
	}
	if r.user == "" {
		r.user = s.user
	}
	r.keys.user = r.user
	if r.jump == nil {
		r.jump = set.proxyJump
	}
	if set.proxyCommand != "" && len(r.jump) == 0 && t.Jump == nil && !r.openssh() {
		return nil, &configError{
			"ssh's configuration of " + t.Name + " has a ProxyCommand, which shipit itself does not run",
			`give the host jump = […], or ssh { via = "openssh" }, in the definition`,
		}
	}
	return r, s.knownKeys(r, t, set)
}

// A configError is a configuration that cannot be used, and what to do.
type configError struct {
	text string
	help string
}

func (e *configError) Error() string { return e.text }

// knownKeys looks up the host's key: by its alias if it has one, else by the
// name people use, else by the address that is dialled.
func (s *SSH) knownKeys(r *route, t Target, set settings) error {
	files, must := set.userKnown, false
	if len(t.KnownHosts) > 0 {
		files, must = nil, true
		for _, f := range t.KnownHosts {
			files = append(files, expandHome(f, s.o.Home))
		}
	}
	all := files
	if !must {
		all = append(files[:len(files):len(files)], set.globalKnown...)
	}
	k, err := s.readKnown(all, must && !s.o.AcceptNew)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		r.file = files[0]
	}
	if set.hostKeyAlias != "" {
		r.known = k.lookup(set.hostKeyAlias, 0)
	} else {
		r.known = k.lookup(t.Name, r.port)
		if !r.known.known() && r.host != t.Name {
			if byAddress := k.lookup(r.host, r.port); byAddress.known() || len(byAddress.revoked) > 0 {
				byAddress.revoked = append(byAddress.revoked, r.known.revoked...)
				r.known = byAddress
			}
		}
	}
	if r.openssh() {
		// ssh looks at the address only, and at all else by itself.
		if named := strings.ToLower(t.Name); set.hostKeyAlias == "" && r.host != t.Name && r.known.known() && r.known.host == named {
			if r.alias = r.known.name; len(r.known.keys) == 0 {
				r.alias = named // what certificates name
			}
		}
		return nil
	}
	for _, text := range r.known.unknown {
		s.warn(text)
	}
	for _, f := range set.revoked {
		keys, err := revokedKeys(f)
		if err != nil {
			return err
		}
		r.known.revoked = append(r.known.revoked, keys...)
	}
	return nil
}

// readKnown reads each set of files once.
func (s *SSH) readKnown(files []string, must bool) (*knownHosts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strings.Join(files, "\x00")
	if k := s.known[id]; k != nil {
		return k, nil
	}
	k, err := readKnownHosts(files, must, s.warn)
	if err == nil {
		s.known[id] = k
	}
	return k, err
}

// revokedKeys reads a file of RevokedHostKeys: public keys, one a line.
func revokedKeys(file string) ([]knownKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseRevoked(file, b)
}
