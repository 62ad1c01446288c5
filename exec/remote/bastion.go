package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A bastion is a shared connection through which hosts are reached. All of
// them would otherwise log in to one sshd, which drops logins that come
// together.
type bastion struct {
	name   string
	ready  chan struct{} // closed when conn or err is set
	cancel context.CancelFunc
	conn   *sshConn
	err    error
}

// bastion gives the last hop before r, dialled once however many ask.
func (s *SSH) bastion(ctx context.Context, r *route, via []string) (*bastion, error) {
	last := r.jump[len(r.jump)-1]
	t, err := parseHop(last)
	if err != nil {
		return nil, dialError(r.name, Config, err, "a jump is written user@host:port")
	}
	// The hops before it; if there are none, its own configuration decides.
	if len(r.jump) > 1 {
		t.Jump = r.jump[:len(r.jump)-1]
	}
	// What the definition says holds for its bastions too, but for what is an
	// exception of one host.
	t.KnownHosts, t.Identity, t.Via = r.target.KnownHosts, r.target.Identity, r.target.Via
	way := strings.Join(r.jump, ",")
	if slices.Contains(via, way) {
		return nil, dialError(r.name, Config, fmt.Errorf("its way by %s leads in a circle", way),
			"give the bastion itself ProxyJump none in ~/.ssh/config")
	}
	id := way + "\x00" + strings.Join(t.KnownHosts, ",") + "\x00" + t.Identity + "\x00" + t.Via

	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, dialError(r.name, Unreachable, errors.New("the dialer is closed"), "")
	}
	b := s.bastions[id]
	if b == nil || b.gone() {
		// Not ctx: the first host to ask may be given up, others wait too.
		bctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		b = &bastion{name: last, ready: make(chan struct{}), cancel: cancel}
		s.bastions[id] = b
		go func() {
			b.conn, b.err = s.dial(bctx, t, append(slices.Clone(via), way))
			close(b.ready)
		}()
	}
	s.mu.Unlock()
	select {
	case <-b.ready:
	case <-ctx.Done():
		return nil, dialError(r.name, TimedOut, fmt.Errorf("gave up waiting for its bastion %s: %w", last, ctx.Err()), "")
	}
	if b.err == nil {
		return b, nil
	}
	var de *DialError
	if errors.As(b.err, &de) {
		return nil, dialError(r.name, de.Kind, fmt.Errorf("its bastion %s: %w", last, de.Err), de.Help)
	}
	return nil, dialError(r.name, Unreachable, b.err, "")
}

// gone tells whether b must be dialled anew. A refusal is final: a bastion
// is not asked again by each of a thousand hosts.
func (b *bastion) gone() bool {
	select {
	case <-b.ready:
	default:
		return false
	}
	if b.err == nil {
		return b.conn.Lost()
	}
	var de *DialError
	return !errors.As(b.err, &de) || de.Kind == Unreachable || de.Kind == TimedOut
}

// parseHop parses user@host:port.
func parseHop(s string) (Target, error) {
	s = strings.TrimPrefix(s, "ssh://")
	user, host := "", s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		user, host = s[:i], s[i+1:]
	}
	host, port, err := splitPort(host)
	if err == nil && !safeHost.MatchString(host) {
		err = errors.New("no host name")
	}
	if err != nil {
		return Target{}, fmt.Errorf("cannot jump by %q: %w", s, err)
	}
	return Target{Name: host, User: user, Port: port}, nil
}
