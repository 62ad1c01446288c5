package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"shipit/exec/remote"
)

// conn is a connection to a simulated host.
type conn struct {
	host *Host
	user string
	lost chan struct{} // closed when the connection is gone
	once sync.Once
}

func (c *conn) lose() { c.once.Do(func() { close(c.lost) }) }

// Close ends the connection; what still runs over it is lost.
func (c *conn) Close() error {
	h := c.host
	h.mu.Lock()
	h.conns = slices.DeleteFunc(h.conns, func(o *conn) bool { return o == c })
	h.mu.Unlock()
	c.lose()
	return nil
}

func (c *conn) Info() remote.Info {
	return remote.Info{User: c.login(), Address: c.host.Name + ":22", HostKey: c.host.hostKey(), Key: "SHA256:simulated"}
}

// Logs tells whether the service on the host logs anything to be read.
func (c *conn) Logs() bool { return c.host.Prints["tail"] > 0 }

func (c *conn) login() string {
	if c.user == "" {
		return "deploy"
	}
	return c.user
}

func (h *Host) hostKey() string { return "ssh-ed25519 SHA256:" + h.Name }

// errLost is a connection that was gone before a command began.
var errLost = errors.New("connection lost")

// cutOff is a connection that was lost while a command ran.
func cutOff() error { return fmt.Errorf("connection lost: %w", remote.ErrUnknown) }

// A session is one command that runs.
type session struct {
	*conn
	cmd   remote.Command
	mu    sync.Mutex    // one record at a time
	lines []string      // of the step that runs
	over  chan struct{} // closed when the command is
	taken int64         // the generation of the lock that was taken, until it is held

	listen sync.Once
	heard  chan struct{} // what the deployer sends while it lives
}

func (s *session) say(r remote.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Kind == remote.Output {
		s.lines = append(s.lines, r.Text)
	}
	if s.cmd.On != nil {
		s.cmd.On(r)
	}
}

func (s *session) fact(step, key, value string) {
	s.say(remote.Record{Kind: remote.Fact, Step: step, Key: key, Text: value})
}

// Run acts the steps out.
func (c *conn) Run(ctx context.Context, cmd remote.Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-c.lost:
		return errLost
	default:
	}
	s := &session{conn: c, cmd: cmd, over: make(chan struct{})}
	defer close(s.over)
	if err := s.wait(ctx, c.host.Latency); err != nil {
		return err
	}
	if f := cmd.Fence; f != nil {
		release, err := s.takeGuard(ctx, 10*time.Second)
		if err != nil {
			return err
		}
		defer release()
		if !c.host.holds(f.Run, f.Generation) {
			return remote.ErrFenced
		}
	}
	if cmd.Data != nil {
		if err := s.drainData(); err != nil {
			return err
		}
	}
	for _, step := range cmd.Steps {
		if err := s.step(ctx, step); err != nil {
			s.goOn()
			return err
		}
	}
	return nil
}

// goOn is what a host does that has lost its deployer while it took the lock:
// it comes to keep it, finds the end of its input, and gives it back.
func (s *session) goOn() {
	select {
	case <-s.lost:
		if s.taken != 0 {
			s.host.unlock(s.cmd.Steps[0].Args["run"], s.taken)
		}
	default:
	}
}

// wait waits for d, the end of ctx, or the loss of the connection.
func (s *session) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.lost:
		return cutOff()
	}
}

// work is what a step takes, with the lines that it prints meanwhile.
func (s *session) work(ctx context.Context, step remote.Step, long time.Duration) error {
	rate := s.host.Prints[step.Op]
	for n := range int(long.Seconds() * float64(rate)) {
		if err := s.wait(ctx, time.Second/time.Duration(rate)); err != nil {
			return err
		}
		long -= time.Second / time.Duration(rate)
		s.say(remote.Record{Kind: remote.Output, Step: step.ID, Text: fmt.Sprintf("%s prints line %d of %s", s.host.Name, n+1, step.Op)})
	}
	return s.wait(ctx, long)
}

// step acts one step out, with the fault it meets.
func (s *session) step(ctx context.Context, step remote.Step) error {
	h := s.host
	mark := func(w What) { h.fleet.note(Mark{Host: h.Name, Step: step.ID, Op: step.Op, What: w}) }
	s.lines = nil
	mark(Began)
	s.say(remote.Record{Kind: remote.Begin, Step: step.ID})
	f := h.faultAt(s.cmd.Name, step)
	switch f.How {
	case Hangs:
		mark(Stopped)
		return s.wait(ctx, 1000*time.Hour)
	case Silent:
		mark(Stopped)
		return s.silence(ctx)
	}
	if err := s.work(ctx, step, h.takes(step.Op)+f.Extra); err != nil {
		mark(Stopped)
		return err
	}
	if f.How == Drops || f.How == Vanishes {
		mark(Stopped)
		if f.Effect {
			_ = s.act(ctx, step) // nobody will hear how it ended
		}
		if f.How == Vanishes {
			h.Vanish()
		}
		h.Drop()
		return cutOff()
	}
	code := 0
	if f.How == Fails {
		for _, line := range f.Output {
			s.say(remote.Record{Kind: remote.Output, Step: step.ID, Text: line})
		}
		h.failed(step)
		code = 1
	} else if err := s.act(ctx, step); err != nil {
		var no saidNo
		if !errors.As(err, &no) {
			mark(Stopped)
			return err
		}
		s.say(remote.Record{Kind: remote.Output, Step: step.ID, Text: string(no)})
		code = 1
	}
	s.say(remote.Record{Kind: remote.End, Step: step.ID, Code: code})
	if code != 0 {
		mark(Failed)
		return &remote.StepError{Step: step.ID, Code: code, Output: slices.Clone(s.lines)}
	}
	mark(Ended)
	return nil
}

// saidNo is why a step failed, as its output.
type saidNo string

func (e saidNo) Error() string { return string(e) }

// silence is a host that does not even say that it stopped.
func (s *session) silence(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.lost:
		return cutOff()
	}
	grace := s.cmd.Grace
	if grace == 0 {
		grace = 5 * time.Second
	}
	_ = s.wait(context.WithoutCancel(ctx), grace)
	return fmt.Errorf("%w: %w", ctx.Err(), remote.ErrUnknown)
}

func (h *Host) takes(op string) time.Duration {
	d, ok := h.Takes[op]
	if !ok {
		d = 20 * time.Millisecond
	}
	return d + h.Slow + time.Duration(h.index)*time.Nanosecond
}
