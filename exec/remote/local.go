package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"os/user"
	"strings"
	"sync"
	"syscall"
)

// NewLocal returns a Dialer whose every host is this machine, with home as
// the login's home directory. It speaks the same protocol as SSH does, minus
// the network.
func NewLocal(home string) Dialer { return localDialer{home: home, sh: "/bin/sh"} }

// NewLocalShell is NewLocal with another shell in the place of /bin/sh: the
// tests of scripts run them under each that a host may have.
func NewLocalShell(home, sh string) Dialer { return localDialer{home: home, sh: sh} }

type localDialer struct{ home, sh string }

func (d localDialer) Dial(ctx context.Context, t Target) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &DialError{Host: t.Name, Kind: Unreachable, Err: err}
	}
	name := fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	closed, cancel := context.WithCancelCause(context.Background())
	return &localConn{home: d.home, sh: d.sh, info: Info{User: name, Address: "local"}, closed: closed, cancel: cancel}, nil
}

type localConn struct {
	home   string
	sh     string // /bin/sh but in tests
	info   Info
	closed context.Context
	cancel context.CancelCauseFunc
}

func (c *localConn) Info() Info { return c.info }

// Close ends the commands that still run, as the loss of a connection would.
func (c *localConn) Close() error {
	c.cancel(errLost)
	return nil
}

func (c *localConn) Run(ctx context.Context, cmd Command) error {
	check(cmd)
	if err := errors.Join(ctx.Err(), context.Cause(c.closed)); err != nil {
		return err
	}
	p, err := startLocal(c.home, c.sh)
	if err != nil {
		return fmt.Errorf("cannot start /bin/sh: %w", err)
	}
	defer context.AfterFunc(c.closed, p.lose)()
	cmd.Keep = false // there is no link to spare
	return run(ctx, p, cmd, func(nonce string) []byte { return []byte(Input(cmd, nonce)) })
}

// A localProcess is a shell on this machine, in a session of its own.
type localProcess struct {
	in, out, errs *os.File
	exit          chan exit
	once          sync.Once
}

func startLocal(home, sh string) (*localProcess, error) {
	cmd := osexec.Command("/bin/sh", "-c", strings.Replace(Exec, "/bin/sh", sh, 1))
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// Pipes of our own rather than those of os/exec, so that Wait ends with
	// the process and not with the last holder of its output.
	var files []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, r, w)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[3], files[5]
	err := cmd.Start()
	closeAll([]*os.File{files[0], files[3], files[5]})
	p := &localProcess{in: files[1], out: files[2], errs: files[4], exit: make(chan exit, 1)}
	if err != nil {
		p.Close()
		return nil, err
	}
	go func() {
		err := cmd.Wait()
		var ee *osexec.ExitError
		if err != nil && !errors.As(err, &ee) {
			p.lose()
			return
		}
		e := exit{code: cmd.ProcessState.ExitCode()}
		if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			e = exit{signal: ws.Signal().String()}
		}
		p.once.Do(func() { p.exit <- e })
	}()
	return p, nil
}

// lose is the end of a connection: nobody will know how the process ended,
// and its input ends.
func (p *localProcess) lose() {
	p.once.Do(func() { close(p.exit) })
	p.Close()
}

// Listen reads until Close or the end.
func (p *localProcess) Listen(w *watch) {
	go readAll(p.out, outputRead, w.output)
	go readAll(p.errs, noiseRead, w.noise)
}

func (p *localProcess) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p *localProcess) CloseWrite() error           { return p.in.Close() }
func (p *localProcess) Keep()                       {}
func (p *localProcess) Exit() <-chan exit           { return p.exit }
func (p *localProcess) Close() error                { closeAll([]*os.File{p.in, p.out, p.errs}); return nil }

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
