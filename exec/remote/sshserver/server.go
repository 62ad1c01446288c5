// Package sshserver is a small SSH server for fleets on loopback: tests and
// the lab. It behaves as sshd does where a deployer can tell the difference:
// each command gets a session of its own, a command's exit status is sent
// when it ends though a daemon may still hold its output, and a lost
// connection closes a command's input but kills nothing.
//
// It is no replacement for sshd: it drops no privileges and has no users.
package sshserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	osexec "os/exec"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Config says who may log in and what a command is.
type Config struct {
	HostKeys []ssh.Signer
	// Authorized decides whether key may log in as user. Nil refuses all.
	Authorized func(user string, key ssh.PublicKey) bool
	// Start makes the process for an exec request of user; the server sets
	// its standard files and its session. Nil refuses all commands.
	Start func(user, command string) *osexec.Cmd
	// Forward decides whether user may open a connection to addr
	// (host:port) through this server, as a bastion does. Nil refuses all.
	Forward func(user, addr string) bool
	// Exec, if set, sees every exec request first and may answer it itself
	// by returning true. Tests misbehave with it.
	Exec func(user, command string, ch ssh.Channel) bool
	// Algorithms replaces the library's choice, and KeyAlgorithms that of
	// signatures of logins, where an old or strict sshd is played.
	Algorithms    ssh.Config
	KeyAlgorithms []string
	// MaxSessions bounds the sessions of one connection; 0 is 10, sshd's
	// default.
	MaxSessions int
	// Connected, if set, is called for each login; Disconnected when it ends.
	Connected    func(user string, key ssh.PublicKey)
	Disconnected func(user string)
}

// Serve accepts connections until ctx ends, then closes the listener and all
// connections and returns when their goroutines are gone. Processes whose
// input was closed may live on.
func Serve(ctx context.Context, l net.Listener, c Config) error {
	if len(c.HostKeys) == 0 {
		return errors.New("cannot serve SSH without a host key")
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("cannot accept connections: %w", err)
		}
		wg.Go(func() {
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			defer conn.Close()
			serveConn(conn, c)
		})
	}
}

// errRefused is what a key that is not authorized gets.
var errRefused = errors.New("key is not authorized")

// serveConn is one connection from version string to close.
func serveConn(conn net.Conn, c Config) {
	var key ssh.PublicKey
	sc := &ssh.ServerConfig{
		Config:                  c.Algorithms,
		PublicKeyAuthAlgorithms: c.KeyAlgorithms,
		PublicKeyCallback: func(m ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if c.Authorized == nil || !c.Authorized(m.User(), k) {
				return nil, errRefused
			}
			return &ssh.Permissions{ExtraData: map[any]any{"key": k}}, nil
		},
	}
	for _, k := range c.HostKeys {
		sc.AddHostKey(k)
	}
	s, chans, reqs, err := ssh.NewServerConn(conn, sc)
	if err != nil {
		return
	}
	defer s.Close()
	if s.Permissions != nil {
		key, _ = s.Permissions.ExtraData["key"].(ssh.PublicKey)
	}
	if c.Connected != nil {
		c.Connected(s.User(), key)
	}
	if c.Disconnected != nil {
		defer c.Disconnected(s.User())
	}

	var wg sync.WaitGroup
	defer wg.Wait()
	// Global requests, keepalives among them, are answered with a refusal,
	// which is an answer all the same.
	wg.Go(func() { ssh.DiscardRequests(reqs) })

	max := c.MaxSessions
	if max == 0 {
		max = 10
	}
	sessions := make(chan struct{}, max)
	for nc := range chans {
		switch nc.ChannelType() {
		case "session":
			select {
			case sessions <- struct{}{}:
			default:
				nc.Reject(ssh.ConnectionFailed, "open failed")
				continue
			}
			ch, reqs, err := nc.Accept()
			if err != nil {
				<-sessions
				continue
			}
			wg.Go(func() {
				defer func() { <-sessions }()
				serveSession(s.User(), ch, reqs, c)
			})
		case "direct-tcpip":
			wg.Go(func() { forward(s.User(), nc, c) })
		default:
			nc.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
}

// forward is one connection through this server.
func forward(user string, nc ssh.NewChannel, c Config) {
	var to struct {
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}
	if err := ssh.Unmarshal(nc.ExtraData(), &to); err != nil {
		nc.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	addr := net.JoinHostPort(to.Host, fmt.Sprint(to.Port))
	if c.Forward == nil || !c.Forward(user, addr) {
		nc.Reject(ssh.Prohibited, "forwarding is not allowed")
		return
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	go ssh.DiscardRequests(reqs)
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(ch, conn)
		ch.CloseWrite()
	})
	io.Copy(conn, ch)
	conn.(*net.TCPConn).CloseWrite()
	wg.Wait()
}
