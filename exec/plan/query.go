package plan

import (
	"encoding/hex"
	"slices"

	"shipit/lang"
)

// Seal computes the digest, as Encode does.
func (p *Plan) Seal() error {
	digest, err := p.Body.digest()
	if err == nil {
		p.Format, p.Digest = Format, digest
	}
	return err
}

// Where names the service and, where the definition has several, the
// environment: "restbase in production".
func (b *Body) Where() string {
	if b.Env == lang.DefaultEnv {
		return b.Service
	}
	return b.Service + " in " + b.Env
}

// Sensitive tells whether applying p needs contents that it does not hold.
func (p *Plan) Sensitive() bool {
	for _, h := range p.Body.Hosts {
		for _, s := range h.Switch {
			if s.Op == OpFile && s.File.Hash != "" {
				return true
			}
		}
	}
	return false
}

// SaltBytes is the salt of the plan's hashes.
func (p *Plan) SaltBytes() []byte {
	b, err := hex.DecodeString(p.Body.Salt)
	if err != nil {
		return nil // a hash made with another salt matches nothing, which is the safe end
	}
	return b
}

// Named is the release id with what the host's history knows of it.
func (h HostFacts) Named(id string) Release {
	r, _ := h.named(id)
	if r.Commit == "" {
		r.Commit = h.commitOf(id)
	}
	r.Link = h.linkOf(id)
	return r
}

// Has tells whether the host holds the release id, complete.
func (h HostFacts) Has(id string) bool { return slices.Contains(h.Releases, id) }

// Mark is what the host's history says of the release id: "good", "bad", or
// "" where it never ran to an end.
func (h HostFacts) Mark(id string) string {
	switch h.verdict(id) {
	case good:
		return "good"
	case bad:
		return "bad"
	}
	return ""
}

// Last is the newest record of the host's history about the release id in one
// of the states.
func (h HostFacts) Last(id string, states ...string) (Record, bool) {
	for _, rec := range slices.Backward(h.History) {
		if rec.Release == id && slices.Contains(states, rec.State) {
			return rec, true
		}
	}
	return Record{}, false
}
