package remote

import (
	"errors"

	"golang.org/x/crypto/ssh/agent"
)

// AgentKeys are the fingerprints of the keys that the agent holds.
func (s *SSH) AgentKeys() ([]string, error) {
	k := s.keys
	if k.sock == "" {
		return nil, errors.New("SSH_AUTH_SOCK names none")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.agent(k.sock)
	var names []string
	for _, signer := range a.signers {
		name := fingerprint(signer.PublicKey())
		if key, ok := signer.PublicKey().(*agent.Key); ok && key.Comment != "" {
			name += " " + key.Comment
		}
		names = append(names, name)
	}
	return names, a.err
}
