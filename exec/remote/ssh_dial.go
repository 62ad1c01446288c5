package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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

// An attempt is one try to connect and to log in.
type attempt interface {
	do(ctx context.Context) (*sshConn, error)
	// busy tells whether sshd dropped the try before anything had happened.
	busy() bool
	// explain sorts the error of do, which was given ctx.
	explain(parent, ctx context.Context, err error) *DialError
}

// connect dials, verifies and logs in, within the timeout.
func (s *SSH) connect(ctx context.Context, r *route, via []string) (in *sshConn, err error) {
	keys := &pick{}
	if !r.openssh() {
		if keys, err = s.keys.pick(r.keys); err != nil {
			var ke *keyError
			if errors.As(err, &ke) {
				return nil, dialError(r.name, Auth, err, ke.help)
			}
			return nil, dialError(r.name, Auth, err, "")
		}
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
	defer func() { leave(in) }()

	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	for try := 1; ; try++ {
		var l attempt = &login{s: s, r: r, keys: keys, hop: hop, dest: dest}
		if r.openssh() {
			l = &masterLogin{s: s, r: r, hop: hop, dest: dest}
		}
		c, err := l.do(ctx)
		if err == nil {
			return c, nil
		}
		if l.busy() && try < maxTries && pause(ctx, try-1) == nil {
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

	verified atomic.Bool   // the host has shown a key that is known
	used     ssh.PublicKey // of these, until conn is logged in only the handshake knows
	signErr  error
	keyErr   error // of the host's key
	conn     *firstWords
	dropped  bool                   // sshd was too busy; nothing has happened yet
	cut      bool                   // the time was over in the middle of the handshake
	signing  atomic.Pointer[string] // whom or what we wait for to sign
}

func (l *login) busy() bool { return l.dropped }

func (l *login) do(ctx context.Context) (*sshConn, error) {
	raw, err := l.dial(ctx)
	if err != nil {
		l.dropped = errors.Is(err, syscall.ECONNRESET)
		return nil, err
	}
	l.conn = &firstWords{Conn: raw, buf: bufio.NewReader(raw)}
	v := &verifier{hostKeys: l.r.known, file: l.r.file, acceptNew: l.s.o.AcceptNew, legacy: l.r.target.Legacy, log: l.s.o.Log}
	var signers []ssh.Signer
	for _, k := range l.keys.signers {
		signers = append(signers, usedSigner{k, l})
	}
	algos := algorithms(l.r.target.Legacy)
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
		info := Info{User: l.r.user, Address: l.dest, HostKey: fingerprint(v.accepted), PublicKey: publicKey(v.accepted)}
		if l.used != nil {
			info.Key = fingerprint(l.used)
		}
		l.s.o.Log("%s: logged in as %s to %s with %s", l.r.name, info.User, info.Address, info.Key)
		return newSSHConn(ssh.NewClient(res.conn, res.chans, res.reqs), raw, info, l.s.o.KeepAlive, &l.s.packer), nil
	case <-ctx.Done():
		raw.Close()
		l.cut = true // the handshake may still be at what l holds
		return nil, ctx.Err()
	}
}

// algorithms are those that are not broken, and after them, for an old
// device, those that are.
func algorithms(legacy bool) ssh.Algorithms {
	a := ssh.SupportedAlgorithms()
	if legacy {
		old := ssh.InsecureAlgorithms()
		a.KeyExchanges = append(a.KeyExchanges, old.KeyExchanges...)
		a.Ciphers = append(a.Ciphers, ssh.InsecureCipherAES128CBC, ssh.InsecureCipherTripleDESCBC)
		a.MACs = append(a.MACs, ssh.HMACSHA1, ssh.InsecureHMACSHA196)
		a.HostKeys = append(a.HostKeys, ssh.CertAlgoRSAv01, ssh.KeyAlgoRSA)
	}
	return a
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

// printable keeps a version string to what the protocol allows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '-' {
			return '_'
		}
		return r
	}, s)
}
