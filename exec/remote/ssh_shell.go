package remote

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// An sshShell is a shell at the other end of a session channel. It runs one
// command after another, as long as they are to be kept and end well.
type sshShell struct {
	ssh.Channel
	exit  chan exit
	known shared    // since it ran a script, and so the prelude
	since time.Time // it is idle

	first    sync.Once
	mu       sync.Mutex
	w        *watch // of the command that it runs; nil between two
	outEnded bool
	errEnded bool
}

func newSSHShell(ch ssh.Channel, reqs <-chan *ssh.Request) *sshShell {
	s := &sshShell{Channel: ch, exit: make(chan exit, 1)}
	go s.requests(reqs)
	return s
}

// read hands on what the shell says, from the first listener on: what it said
// before is that one's.
func (s *sshShell) read() {
	go readAll(s.Channel, outputRead, func(b []byte, end bool) {
		if w := s.hearer(&s.outEnded, end); w != nil {
			w.output(b, end)
		}
	})
	go readAll(s.Channel.Stderr(), noiseRead, func(b []byte, end bool) {
		if w := s.hearer(&s.errEnded, end); w != nil {
			w.noise(b, end)
		}
	})
}

// hearer is who hears what comes, the last of it if end.
func (s *sshShell) hearer(ended *bool, end bool) *watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	*ended = *ended || end
	return s.w
}

// listen has w hear from now on; nil is nobody.
func (s *sshShell) listen(w *watch) {
	s.mu.Lock()
	out, errs := s.outEnded, s.errEnded
	s.w = w
	s.mu.Unlock()
	s.first.Do(s.read)
	if w != nil && out {
		w.output(nil, true)
	}
	if w != nil && errs {
		w.noise(nil, true)
	}
}

// script is what the shell is sent for a command.
func (s *sshShell) script(c Command, nonce string) string {
	if s.known == nil {
		s.known = shared{}
		return opening(c, nonce, s.known)
	}
	return sequel(c, nonce, s.known)
}

// usable tells whether an idle shell may be given a script.
func (s *sshShell) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.outEnded && time.Since(s.since) < stale
}

// requests waits for how the shell ends.
func (s *sshShell) requests(reqs <-chan *ssh.Request) {
	defer close(s.exit)
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
				s.exit <- exit{code: int(binary.BigEndian.Uint32(r.Payload))}
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
			s.exit <- exit{signal: sig.Signal}
			said = true
		}
	}
}

// A turn is a shell while it runs one command. What is left of the command
// when that is over cannot touch the next one's.
type turn struct {
	*sshShell
	end  sync.Mutex
	shut bool // the input has ended: the shell does, too
	over bool // the shell is somebody else's
}

func (t *turn) Exit() <-chan exit { return t.exit }
func (t *turn) Listen(w *watch)   { t.listen(w) }

// Keep gives the shell free for another command, unless its input has ended.
func (t *turn) Keep() {
	t.end.Lock()
	defer t.end.Unlock()
	if !t.shut {
		t.over = true
		t.listen(nil)
	}
}

func (t *turn) kept() bool {
	t.end.Lock()
	defer t.end.Unlock()
	return t.over
}

// CloseWrite ends the input of a shell that is still ours.
func (t *turn) CloseWrite() error {
	t.end.Lock()
	defer t.end.Unlock()
	if t.over {
		return nil
	}
	t.shut = true
	return t.Channel.CloseWrite()
}

// Close lets go of a shell that is still ours.
func (t *turn) Close() error {
	if t.kept() {
		return nil
	}
	return t.Channel.Close()
}

// shell gives a shell for a command: the one that waits, or a new one.
func (c *sshConn) shell(ctx context.Context, cmd Command) (*sshShell, error) {
	c.mu.Lock()
	sh, looked, kept := c.idle, c.looked, c.kept
	if c.looked = true; cmd.Beside {
		sh = nil
	} else {
		c.idle = nil
	}
	c.mu.Unlock()
	if sh != nil && !sh.usable() {
		sh.Close()
		sh = nil
	}
	if sh == nil {
		var err error
		if sh, err = c.start(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case cmd.Hold != nil && kept > 0: // commands follow while the lock is held, in the shell of the one that runs beside it
	case (cmd.Hold != nil || cmd.Two) && c.master == nil:
		c.openAhead(true)
	case cmd.Keep && (looked || cmd.Beside): // the next command has this shell
	default:
		c.openAhead(false)
	}
	return sh, nil
}

// keep has a shell wait for another command. One does: more at once are rare.
func (c *sshConn) keep(sh *sshShell) {
	sh.since = time.Now()
	c.mu.Lock()
	spare := c.idle
	c.idle = sh
	c.mu.Unlock()
	if spare != nil {
		spare.Close()
	}
}
