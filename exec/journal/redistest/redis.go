// Package redistest runs real Redis servers for tests.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A Server is a redis-server on loopback, with nothing of its own but a
// directory for what it keeps.
type Server struct {
	Addr string
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// Start begins a server with more arguments, and skips the test where none is
// installed. It ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	return start(t, nil, append([]string{"--save", ""}, args...)...)
}

func start(t testing.TB, first []string, args ...string) *Server {
	t.Helper()
	s := &Server{Addr: FreePort(t), t: t, dir: t.TempDir()}
	host, port, _ := net.SplitHostPort(s.Addr)
	s.args = slices.Concat(first, []string{"--bind", host, "--port", port, "--dir", s.dir, "--daemonize", "no", "--loglevel", "warning"}, args)
	s.Restart()
	t.Cleanup(s.Kill)
	return s
}

// FreePort is an address on loopback that nobody listens at.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Sentinel begins a replica of the server and a Sentinel that watches both as
// the master "m", and returns the Sentinel's address.
func (s *Server) Sentinel() string {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	Start(s.t, "--replicaof", host+" "+port)
	conf := filepath.Join(s.t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor m %s %s 1\nsentinel down-after-milliseconds m 500\nsentinel failover-timeout m 3000\n", host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return start(s.t, []string{conf, "--sentinel"}).Addr
}

// URL names the server, and a prefix of keys that nobody else uses.
func (s *Server) URL() string { return "redis://" + s.Addr + "?key=test" }

// Restart begins the process again, with what it had written down.
func (s *Server) Restart() {
	s.t.Helper()
	s.cmd = exec.CommandContext(context.Background(), "redis-server", s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := filepath.Join(s.dir, "log")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var last error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		last = err
	}
	said, _ := os.ReadFile(log)
	s.t.Fatal(fmt.Errorf("redis-server does not listen: %w\n%s", last, said))
}

// Kill ends the process at once.
func (s *Server) Kill() {
	s.Signal(syscall.SIGCONT)
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Signal sends a signal to the process.
func (s *Server) Signal(sig syscall.Signal) { _ = s.cmd.Process.Signal(sig) }
