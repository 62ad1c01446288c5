package remote

import (
	"context"
	"fmt"
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
	master   *master // whose connection it is, if it is not our own
	sessions chan struct{}
	gone     chan struct{} // closed when the connection is
	once     sync.Once
	packing  packing

	mu   sync.Mutex
	next chan opened // the session for the next command, if one was asked for
	idle *sshShell   // waits for another script

	kept   int  // shells that run a command after which they wait for another
	looked bool // the first command has come; the second may be a lock's, which keeps its session
}

func newSSHConn(client *ssh.Client, raw net.Conn, info Info, keepAlive time.Duration, p *packer) *sshConn {
	c := &sshConn{packing: packing{packer: p}, client: client, raw: raw, info: info, sessions: make(chan struct{}, maxSessions), gone: make(chan struct{})}
	go func() {
		client.Wait()
		close(c.gone)
	}()
	if keepAlive > 0 {
		go c.keepAlive(keepAlive)
	}
	return c
}

// count counts the shells that will wait for another command.
func (c *sshConn) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept += n
}

func (c *sshConn) Info() Info { return c.info }

// Close ends the connection, and with it the commands that still run.
func (c *sshConn) Close() error {
	c.once.Do(func() {
		c.client.Close()
		c.raw.Close()
		if c.master != nil {
			c.master.stop()
		}
	})
	return nil
}

// Unpacks tells whether the host is known to have gzip.
func (c *sshConn) Unpacks() bool { return c.packing.works.Load() }

// Lost tells whether the connection is gone, so that another is needed.
func (c *sshConn) Lost() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// answers tells whether the host gives a sign of life within d.
func (c *sshConn) answers(d time.Duration) bool {
	if c.master != nil {
		return !c.Lost() // ssh looks after that, and lets us ask nothing
	}
	answer := make(chan error, 1)
	go func() {
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		answer <- err
	}()
	select {
	case err := <-answer:
		return err == nil
	case <-time.After(d):
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
	if cmd.Keep {
		c.count(1)
		defer c.count(-1)
	}
	cmd.early = c.packing.works.Load()
	return c.packing.run(cmd, func(wrap func(string) []byte) error {
		sh, err := c.shell(ctx, cmd)
		if err != nil {
			return err
		}
		t := &turn{sshShell: sh}
		err = run(ctx, t, cmd, func(nonce string) []byte { return wrap(sh.script(cmd, nonce)) })
		if t.kept() {
			c.keep(sh)
		}
		return err
	})
}
