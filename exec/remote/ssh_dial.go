package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// dialError makes the one error that Dial returns.
func dialError(host string, kind Problem, err error, help string) *DialError {
	return &DialError{Host: host, Kind: kind, Err: err, Help: help}
}

// connect dials, verifies and logs in, within the timeout.
func (s *SSH) connect(ctx context.Context, r *route, via []string) (*sshConn, error) {
	keys, err := s.keys.pick(r.keys)
	if err != nil {
		var ke *keyError
		if errors.As(err, &ke) {
			return nil, dialError(r.name, Auth, err, ke.help)
		}
		return nil, dialError(r.name, Auth, err, "")
	}
	var hop *bastion
	if len(r.jump) > 0 {
		if hop, err = s.bastion(ctx, r, via); err != nil {
			return nil, err
		}
	}
	dest := net.JoinHostPort(r.host, strconv.Itoa(r.port))
	where := dest
	if hop != nil {
		where += " by " + hop.name
	}
	leave, err := s.pace.enter(ctx, where)
	if err != nil {
		return nil, dialError(r.name, TimedOut, fmt.Errorf("gave up waiting for other logins to it: %w", err), "")
	}
	defer leave()

	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	for try := 1; ; try++ {
		l := &login{s: s, r: r, keys: keys, hop: hop, dest: dest}
		c, err := l.do(ctx)
		if err == nil {
			return c, nil
		}
		if l.dropped && try < maxTries && pause(ctx, try-1) == nil {
			s.o.Log("%s: dropped before the login, trying again: %v", r.name, err)
			continue
		}
		return nil, l.explain(parent, ctx, err)
	}
}

// A login is one try.
type login struct {
	s    *SSH
	r    *route
	keys *pick
	hop  *bastion
	dest string

	verified atomic.Bool // the host has shown a key that is known
	used     ssh.PublicKey
	signErr  error
	keyErr   error // of the host's key
	conn     *firstWords
	dropped  bool // sshd was too busy; nothing has happened yet
}

func (l *login) do(ctx context.Context) (*sshConn, error) {
	raw, err := l.dial(ctx)
	if err != nil {
		l.dropped = errors.Is(err, syscall.ECONNRESET)
		return nil, err
	}
	l.conn = &firstWords{Conn: raw}
	v := &verifier{hostKeys: l.r.known, file: l.r.file, acceptNew: l.s.o.AcceptNew, log: l.s.o.Log}
	var signers []ssh.Signer
	for _, k := range l.keys.signers {
		signers = append(signers, usedSigner{k, &l.used, &l.signErr})
	}
	algos := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: algos.KeyExchanges, Ciphers: algos.Ciphers, MACs: algos.MACs},
		User:              l.r.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyAlgorithms: v.algorithms(),
		ClientVersion:     "SSH-2.0-shipit_" + printable(l.s.o.Version),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if err := v.check(key); err != nil {
				l.keyErr = err
				return err
			}
			l.verified.Store(true)
			return nil
		},
	}
	type result struct {
		conn  ssh.Conn
		chans <-chan ssh.NewChannel
		reqs  <-chan *ssh.Request
		err   error
	}
	// x/crypto knows no deadline past TCP, and a channel through a bastion
	// cannot have one: closing is what ends a handshake.
	done := make(chan result, 1)
	go func() {
		c, chans, reqs, err := ssh.NewClientConn(l.conn, l.dest, config)
		done <- result{c, chans, reqs, err}
	}()
	select {
	case res := <-done:
		if res.err != nil {
			raw.Close()
			l.dropped = !l.verified.Load() && l.conn.dropped(res.err)
			return nil, res.err
		}
		info := Info{User: l.r.user, Address: l.dest, HostKey: fingerprint(v.accepted)}
		if l.used != nil {
			info.Key = fingerprint(l.used)
		}
		l.s.o.Log("%s: logged in as %s to %s with %s", l.r.name, info.User, info.Address, info.Key)
		return newSSHConn(ssh.NewClient(res.conn, res.chans, res.reqs), raw, info, l.s.o.KeepAlive), nil
	case <-ctx.Done():
		raw.Close()
		return nil, ctx.Err()
	}
}

// dial opens the connection below SSH.
func (l *login) dial(ctx context.Context) (net.Conn, error) {
	if l.hop != nil {
		return l.hop.conn.client.DialContext(ctx, "tcp", l.dest)
	}
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 3}}
	c, err := d.DialContext(ctx, "tcp", l.dest)
	if err != nil {
		return nil, err
	}
	tcp := c.(*net.TCPConn)
	tune(tcp)
	return quick(tcp), nil
}

// explain sorts an error.
func (l *login) explain(parent, ctx context.Context, err error) *DialError {
	name := l.r.name
	var hk *hostKeyError
	var open *ssh.OpenChannelError
	var dns *net.DNSError
	said := l.conn.greeting()
	switch {
	case errors.As(l.keyErr, &hk):
		return dialError(name, HostKey, hk, hk.help)
	case l.keyErr != nil:
		return dialError(name, HostKey, l.keyErr, "")
	case parent.Err() != nil:
		return dialError(name, TimedOut, fmt.Errorf("gave up: %w", parent.Err()), "")
	case ctx.Err() != nil:
		return dialError(name, TimedOut, fmt.Errorf("%s stayed silent for %v: %s", l.dest, l.s.o.Timeout, l.phase()), l.try())
	case l.signErr != nil:
		return l.signError()
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
	case l.conn == nil:
		return dialError(name, Unreachable, err, l.try())
	}
	return dialError(name, Protocol, fmt.Errorf("%s: %w", l.dest, err), l.try())
}

// phase says what a silent host was waited for.
func (l *login) phase() string {
	switch {
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
func (l *login) try() string {
	port := ""
	if l.r.port != 22 {
		port = fmt.Sprintf(" -p %d", l.r.port)
	}
	jump := ""
	if len(l.r.jump) > 0 {
		jump = " -J " + strings.Join(l.r.jump, ",")
	}
	return fmt.Sprintf("try: ssh%s%s %s@%s true", port, jump, l.r.user, l.r.host)
}

func (l *login) signError() *DialError {
	if strings.Contains(l.signErr.Error(), "failed to sign challenge") {
		return dialError(l.r.name, Auth,
			fmt.Errorf("the agent refuses to sign with %s", fingerprint(l.used)),
			"a key that was added with a confirmation (ssh-add -c) was declined, or it is bound to destinations (ssh-add -h), which only OpenSSH's own client can use; add the key without it")
	}
	return dialError(l.r.name, Auth, fmt.Errorf("cannot sign with %s: %w", fingerprint(l.used), l.signErr), "")
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
	if !strings.Contains(err.Error(), "unable to authenticate") {
		text += fmt.Sprintf(" (%v)", err)
	}
	return dialError(l.r.name, Auth, errors.New(text),
		"put the public key into the user's authorized_keys there, or choose another: ssh { identity = … } in the definition")
}

func protocolHelp(said string) string {
	if strings.Contains(said, "Not allowed at this time") {
		return "its sshd has shut out this network for earlier failed logins (PerSourcePenalties); wait, then find out which login failed"
	}
	return "check the address and the port"
}

// printable keeps a version string to what the protocol allows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '-' {
			return '_'
		}
		return r
	}, s)
}

// firstWords is a connection that remembers how the other side began.
type firstWords struct {
	net.Conn
	words atomic.Pointer[[]byte]
}

const firstBytes = 200

func (c *firstWords) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	old := c.words.Load()
	switch {
	case n == 0 || old != nil && len(*old) >= firstBytes:
	case old == nil:
		w := bytes.Clone(b[:min(n, firstBytes)])
		c.words.Store(&w)
	default:
		w := append(bytes.Clone(*old), b[:min(n, firstBytes-len(*old))]...)
		c.words.Store(&w)
	}
	return n, err
}

func (c *firstWords) text() string {
	if c == nil {
		return ""
	}
	if w := c.words.Load(); w != nil {
		return string(*w)
	}
	return ""
}

// ssh tells whether the other side has said its version.
func (c *firstWords) ssh() bool {
	t := c.text()
	return strings.HasPrefix(t, "SSH-") || strings.Contains(t, "\nSSH-")
}

// greeting is what the other side said instead of its version.
func (c *firstWords) greeting() string {
	if c == nil || c.ssh() || c.busy() {
		return ""
	}
	line, _, _ := strings.Cut(c.text(), "\n")
	return strings.TrimSpace(line)
}

// busy tells whether sshd says that it has too many logins under way.
func (c *firstWords) busy() bool { return strings.Contains(c.text(), "Exceeded MaxStartups") }

// dropped tells whether err is a connection that sshd dropped: before it
// said anything else, or while it was short of places.
func (c *firstWords) dropped(err error) bool {
	if c.greeting() != "" {
		return false
	}
	return c.busy() || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
