package remote

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"slices"
	"strings"
)

// busy tells whether sshd dropped the try before it began.
func (l *masterLogin) busy() bool {
	if l.said == nil {
		return false
	}
	text, _ := l.said.text()
	if strings.Contains(text, "open failed") || strings.Contains(text, "Not allowed at this time") {
		return false // the bastion said no; the network is shut out
	}
	return strings.Contains(text, "Exceeded MaxStartups") || strings.Contains(text, "kex_exchange_identification: ")
}

// A complaint is what ssh says when something is wrong, and what it means.
type complaint struct {
	text string // part of the line
	kind Problem
	say  string // instead of the line; "" is the line itself
	help string
}

// complaints are looked for in this order.
var complaints = []complaint{
	{"REVOKED HOST KEY DETECTED", HostKey, "its host key is revoked; nothing was sent to it", "whoever revoked the key knows why; do not use the host until then"},
	{"is revoked", HostKey, "", "whoever revoked the key knows why; do not use the host until then"},
	{"HOST IDENTIFICATION HAS CHANGED", HostKey, "its host key has changed", "if the host was reinstalled, compare the new fingerprint on its console and correct the line; else somebody may be in between"},
	{"host key is known for", HostKey, "its host key is not known; nothing was sent to it", "compare the fingerprint on the host's console, then add the key to known_hosts (ssh-keyscan prints it)"},
	{"Host key verification failed", HostKey, "", "ssh -v to the host says more"},
	{"Not allowed at this time", Protocol, "", "its sshd has shut out this network for earlier failed logins (PerSourcePenalties); wait, then find out which login failed"},
	{"open failed:", Unreachable, "its bastion does not connect to it", "on the bastion, sshd_config must allow TCP forwarding and its network must reach the host"},
	{"agent refused operation", Auth, "the agent refuses to sign", "a key that was added with a confirmation (ssh-add -c) was declined, it is locked or bound to other hosts (ssh-add -h), or a security key was not touched in time"},
	{"signing failed for", Auth, "", "plug in the security key and touch it when it blinks"},
	{"Permission denied", Auth, "", ""},
	{"Too many authentication failures", Auth, "", "name the key: ssh { identity = … } in the definition; sshd counts each one that is tried"},
	{"no matching", Protocol, "", "legacyHelp"},
	{"Could not resolve hostname", Unreachable, "", "check the host's name, or give its address in the definition"},
	{"Bad configuration option", Config, "", "correct ssh's configuration"},
	{"bad configuration options", Config, "", "correct ssh's configuration"},
	{"Can't open user config", Config, "", "correct --ssh-config"},
	{"timed out", TimedOut, "", ""},
	{"Connection refused", Unreachable, "", ""},
	{"No route to host", Unreachable, "", ""},
	{"Network is unreachable", Unreachable, "", ""},
}

// explain sorts what ssh said.
func (l *masterLogin) explain(parent, ctx context.Context, err error) *DialError {
	name := l.r.name
	if errors.Is(err, osexec.ErrNotFound) {
		return dialError(name, Config, errors.New(`there is no program ssh, which via = "openssh" asks for`), `install OpenSSH's client, or leave out via`)
	}
	if !errors.Is(err, errMaster) && ctx.Err() == nil {
		return dialError(name, Protocol, err, l.try())
	}
	text, phase := l.said.text()
	switch {
	case parent.Err() != nil:
		return dialError(name, TimedOut, fmt.Errorf("gave up: %w", parent.Err()), "")
	case ctx.Err() != nil:
		return dialError(name, TimedOut, fmt.Errorf("%s stayed silent for %v: %s%s", l.dest, l.s.o.Timeout, phase, l.by()), l.try())
	case l.busy():
		return dialError(name, Unreachable, fmt.Errorf("%s closed the connection before the login, %d times%s", l.dest, maxTries, l.by()),
			"sshd may be short of MaxStartups, or hosts.deny or a firewall may refuse us")
	}
	for _, c := range complaints {
		line := lineWith(text, c.text)
		if line == "" {
			continue
		}
		if c.say != "" {
			line = c.say
		}
		switch {
		case c.kind == HostKey:
			line = l.hostKey(text, line)
		case c.text == "Permission denied":
			line, c.help = l.denied(line)
		case c.help == "legacyHelp":
			c.help = legacyHelp(l.r.target)
		case c.help == "":
			c.help = l.try()
		}
		return dialError(name, c.kind, errors.New(line+l.by()), c.help)
	}
	if text == "" {
		return dialError(name, Unreachable, err, l.try())
	}
	lines := strings.Split(text, "\n")
	return dialError(name, Unreachable, fmt.Errorf("ssh says %q%s", lines[len(lines)-1], l.by()), l.try())
}

// hostKey adds what ssh said about the host's key to line.
func (l *masterLogin) hostKey(text, line string) string {
	if shown, _ := l.said.keys(); shown != "" {
		line += ": it shows " + shown
	}
	if _, where, ok := strings.Cut(lineWith(text, "Offending "), " in "); ok {
		line += ", " + strings.TrimSuffix(where, ":") + " says otherwise; nothing was sent to it"
	}
	return line
}

// denied is a login that was refused, with what was tried.
func (l *masterLogin) denied(line string) (text, help string) {
	methods := ""
	if _, after, ok := strings.Cut(line, "Permission denied ("); ok {
		methods = strings.TrimSuffix(after, ").")
	}
	text = fmt.Sprintf("%s refuses the login of user %s (it would take %s)", l.dest, l.r.user, methods)
	if tried := l.said.tried(); len(tried) > 0 {
		text += "; tried: " + strings.Join(tried, ", ")
	}
	return text, "ssh -v to the host says what was tried; put the public key into the user's authorized_keys there, or get a ticket (kinit) where it wants one"
}

// by names the bastion, if there is one.
func (l *masterLogin) by() string {
	if l.hop == nil {
		return ""
	}
	return " (by the bastion " + l.hop.name + ")"
}

func (l *masterLogin) try() string { return "try: " + l.r.tryLine() }

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// text is what ssh said that is not for debugging, and what it was doing.
func (s *sayings) text() (text, phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.tail.lines, "\n"), s.phase
}

func (s *sayings) tried() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.offers)
}
