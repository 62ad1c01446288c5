package remote

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// A Setting is one decision about how a host is reached.
type Setting struct {
	Name  string `json:"name"` // "via", "address", "port", "user", "jump", "legacy_algorithms", "identity", "known_hosts"
	Value string `json:"value"`
	From  Origin `json:"from"`
}

// An Origin is who made a decision.
type Origin string

// The origins, the one that wins first.
const (
	FromDefinition Origin = "definition"
	FromSSHConfig  Origin = "ssh configuration"
	FromDefault    Origin = "default"
)

// Settings says how t would be reached, and why, without connecting. Where
// known_hosts has no key of the host, the value says so.
func (s *SSH) Settings(ctx context.Context, t Target) ([]Setting, error) {
	r, err := s.route(ctx, t)
	if err != nil {
		return nil, err
	}
	set, err := s.config.lookup(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	def := defaultSettings(s.o.Home)
	from := func(ours, theirs bool) Origin {
		switch {
		case ours:
			return FromDefinition
		case theirs:
			return FromSSHConfig
		}
		return FromDefault
	}
	named := t.Address != "" && t.Address != t.Name
	list := []Setting{{"via", "builtin", FromDefault}}
	if t.Via != "" {
		list[0] = Setting{"via", t.Via, FromDefinition}
	}
	list = append(list, []Setting{
		{"address", r.host, from(named, !named && set.hostName != t.Name)},
		{"port", strconv.Itoa(r.port), from(t.Port != 0, set.port != 0)},
		{"user", r.user, from(t.User != "", set.user != "")},
		{"jump", strings.Join(r.jump, ", "), from(t.Jump != nil, set.proxyJump != nil)},
	}...)
	if t.Legacy {
		list = append(list, Setting{"legacy_algorithms", "true", FromDefinition})
	}
	keys, origin := r.keys.identity, FromDefinition
	if keys == "" {
		keys, origin = strings.Join(set.identities, ", "), from(false, !slices.Equal(set.identities, def.identities))
	}
	list = append(list, Setting{"identity", keys, origin})
	files, origin := t.KnownHosts, FromDefinition
	if len(files) == 0 {
		files, origin = append(slices.Clone(set.userKnown), set.globalKnown...), from(false, !slices.Equal(set.userKnown, def.userKnown))
	}
	known := strings.Join(files, ", ")
	if !r.known.known() {
		known += " (no key of this host)"
	}
	return append(list, Setting{"known_hosts", known, origin}), nil
}
