package sshserver_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	osexec "os/exec"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote/sshserver"
)

func key(t *testing.T) ssh.Signer {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts a server that runs commands with sh and returns a client.
func serve(t *testing.T) *ssh.Client {
	t.Helper()
	host, user := key(t), key(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- sshserver.Serve(ctx, l, sshserver.Config{
			HostKeys: []ssh.Signer{host},
			Authorized: func(_ string, k ssh.PublicKey) bool {
				return bytes.Equal(k.Marshal(), user.PublicKey().Marshal())
			},
			Start:   func(_, command string) *osexec.Cmd { return osexec.Command("/bin/sh", "-c", command) },
			Forward: func(_, addr string) bool { return addr == l.Addr().String() },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Serve = %v, want the context's error", err)
		}
	})
	c, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{
		User: "u", Auth: []ssh.AuthMethod{ssh.PublicKeys(user)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestExec(t *testing.T) {
	t.Parallel()
	c := serve(t)
	for _, tc := range []struct{ command, in, out, errs, end string }{
		{command: "cat; echo no >&2; exit 3", in: "yes", out: "yes", errs: "no\n", end: "Process exited with status 3"},
		{command: "kill -s TERM $$", end: "Process exited with status 143 from signal TERM"},
		{command: "echo ok", out: "ok\n"},
	} {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader(tc.in), &out, &errs
		end := ""
		if err := s.Run(tc.command); err != nil {
			end = err.Error()
		}
		if out.String() != tc.out || errs.String() != tc.errs || end != tc.end {
			t.Errorf("%q: out %q, err %q, end %q; want %q, %q, %q", tc.command, out.String(), errs.String(), end, tc.out, tc.errs, tc.end)
		}
	}
}

func TestForwardIsABastion(t *testing.T) {
	t.Parallel()
	c := serve(t)
	if _, err := c.Dial("tcp", "127.0.0.1:1"); err == nil {
		t.Error("forwarding to a port that is not allowed works")
	}
	conn, err := c.Dial("tcp", c.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := make([]byte, 4)
	if _, err := conn.Read(b); err != nil || string(b) != "SSH-" {
		t.Errorf("read %q, %v through the bastion", b, err)
	}
}

func TestRefusedKey(t *testing.T) {
	t.Parallel()
	c := serve(t)
	_, err := ssh.Dial("tcp", c.RemoteAddr().String(), &ssh.ClientConfig{
		User: "u", Auth: []ssh.AuthMethod{ssh.PublicKeys(key(t))}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err == nil {
		t.Error("a key that is not authorized logs in")
	}
}
