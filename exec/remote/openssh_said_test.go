package remote

import (
	"strings"
	"testing"
)

func TestSayings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, log       string
		host, key, text string
		phase           string
		ready           bool
	}{
		{name: "nothing yet", log: "OpenSSH_9.2p1 Debian\ndebug1: Reading configuration data /etc/ssh/ssh_config", phase: "no connection"},
		{
			name: "a key",
			log: `debug1: Connection established.
debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1
debug1: Server host key: ssh-ed25519 SHA256:host
debug1: Authentications that can continue: publickey
debug1: Server accepts key: /home/me/.ssh/id ED25519-SK SHA256:mine explicit authenticator
Authenticated to h ([192.0.2.1]:22) using "publickey".
debug1: Entering interactive session.`,
			host: "ssh-ed25519 SHA256:host", key: "sk-ssh-ed25519@openssh.com SHA256:mine", phase: "it stopped in the login", ready: true,
		},
		{
			name: "a host certificate and Kerberos",
			log: `debug1: Server host certificate: ssh-ed25519-cert-v01@openssh.com SHA256:host, serial 7 ID "web 1" CA ssh-ed25519 SHA256:ca valid forever
Authenticated to h ([192.0.2.1]:22) using "gssapi-with-mic".`,
			host: `ssh-ed25519 SHA256:host (certificate "web 1")`, key: "gssapi-with-mic", phase: "no connection",
		},
		{
			name: "a refusal, with a cursor moved",
			log:  "debug1: Connection established.\n\x1b[2Jme@h: Permission denied (publickey).",
			text: "[2Jme@h: Permission denied (publickey).", phase: "it accepts connections, but does not speak SSH",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSayings(func(string) {})
			for line := range strings.Lines(tc.log) {
				s.logged(line)
			}
			host, key := s.keys()
			text, phase := s.text()
			ready := false
			select {
			case <-s.ready:
				ready = true
			default:
			}
			if host != tc.host || key != tc.key || text != tc.text || phase != tc.phase || ready != tc.ready {
				t.Errorf("host %q, key %q, text %q, phase %q, ready %v", host, key, text, phase, ready)
			}
		})
	}
}

// A person who must do something is told, and what ssh waits for is known.
func TestSayingsOfASecurityKey(t *testing.T) {
	t.Parallel()
	var told []string
	s := newSayings(func(text string) { told = append(told, text) })
	s.passed("Confirm user presence for key ED25519-SK SHA256:mine\x07")
	if _, phase := s.text(); phase != "it waits for a finger on the security key" || len(told) != 1 || strings.Contains(told[0], "\x07") {
		t.Errorf("phase %q, told %q", phase, told)
	}
}
