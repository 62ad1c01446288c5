package remote

import (
	"strings"
	"sync"
	"unicode"
)

// sayings is what a master has said: ssh logs its login in words that have
// not changed for many years.
type sayings struct {
	ready chan struct{} // closed when it says that it has logged in
	touch func(string)  // told when a person must do something

	mu      sync.Mutex
	phase   string // what it did last
	hostKey string
	key     string
	tail    tail     // what it said that is not for debugging
	offers  []string // keys it has tried
}

func newSayings(touch func(string)) *sayings {
	return &sayings{ready: make(chan struct{}), touch: touch, phase: "no connection"}
}

// passed takes a line of standard error, which may be a host's banner: no
// more than a hint.
func (s *sayings) passed(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = harmlessText(text)
	switch {
	case text == "" || strings.HasPrefix(text, "debug"):
	case strings.HasPrefix(text, "Confirm user presence"):
		s.phase = "it waits for a finger on the security key"
		s.touch(text)
	default:
		s.tail.add(text)
	}
}

// harmlessText is text without what could move a cursor or turn its order.
func harmlessText(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// logged takes a line of the log.
func (s *sayings) logged(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = harmlessText(text)
	debug, ok := strings.CutPrefix(text, "debug1: ")
	if !ok {
		switch {
		case text == "" || strings.HasPrefix(text, "debug") || strings.HasPrefix(text, "OpenSSH_"):
		case strings.HasPrefix(text, "Authenticated to "):
			if _, how, _ := strings.Cut(text, "using "); how != `"publickey".` {
				s.key = strings.Trim(how, `".`)
			}
		default:
			s.tail.add(text)
		}
		return
	}
	words := strings.Fields(debug)
	switch {
	case strings.HasPrefix(debug, "Connection established"):
		s.phase = "it accepts connections, but does not speak SSH"
	case strings.HasPrefix(debug, "Remote protocol version"):
		s.phase = "it stopped in the key exchange"
	case strings.Contains(debug, ": banner line "): // what sshd says instead of its version
		s.tail.add(debug)
	case strings.HasPrefix(debug, "Server host key:") && len(words) > 4:
		s.hostKey = words[3] + " " + words[4]
	case strings.HasPrefix(debug, "Server host certificate:") && len(words) > 4:
		_, id, _ := strings.Cut(debug, ` ID "`)
		id, _, _ = strings.Cut(id, `"`)
		s.hostKey = strings.TrimSuffix(words[3], "-cert-v01@openssh.com") + " " + strings.TrimSuffix(words[4], ",") + ` (certificate "` + id + `")`
	case strings.HasPrefix(debug, "Authentications that can continue"):
		s.phase = "it stopped in the login"
	case strings.HasPrefix(debug, "Offering public key:"):
		s.offers = append(s.offers, keyIn(words))
	case strings.HasPrefix(debug, "Server accepts key:"):
		s.key = keyIn(words)
	case strings.HasPrefix(debug, "Entering interactive session"):
		select {
		case <-s.ready:
		default:
			close(s.ready)
		}
	}
}

// keyIn finds the key in a line of debugging: PATH TYPE SHA256:…
func keyIn(words []string) string {
	for i, w := range words {
		if strings.HasPrefix(w, "SHA256:") && i > 0 {
			if name := keyTypes[words[i-1]]; name != "" {
				return name + " " + w
			}
			return words[i-1] + " " + w
		}
	}
	return ""
}

// keyTypes are ssh's short names of types, as we write them.
var keyTypes = map[string]string{
	"ED25519": "ssh-ed25519", "RSA": "ssh-rsa", "ECDSA": "ecdsa",
	"ED25519-SK": "sk-ssh-ed25519@openssh.com", "ECDSA-SK": "sk-ecdsa-sha2-nistp256@openssh.com",
}

// keys are the host's key, and that which logged in or how else it was done.
func (s *sayings) keys() (host, login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hostKey, s.key
}
