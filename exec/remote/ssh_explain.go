package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// explain sorts an error.
func (l *login) explain(parent, ctx context.Context, err error) *DialError {
	name := l.r.name
	var hk *hostKeyError
	var open *ssh.OpenChannelError
	var dns *net.DNSError
	if l.cut {
		if parent.Err() != nil {
			return dialError(name, TimedOut, fmt.Errorf("gave up: %w", parent.Err()), "")
		}
		return l.silence()
	}
	var none *ssh.AlgorithmNegotiationError
	said := l.conn.greeting()
	switch {
	case errors.As(l.keyErr, &hk):
		return dialError(name, HostKey, hk, hk.help)
	case l.keyErr != nil:
		return dialError(name, HostKey, l.keyErr, "")
	case parent.Err() != nil:
		return dialError(name, TimedOut, fmt.Errorf("gave up: %w", parent.Err()), "")
	case ctx.Err() != nil:
		return l.silence()
	case l.signErr != nil:
		return l.signError()
	case errors.As(err, &none):
		return l.nothingInCommon(none)
	case l.hop != nil && l.hop.conn.Lost():
		return dialError(name, Unreachable, fmt.Errorf("the connection to its bastion %s was lost", l.hop.name), "try again; the bastion may have restarted")
	case l.verified.Load():
		return l.authError(err)
	case said != "":
		return dialError(name, Protocol, fmt.Errorf("%s does not speak SSH to us; it says %q", l.dest, said), protocolHelp(said))
	case errors.As(err, &open):
		return dialError(name, Unreachable, fmt.Errorf("the bastion %s does not connect to %s: %s", l.hop.name, l.dest, open.Message), "on the bastion, sshd_config must allow TCP forwarding and its network must reach the host")
	case errors.As(err, &dns):
		return dialError(name, Unreachable, err, "check the host's name, or give its address in the definition")
	case l.dropped:
		return dialError(name, Unreachable, fmt.Errorf("%s closed the connection before the login, %d times: %w", l.dest, maxTries, err), "sshd may be short of MaxStartups, or hosts.deny or a firewall may refuse us")
	case l.conn == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)):
		return l.silence() // the dialer may notice the deadline before the context does
	case l.conn == nil:
		return dialError(name, Unreachable, err, l.try())
	}
	return dialError(name, Protocol, fmt.Errorf("%s: %w", l.dest, err), l.try())
}

func (l *login) silence() *DialError {
	if l.hop != nil && !l.hop.conn.answers(answerTime) {
		return dialError(l.r.name, TimedOut, fmt.Errorf("its bastion %s has stopped answering; %s was not reached within %v", l.hop.name, l.dest, l.s.o.Timeout), "look at the bastion")
	}
	by := ""
	if l.hop != nil {
		by = " (its bastion " + l.hop.name + " answers)"
	}
	return dialError(l.r.name, TimedOut, fmt.Errorf("%s stayed silent for %v: %s%s", l.dest, l.s.o.Timeout, l.phase(), by), l.try())
}

// phase says what a silent host was waited for.
func (l *login) phase() string {
	signing := l.signing.Load()
	switch {
	case signing != nil:
		return "we waited for " + *signing
	case l.conn == nil:
		return "no connection"
	case !l.conn.ssh():
		return "it accepts connections, but does not speak SSH"
	case !l.verified.Load():
		return "it stopped in the key exchange"
	}
	return "it stopped in the login"
}

// try is how to see the problem without us.
func (l *login) try() string { return "try: " + l.r.tryLine() }

// tryLine is a login by hand.
func (r *route) tryLine() string {
	port, jump := "", ""
	if r.port != 22 {
		port = fmt.Sprintf(" -p %d", r.port)
	}
	if len(r.jump) > 0 {
		jump = " -J " + strings.Join(r.jump, ",")
	}
	return fmt.Sprintf("ssh%s%s %s@%s true", port, jump, r.user, r.host)
}

// nothingInCommon is a host that speaks no algorithm of ours: an old one, or
// one that is newer than we are.
func (l *login) nothingInCommon(none *ssh.AlgorithmNegotiationError) *DialError {
	offer := harmlessText(strings.Join(none.RequestedAlgorithms, ", "))
	if len(offer) > firstBytes {
		offer = strings.ToValidUTF8(offer[:firstBytes], "") + " …"
	}
	help := "shipit speaks none of these; OpenSSH may: ssh { via = \"openssh\" } in the definition"
	old := algorithms(true)
	for _, a := range slices.Concat(old.KeyExchanges, old.HostKeys, old.Ciphers, old.MACs) {
		if slices.Contains(none.RequestedAlgorithms, a) {
			help = legacyHelp(l.r.target)
		}
	}
	return dialError(l.r.name, Protocol, fmt.Errorf("%s has no %s in common with us; it offers %s", l.dest, none.What, offer), help)
}

// legacyHelp is what to do about a host that speaks old algorithms only.
func legacyHelp(t Target) string {
	if t.Legacy {
		return "it speaks nothing that we do, legacy_algorithms included; its sshd needs an update"
	}
	at := ""
	if t.At != "" {
		at = " (" + t.At + ")"
	}
	return fmt.Sprintf("update its sshd; until then, host %q { ssh { legacy_algorithms = true } } in its group of the definition%s allows it for this host", t.Name, at)
}

func (l *login) signError() *DialError {
	name, key := l.r.name, fingerprint(l.used)
	switch {
	case !strings.Contains(l.signErr.Error(), "failed to sign challenge"):
		return dialError(name, Auth, fmt.Errorf("cannot sign with %s: %w", key, l.signErr), "")
	case onSecurityKey(l.used):
		return dialError(name, Auth, fmt.Errorf("the security key did not sign with %s", key),
			`plug it in and touch it while it blinks, once for each host; a key that wants a PIN needs ssh { via = "openssh" }`)
	}
	return dialError(name, Auth, fmt.Errorf("the agent refuses to sign with %s", key),
		`a key that was added with a confirmation (ssh-add -c) was declined, the agent is locked, or the key is bound to destinations (ssh-add -h), which only OpenSSH's own client can use: ssh { via = "openssh" }`)
}

// authError is a login that was refused. It is never tried again: sshd
// counts failures and shuts out whole networks for them.
func (l *login) authError(err error) *DialError {
	text := fmt.Sprintf("%s accepts no key for user %s; tried: %s", l.dest, l.r.user, strings.Join(l.keys.names, ", "))
	if len(l.keys.names) == 0 {
		text = fmt.Sprintf("%s accepts no key for user %s; there was none to try", l.dest, l.r.user)
	}
	if l.keys.left > 0 {
		text += fmt.Sprintf("; not tried, since sshd counts: %d more", l.keys.left)
	}
	if len(l.keys.locked) > 0 {
		text += "; encrypted and not in the agent: " + strings.Join(l.keys.locked, ", ")
	}
	if len(l.keys.doubts) > 0 {
		text += "; " + strings.Join(l.keys.doubts, "; ")
	}
	if !strings.Contains(err.Error(), "unable to authenticate") {
		text += fmt.Sprintf(" (%v)", err)
	}
	return dialError(l.r.name, Auth, errors.New(text),
		"put the public key into the user's authorized_keys there, or choose another: ssh { identity = … } in the definition"+l.oldRSA())
}

// oldRSA is for a host that would take our RSA key with SHA-1 only.
func (l *login) oldRSA() string {
	if l.r.target.Legacy || !slices.ContainsFunc(l.keys.signers, func(s ssh.Signer) bool { return keyType(s.PublicKey()) == ssh.KeyAlgoRSA }) {
		return ""
	}
	return "; should its sshd be older than 7.2, " + legacyHelp(l.r.target)
}

// answerTime is how long a bastion has to show that it is not the one that
// hangs.
const answerTime = time.Second

func protocolHelp(said string) string {
	if strings.Contains(said, "Not allowed at this time") {
		return "its sshd has shut out this network for earlier failed logins (PerSourcePenalties); wait, then find out which login failed"
	}
	return "check the address and the port"
}
