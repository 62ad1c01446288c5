package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// apply is what rules say about name.
func apply(rules []rule, name string) (settings, error) {
	var s settings
	seenOnly := false
	for _, r := range rules {
		if !r.applies(name) {
			continue
		}
		if r.name == "identitiesonly" { // the first counts, "no" too
			if seenOnly {
				continue
			}
			seenOnly = true
		}
		if _, err := s.set(r.name, r.args); err != nil {
			return s, fmt.Errorf("%s: %w", r.at, err)
		}
	}
	return s, nil
}

// A rule is one directive and the Host lines that it stands under.
type rule struct {
	name  string
	args  []string
	hosts [][]string // each list must match
	at    string
}

func (r rule) applies(name string) bool {
	for _, patterns := range r.hosts {
		found := false
		for _, p := range patterns {
			not := strings.HasPrefix(p, "!")
			if wildcard(strings.TrimPrefix(p, "!"), name) {
				found = !not
				if not {
					break
				}
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// A parser reads the part of ssh_config(5) that needs no program.
type parser struct {
	dir, home string // dir is what Include is relative to
	depth     int
	rules     []rule
	odd       []string
}

// file reads one file under the Host lines it was included under.
func (p *parser) file(name string, under [][]string, must bool) error {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	if err != nil {
		return err
	}
	hosts := under
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		at := fmt.Sprintf("%s:%d", name, n)
		key, args, ok := words(line)
		switch {
		case !ok:
			p.odd = append(p.odd, at)
		case key == "":
		case key == "host":
			hosts = append(slices.Clone(under), args)
		case key == "match" && len(args) == 1 && strings.EqualFold(args[0], "all"):
			hosts = under
		case key == "match":
			// Whatever follows holds for some hosts only; we cannot tell which.
			p.odd = append(p.odd, fmt.Sprintf("Match (%s)", at))
			hosts = append(slices.Clone(under), []string{"!*"})
		case key == "include" && p.depth == 0:
			if err := p.include(args, hosts); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		case slices.Contains(harmless, key):
		default:
			var s settings
			known, err := s.set(key, args)
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			if !known || strange(key, args) {
				p.odd = append(p.odd, fmt.Sprintf("%s (%s)", key, at))
				continue
			}
			p.rules = append(p.rules, rule{key, args, hosts, at})
		}
	}
	return nil
}

// strange are values that only ssh itself takes apart for sure.
func strange(key string, args []string) bool {
	for _, a := range args {
		i := strings.IndexByte(a, '%')
		if i < 0 || key == "hostname" && strings.Count(a, "%") == strings.Count(a, "%h") {
			continue
		}
		if i+1 == len(a) || !strings.ContainsRune("%dhnurp", rune(a[i+1])) {
			return true
		}
	}
	return false
}

func (p *parser) include(patterns []string, hosts [][]string) error {
	for _, pattern := range patterns {
		pattern = expandHome(pattern, p.home)
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(p.dir, pattern)
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, f := range files {
			p.depth++
			err := p.file(f, hosts, false)
			p.depth--
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// words splits a line into a directive in lower case and its arguments.
func words(line string) (key string, args []string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil, true
	}
	i := strings.IndexAny(line, " \t=")
	if i < 0 {
		return strings.ToLower(line), nil, false
	}
	key = strings.ToLower(line[:i])
	rest := strings.TrimLeft(line[i:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if strings.ContainsAny(rest, `\'`) || key == "proxycommand" {
		return key, []string{rest}, key == "proxycommand"
	}
	for rest != "" && rest[0] != '#' {
		var w string
		if rest[0] == '"' {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return key, nil, false
			}
			w, rest = rest[1:end+1], rest[end+2:]
		} else {
			end := strings.IndexAny(rest, " \t")
			if end < 0 {
				end = len(rest)
			}
			w, rest = rest[:end], rest[end:]
			if strings.Contains(w, `"`) {
				return key, nil, false
			}
		}
		args = append(args, w)
		rest = strings.TrimLeft(rest, " \t")
	}
	return key, args, len(args) > 0
}

// harmless are directives that change nothing about how we connect: they are
// about terminals, forwarding that we never do, or choices that are ours.
var harmless = []string{
	"addkeystoagent", "addressfamily", "batchmode", "casignaturealgorithms", "checkhostip", "ciphers", "clearallforwardings", "compression",
	"connectionattempts", "connecttimeout", "controlmaster", "controlpath", "controlpersist", "dynamicforward",
	"escapechar", "exitonforwardfailure", "forwardagent", "forwardx11", "forwardx11timeout", "forwardx11trusted",
	"gssapiauthentication", "gssapidelegatecredentials", "gssapikeyexchange", "gssapitrustdns", "hashknownhosts",
	"hostkeyalgorithms", "ipqos", "kbdinteractiveauthentication", "kexalgorithms", "localforward", "loglevel", "logverbose", "macs",
	"numberofpasswordprompts", "passwordauthentication", "preferredauthentications", "pubkeyacceptedalgorithms",
	"pubkeyacceptedkeytypes", "pubkeyauthentication", "rekeylimit", "remoteforward",
	"requesttty", "sendenv", "serveralivecountmax", "serveraliveinterval", "setenv", "stricthostkeychecking",
	"tcpkeepalive", "updatehostkeys", "usekeychain", "verifyhostkeydns", "visualhostkey", "xauthlocation",
}
