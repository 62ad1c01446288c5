package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// settings are what ~/.ssh/config and the system's configuration say about
// one host. Zero values say nothing.
type settings struct {
	hostName       string
	port           int
	user           string
	identities     []string
	identitiesOnly bool
	identityAgent  string
	certificates   []string
	userKnown      []string
	globalKnown    []string
	hostKeyAlias   string
	proxyJump      []string
	proxyCommand   string
	revoked        []string // RevokedHostKeys
}

// defaultSettings are those of OpenSSH where no file says anything.
func defaultSettings(home string) settings {
	s := settings{
		userKnown:   []string{filepath.Join(home, ".ssh/known_hosts"), filepath.Join(home, ".ssh/known_hosts2")},
		globalKnown: []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"},
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		s.identities = append(s.identities, filepath.Join(home, ".ssh", name))
	}
	return s
}

// set understands one directive, named in lower case, and tells whether it
// did. The first value of a directive counts, as in OpenSSH, but identities
// and certificates add up.
func (s *settings) set(name string, args []string) (ok bool, err error) {
	if len(args) == 0 {
		return false, fmt.Errorf("%s has no value", name)
	}
	once := func(p *string) {
		if *p == "" {
			*p = args[0]
		}
	}
	list := func(p *[]string) {
		if *p == nil {
			*p = args
		}
	}
	switch name {
	case "hostname":
		once(&s.hostName)
	case "user":
		once(&s.user)
	case "port":
		n, err := strconv.ParseUint(args[0], 10, 16)
		if err != nil || n == 0 {
			return false, fmt.Errorf("%q is not a port", args[0])
		}
		if s.port == 0 {
			s.port = int(n)
		}
	case "identityfile":
		s.identities = append(s.identities, args[0])
	case "certificatefile":
		s.certificates = append(s.certificates, args[0])
	case "identitiesonly":
		s.identitiesOnly = s.identitiesOnly || args[0] == "yes"
	case "identityagent":
		once(&s.identityAgent)
	case "userknownhostsfile":
		list(&s.userKnown)
	case "globalknownhostsfile":
		list(&s.globalKnown)
	case "hostkeyalias":
		once(&s.hostKeyAlias)
	case "proxyjump":
		if s.proxyJump == nil {
			s.proxyJump = strings.Split(args[0], ",")
		}
	case "proxycommand":
		once(&s.proxyCommand)
	case "revokedhostkeys":
		list(&s.revoked)
	default:
		return false, nil
	}
	return true, nil
}

// resolve fills in what no file said, expands ~ and the % tokens, and turns
// "none" into nothing.
func (s *settings) resolve(name, home, localUser string) {
	def := defaultSettings(home)
	if s.hostName == "" {
		s.hostName = name
	}
	s.hostName = strings.NewReplacer("%h", name, "%%", "%").Replace(s.hostName)
	if len(s.proxyJump) == 1 && strings.EqualFold(s.proxyJump[0], "none") {
		s.proxyJump = nil
	}
	if strings.EqualFold(s.proxyCommand, "none") {
		s.proxyCommand = ""
	}
	if s.identities == nil {
		s.identities = def.identities
	}
	if s.userKnown == nil {
		s.userKnown = def.userKnown
	}
	if s.globalKnown == nil {
		s.globalKnown = def.globalKnown
	}
	remoteUser, port := s.user, s.port
	if remoteUser == "" {
		remoteUser = localUser
	}
	if port == 0 {
		port = 22
	}
	tokens := strings.NewReplacer("%%", "%", "%d", home, "%h", s.hostName, "%n", name, "%u", localUser, "%r", remoteUser, "%p", strconv.Itoa(port))
	for _, list := range []*[]string{&s.identities, &s.certificates, &s.userKnown, &s.globalKnown, &s.revoked} {
		var out []string
		for _, f := range *list {
			if f = tokens.Replace(expandHome(f, home)); !strings.EqualFold(f, "none") {
				out = append(out, f)
			}
		}
		*list = out
	}
	s.identityAgent = tokens.Replace(expandHome(s.identityAgent, home))
}

// expandHome expands a leading ~/ and ${VAR}, as ssh_config(5) does in paths.
func expandHome(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		path = home + path[1:]
	}
	if !strings.Contains(path, "${") {
		return path
	}
	return variable.ReplaceAllStringFunc(path, func(v string) string { return os.Getenv(v[2 : len(v)-1]) })
}

var variable = regexp.MustCompile(`\$\{[A-Za-z0-9_]+\}`)

// safeHost are the names that may reach a command line: ssh's own, and what
// a user's "Match exec" makes of it.
var safeHost = regexp.MustCompile(`^[A-Za-z0-9._:\[\]%][A-Za-z0-9._:\[\]%-]*$`)
