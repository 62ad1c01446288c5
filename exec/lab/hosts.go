package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"shipit/exec/remote/sshserver"
)

func (h Host) addr() string { return net.JoinHostPort(h.Address, strconv.Itoa(h.Port)) }

func (h Host) httpAddr() string { return net.JoinHostPort(h.Address, strconv.Itoa(h.HTTP)) }

// path is where a session on h finds programs: the lab's own first.
func (h Host) path() string {
	return h.Root + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// serveSSH is the built-in SSH server of one host.
func (l *Lab) serveSSH(ctx context.Context, h Host) error {
	key, err := readKey(l.hostKey(h))
	if err != nil {
		return err
	}
	login, err := readKey(l.Identity)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", h.addr())
	if err != nil {
		return fmt.Errorf("cannot be %s: %w", h.Name, err)
	}
	err = sshserver.Serve(ctx, listener, sshserver.Config{
		HostKeys: []ssh.Signer{key},
		Authorized: func(user string, k ssh.PublicKey) bool {
			return user == l.User && bytes.Equal(k.Marshal(), login.PublicKey().Marshal())
		},
		Start: func(_, command string) *osexec.Cmd { return l.session(ctx, h, command) },
		// A host of the lab may stand in for a bastion of the others.
		Forward: func(_, addr string) bool {
			return slices.ContainsFunc(l.Hosts, func(to Host) bool { return to.addr() == addr })
		},
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// session is a command on h. Nothing of our own environment is seen there.
// The server gives it a process group, which ends with the lab.
func (l *Lab) session(ctx context.Context, h Host, command string) *osexec.Cmd {
	cmd := osexec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Dir = h.Root
	cmd.Env = []string{
		"HOME=" + h.Root, "PATH=" + h.path(), "SHELL=/bin/sh",
		"USER=" + l.User, "LOGNAME=" + l.User,
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// readKey reads a private key.
func readKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read a key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key %s: %w", path, err)
	}
	return key, nil
}

// await returns when every host lets us in, or with the reason why Serve
// ended before; ended is nil where somebody else runs it.
func (l *Lab) await(ctx context.Context, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	g, logins := errgroup.WithContext(ctx)
	for _, h := range l.Hosts {
		g.Go(func() error { return l.awaitHost(logins, h) })
	}
	up := make(chan error, 1)
	go func() { up <- g.Wait() }()
	select {
	case err := <-up:
		return err
	case err := <-ended:
		if err == nil {
			err = errors.New("the background process ended")
		}
		return fmt.Errorf("cannot start the hosts: %w", err)
	}
}

// awaitHost returns when h lets us in.
func (l *Lab) awaitHost(ctx context.Context, h Host) error {
	var last error
	for {
		err := l.login(ctx, h)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err // of an attempt that was not cut short
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s (port %d) does not let us in: %w%s", h.Name, h.Port, last, l.tail(h))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// login logs in on h with the lab's key, and out again. It fails when
// somebody else answers on the port.
func (l *Lab) login(ctx context.Context, h Host) error {
	key, err := readKey(l.Identity)
	if err != nil {
		return err
	}
	host, err := readKey(l.hostKey(h))
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", h.addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c, chans, reqs, err := ssh.NewClientConn(conn, h.addr(), &ssh.ClientConfig{
		User:            l.User,
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
	})
	if err != nil {
		return err
	}
	return ssh.NewClient(c, chans, reqs).Close()
}
