package sshserver

import (
	"errors"
	"io"
	"os"
	osexec "os/exec"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// serveSession is one session channel: it waits for the exec request.
func serveSession(user string, ch ssh.Channel, reqs <-chan *ssh.Request, c Config) {
	defer ch.Close()
	for r := range reqs {
		if r.Type != "exec" {
			if r.WantReply {
				r.Reply(r.Type == "env", nil)
			}
			continue
		}
		var exec struct{ Command string }
		if err := ssh.Unmarshal(r.Payload, &exec); err != nil {
			r.Reply(false, nil)
			return
		}
		if c.Exec != nil {
			if r.WantReply {
				r.Reply(true, nil)
			}
			if c.Exec(user, exec.Command, ch) {
				return
			}
		}
		var cmd *osexec.Cmd
		if c.Start != nil {
			cmd = c.Start(user, exec.Command)
		}
		if cmd == nil {
			r.Reply(false, nil)
			continue // as sshd: the channel stays open, and nothing runs
		}
		p, err := start(cmd)
		if r.WantReply && c.Exec == nil {
			r.Reply(err == nil, nil)
		}
		if err != nil {
			return
		}
		closed := make(chan struct{})
		go func() { ssh.DiscardRequests(reqs); close(closed) }()
		p.serve(ch, closed)
		return
	}
}

// A process is a running command and our ends of its standard files.
type process struct {
	cmd           *osexec.Cmd
	in, out, errs *os.File
}

// start starts cmd in a session and process group of its own.
func start(cmd *osexec.Cmd) (*process, error) {
	p := &process{cmd: cmd}
	var theirs []*os.File
	pipe := func(read bool) (*os.File, *os.File, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		if read {
			theirs = append(theirs, r)
			return w, r, nil
		}
		theirs = append(theirs, w)
		return r, w, nil
	}
	var err error
	var in, out, errs *os.File
	if p.in, in, err = pipe(true); err == nil {
		if p.out, out, err = pipe(false); err == nil {
			p.errs, errs, err = pipe(false)
		}
	}
	if err == nil {
		// Real files, so that Wait ends with the process and not with the
		// last holder of its output.
		cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.Setsid = true
		err = cmd.Start()
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *process) close() {
	for _, f := range []*os.File{p.in, p.out, p.errs} {
		if f != nil {
			f.Close()
		}
	}
}

// serve joins p to ch until p has ended and its output is read or the
// channel is gone, which closed tells.
func (p *process) serve(ch ssh.Channel, closed <-chan struct{}) {
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }() // outlives us with the process
	go func() {
		io.Copy(p.in, ch)
		p.in.Close() // the dead-man's switch, on a lost connection too
	}()
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(ch, p.out) })
	wg.Go(func() { io.Copy(ch.Stderr(), p.errs) })
	drained := make(chan struct{})
	go func() { wg.Wait(); close(drained) }()

	select {
	case err := <-ended:
		p.sendExit(ch, err)
		select {
		case <-drained:
		case <-closed: // a daemon may hold the output for as long as it lives
		}
	case <-closed:
	}
	ch.Close()
	p.close()
	<-drained
}

// sendExit tells how the process ended.
func (p *process) sendExit(ch ssh.Channel, err error) {
	var ee *osexec.ExitError
	if err != nil && !errors.As(err, &ee) {
		return // not even Wait knows
	}
	ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		name, known := signals[ws.Signal()]
		if !known {
			name = "KILL"
		}
		ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{Signal: name}))
		return
	}
	ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(p.cmd.ProcessState.ExitCode())}))
}

// signals are the names of RFC 4254, section 6.10.
var signals = map[syscall.Signal]string{
	syscall.SIGABRT: "ABRT", syscall.SIGALRM: "ALRM", syscall.SIGFPE: "FPE",
	syscall.SIGHUP: "HUP", syscall.SIGILL: "ILL", syscall.SIGINT: "INT",
	syscall.SIGKILL: "KILL", syscall.SIGPIPE: "PIPE", syscall.SIGQUIT: "QUIT",
	syscall.SIGSEGV: "SEGV", syscall.SIGTERM: "TERM", syscall.SIGUSR1: "USR1",
	syscall.SIGUSR2: "USR2",
}
