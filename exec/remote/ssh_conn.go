package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxSessions bounds the commands at once on a connection; sshd allows 10.
const maxSessions = 8

// An sshConn is one connection to one host.
type sshConn struct {
	client   *ssh.Client
	raw      net.Conn
	info     Info
	sessions chan struct{}
	gone     chan struct{} // closed when the connection is
	once     sync.Once
}

func newSSHConn(client *ssh.Client, raw net.Conn, info Info, keepAlive time.Duration) *sshConn {
	c := &sshConn{client: client, raw: raw, info: info, sessions: make(chan struct{}, maxSessions), gone: make(chan struct{})}
	go func() {
		client.Wait()
		close(c.gone)
	}()
	go c.keepAlive(keepAlive)
	return c
}

func (c *sshConn) Info() Info { return c.info }

// Close ends the connection, and with it the commands that still run.
func (c *sshConn) Close() error {
	c.once.Do(func() {
		c.client.Close()
		c.raw.Close()
	})
	return nil
}

func (c *sshConn) dead() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// keepAlive asks for a sign of life now and then, which also keeps firewalls
// from forgetting the connection, and closes it after three without answer.
func (c *sshConn) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	answer := make(chan struct{}, 1)
	missed, waiting := 0, false
	for {
		select {
		case <-c.gone:
			return
		case <-answer:
			missed, waiting = 0, false
		case <-tick.C:
			if waiting {
				if missed++; missed == 3 {
					c.Close()
					return
				}
				continue
			}
			waiting = true
			go func() { // blocks for as long as the host is silent
				if _, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
					answer <- struct{}{}
				}
			}()
		}
	}
}

// Run runs a command; see Runner.
func (c *sshConn) Run(ctx context.Context, cmd Command) error {
	check(cmd)
	select {
	case c.sessions <- struct{}{}:
		defer func() { <-c.sessions }()
	case <-ctx.Done():
		return ctx.Err()
	case <-c.gone:
		return fmt.Errorf("%w earlier; nothing ran", errLost)
	}
	p, err := c.start(ctx)
	if err != nil {
		return err
	}
	return run(ctx, p, cmd)
}

// start opens a session and asks for our shell. When the host has no place
// for a session, it waits for one.
func (c *sshConn) start(ctx context.Context) (*sshProcess, error) {
	for try := 0; ; try++ {
		ch, reqs, err := c.open(ctx)
		if err == nil {
			// No reply is asked for, which saves a round trip. A host that
			// refuses is found out by not saying hello.
			if _, err := ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{Exec})); err != nil {
				ch.Close()
				return nil, fmt.Errorf("%w before a command was sent; nothing ran", errLost)
			}
			return newSSHProcess(ch, reqs), nil
		}
		var refused *ssh.OpenChannelError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.As(err, &refused):
			return nil, fmt.Errorf("%w before a command was sent; nothing ran", errLost)
		case refused.Reason != ssh.ConnectionFailed && refused.Reason != ssh.ResourceShortage:
			return nil, fmt.Errorf("the host refuses to run commands: %s; nothing ran", refused.Message)
		case try == 12: // about half a minute
			return nil, fmt.Errorf("the host has no place for another session (MaxSessions): %s; nothing ran", refused.Message)
		}
		if err := sleep(ctx, min(50*time.Millisecond<<try, 4*time.Second)); err != nil {
			return nil, err
		}
	}
}

// open opens a session channel, or gives up with ctx.
func (c *sshConn) open(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	type result struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	done := make(chan result, 1)
	go func() {
		ch, reqs, err := c.client.OpenChannel("session", nil)
		done <- result{ch, reqs, err}
	}()
	select {
	case r := <-done:
		return r.ch, r.reqs, r.err
	case <-ctx.Done():
		go func() { // it may still open; nothing runs in it
			if r := <-done; r.err == nil {
				go ssh.DiscardRequests(r.reqs)
				r.ch.Close()
			}
		}()
		return nil, nil, ctx.Err()
	}
}

// An sshProcess is a shell at the other end of a session channel.
type sshProcess struct {
	ssh.Channel
	exit chan exit
}

func newSSHProcess(ch ssh.Channel, reqs <-chan *ssh.Request) *sshProcess {
	p := &sshProcess{ch, make(chan exit, 1)}
	go func() {
		defer close(p.exit)
		said := false
		for r := range reqs {
			if r.WantReply {
				r.Reply(false, nil)
			}
			if said {
				continue
			}
			switch r.Type {
			case "exit-status":
				if len(r.Payload) >= 4 {
					p.exit <- exit{code: int(binary.BigEndian.Uint32(r.Payload))}
					said = true
				}
			case "exit-signal":
				var sig struct {
					Signal string
					Core   bool
					Text   string
					Lang   string
				}
				ssh.Unmarshal(r.Payload, &sig)
				if sig.Signal == "" {
					sig.Signal = "?"
				}
				p.exit <- exit{signal: sig.Signal}
				said = true
			}
		}
	}()
	return p
}

func (p *sshProcess) Stderr() io.Reader { return p.Channel.Stderr() }
func (p *sshProcess) Exit() <-chan exit { return p.exit }
