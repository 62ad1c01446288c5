package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"
)

// stale is the age at which a session that was opened ahead is not trusted
// any more: a host may close what is not used (ChannelTimeout).
const stale = time.Minute

// An opened is a session channel, or why there is none.
type opened struct {
	ch    ssh.Channel
	reqs  <-chan *ssh.Request
	err   error
	at    time.Time
	begun bool // our shell was asked for
}

func (c *sshConn) openNow() opened {
	ch, reqs, err := c.client.OpenChannel("session", nil)
	return opened{ch: ch, reqs: reqs, err: err, at: time.Now()}
}

// begin asks for our shell. No reply is asked for, which saves a round trip.
// A host that refuses is found out by not saying hello.
func (o *opened) begin() error {
	if o.begun {
		return nil
	}
	o.begun = true
	_, err := o.ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{Exec}))
	return err
}

// drop lets go of a session in which nothing runs.
func (o opened) drop() {
	if o.err == nil {
		go ssh.DiscardRequests(o.reqs)
		o.ch.Close()
	}
}

// start opens a session and asks for our shell. When the host has no place
// for a session, it waits for one.
func (c *sshConn) start(ctx context.Context) (*sshShell, error) {
	for try := 0; ; try++ {
		o := c.open(ctx)
		if o.err == nil {
			if err := o.begin(); err != nil {
				o.drop()
				return nil, fmt.Errorf("%w before a command was sent; nothing ran", errLost)
			}
			return newSSHShell(o.ch, o.reqs), nil
		}
		var refused *ssh.OpenChannelError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.As(o.err, &refused):
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

// openAhead asks for the session of the next command while this one runs,
// which takes a round trip out of every command but the first. Where the next
// one is sure to come it starts the shell, too, which takes another: a host
// takes no input for a session before.
func (c *sshConn) openAhead(sure bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.next
	if before != nil && !sure || len(c.sessions) == maxSessions {
		return
	}
	next := make(chan opened, 1)
	c.next = next
	go func() {
		var o opened
		if before != nil {
			o = <-before
		} else {
			o = c.openNow()
		}
		if sure && o.err == nil && o.begin() != nil {
			o.drop()
			o.err = errLost
		}
		next <- o
	}()
}

// ahead takes the session that was opened ahead, if there is one.
func (c *sshConn) ahead() chan opened {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.next
	c.next = nil
	return next
}

// open gives a session channel, or gives up with ctx.
func (c *sshConn) open(ctx context.Context) opened {
	if err := ctx.Err(); err != nil {
		return opened{err: err}
	}
	if next := c.ahead(); next != nil {
		o := wait(ctx, next)
		switch {
		case ctx.Err() != nil && o.err != nil:
			return o
		case o.err == nil && time.Since(o.at) < stale:
			return o
		}
		o.drop()
	}
	now := make(chan opened, 1)
	go func() { now <- c.openNow() }()
	return wait(ctx, now)
}

// wait waits for a session that is being opened. If ctx ends first, it is
// dropped as soon as it is there; nothing runs in it.
func wait(ctx context.Context, from chan opened) opened {
	select {
	case o := <-from:
		return o
	case <-ctx.Done():
		go func() { (<-from).drop() }()
		return opened{err: ctx.Err()}
	}
}
