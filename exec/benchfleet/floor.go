//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// floor does the work with shipit's SSH library and nothing else: one
// connection a host, all at once, no plan, no lock, no journal, no way back.
// It is what a tool of this kind cannot be faster than.
//
//	floor full|delta CASE
func floor(args []string) error {
	if len(args) != 2 {
		panic("internal error: floor wants two arguments")
	}
	script, err := os.ReadFile(os.Getenv("BENCH_DATA") + "/host.sh")
	if err != nil {
		return err
	}
	f := &floorRun{delta: args[0] == "delta", script: string(script), tag: os.Getenv("BENCH_TAG"), id: os.Getenv("BENCH_ID")}
	hosts, err := lines(os.Getenv("BENCH_HOSTS"))
	if err != nil {
		return err
	}
	if f.config, err = clientConfig(); err != nil {
		return err
	}
	var g errgroup.Group
	clients := make([]*ssh.Client, len(hosts))
	for i, h := range hosts {
		g.Go(func() (err error) { clients[i], err = f.connect(h); return err })
	}
	if args[1] == "full" || args[1] == "delta" || args[1] == "canary" {
		if err := f.pack(); err != nil {
			return errors.Join(err, g.Wait())
		}
	}
	switch args[1] {
	case "micro":
		return f.together(&g, clients, func(c *ssh.Client) error { return f.exec(c, "true", nil) })
	case "noop":
		return f.together(&g, clients, func(c *ssh.Client) error { return f.exec(c, f.call("noop"), nil) })
	case "canary":
		return f.batches(&g, clients)
	default:
		return f.together(&g, clients, f.deploy)
	}
}

type floorRun struct {
	delta  bool
	script string
	tag    string
	id     string
	config *ssh.ClientConfig
	tar    []byte
	remove string
}

// together waits for the logins and does the work on all hosts at once.
func (f *floorRun) together(logins *errgroup.Group, clients []*ssh.Client, do func(*ssh.Client) error) error {
	if err := logins.Wait(); err != nil {
		return err
	}
	var g errgroup.Group
	for _, c := range clients {
		g.Go(func() error { return do(c) })
	}
	return g.Wait()
}

// batches does it batch by batch, over connections that are opened once.
func (f *floorRun) batches(logins *errgroup.Group, clients []*ssh.Client) error {
	if err := logins.Wait(); err != nil {
		return err
	}
	for _, size := range strings.Fields(os.Getenv("BENCH_BATCHES")) {
		n := int(number(size))
		if err := f.together(logins, clients[:n], f.deploy); err != nil {
			return err
		}
		clients = clients[n:]
	}
	return nil
}

// deploy asks what is live and sends what differs, or sends everything.
func (f *floorRun) deploy(c *ssh.Client) error {
	if !f.delta {
		return f.exec(c, f.call("full"), f.tar)
	}
	if err := f.exec(c, f.call("is", os.Getenv("BENCH_OLD_ID")), nil); err != nil {
		return err
	}
	return f.exec(c, f.call("delta", os.Getenv("BENCH_OLD_ID"), f.remove), f.tar)
}

// call is the hosts' script with its arguments. Nothing in them needs quotes
// but the last, which is a list.
func (f *floorRun) call(what string, more ...string) string {
	return "set -- '" + strings.Join(append([]string{what, f.id, f.tag}, more...), "' '") + "'\n" + f.script
}

// pack makes the archive once for all hosts.
func (f *floorRun) pack() error {
	tree := os.Getenv("BENCH_TREE")
	argv := []string{"tar", "-C", tree, "-cf", "-", "."}
	if f.delta {
		out, err := osexec.Command("git", "-C", os.Getenv("BENCH_REPO"), "diff-tree", "-r", "--name-only", os.Getenv("BENCH_OLD_TAG"), f.tag).Output()
		if err != nil {
			return fmt.Errorf("cannot compare releases: %w", err)
		}
		changed := strings.Fields(string(out))
		f.remove = strings.Join(changed, " ")
		argv = append([]string{"tar", "-C", tree, "-cf", "-"}, changed...)
	}
	var err error
	f.tar, err = osexec.Command(argv[0], argv[1:]...).Output()
	return err
}

// exec runs a command on an open connection.
func (f *floorRun) exec(c *ssh.Client, command string, in []byte) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	var said bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = bytes.NewReader(in), &said, &said
	if err := s.Run(command); err != nil {
		return fmt.Errorf("%v: %w: %s", c.RemoteAddr(), err, said.Bytes())
	}
	return nil
}

func (f *floorRun) connect(host string) (*ssh.Client, error) {
	address := net.JoinHostPort(host, "22")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn, chans, reqs, err := ssh.NewClientConn(&prompt{raw.(*net.TCPConn)}, address, f.config)
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(conn, chans, reqs), nil
}

// A prompt connection acknowledges at once what it reads, as shipit's does:
// without it the floor would be 44 ms higher for each exec.
type prompt struct{ *net.TCPConn }

func (p *prompt) Read(b []byte) (int, error) {
	n, err := p.TCPConn.Read(b)
	if n > 0 {
		if raw, err := p.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
		}
	}
	return n, err
}

func clientConfig() (*ssh.ClientConfig, error) {
	dir := filepath.Join(os.Getenv("HOME"), ".ssh")
	text, err := os.ReadFile(filepath.Join(dir, "id_ed25519"))
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	known, err := knownhosts.New(filepath.Join(dir, "known_hosts"))
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User: login, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: known, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}, nil
}

// lines are the words of a file.
func lines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return strings.Fields(string(text)), err
}
