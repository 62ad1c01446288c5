package remotetest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/sshserver"
)

// A Host is an SSH server on loopback, with all that a login needs.
type Host struct {
	Address    string
	Port       int
	User       string
	Key        ssh.PublicKey // the host's
	HostSigner ssh.Signer
	Login      ssh.Signer // authorized
	Identity   string     // file of the private key
	KnownHosts string     // file that knows the host as [Address]:Port
	Home       string     // of the deployer; .ssh in it is empty
}

// Key makes an ed25519 key.
func Key(t testing.TB) ssh.Signer {
	t.Helper()
	s, _ := key(t)
	return s
}

func key(t testing.TB) (ssh.Signer, []byte) {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s, pem.EncodeToMemory(block)
}

// write writes a file below a new directory and returns its path.
func write(t testing.TB, path string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newHost makes the keys and files of a host on port.
func newHost(t testing.TB, port int) (h *Host, hostKey []byte) {
	t.Helper()
	dir := t.TempDir()
	h = &Host{Address: "127.0.0.1", Port: port, Home: filepath.Join(dir, "home")}
	if err := os.MkdirAll(filepath.Join(h.Home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.HostSigner, hostKey = key(t)
	h.Key = h.HostSigner.PublicKey()
	var login []byte
	h.Login, login = key(t)
	h.Identity = write(t, filepath.Join(dir, "id"), login)
	h.KnownHosts = write(t, filepath.Join(dir, "known_hosts"), []byte(h.Line()))
	h.User = "nobody"
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h, hostKey
}

// Line is the host's line of known_hosts.
func (h *Host) Line() string {
	return fmt.Sprintf("[%s]:%d %s", h.Address, h.Port, ssh.MarshalAuthorizedKey(h.Key))
}

// Target is how to reach the host by the definition alone.
func (h *Host) Target() remote.Target {
	return remote.Target{
		Name: h.Address, Address: h.Address, Port: h.Port, User: h.User,
		KnownHosts: []string{h.KnownHosts}, Identity: h.Identity,
	}
}

// Dial connects to the host with a Dialer of its own.
func (h *Host) Dial(t *testing.T) remote.Conn {
	t.Helper()
	d := remote.NewSSH(remote.SSHOptions{Version: "test", Home: h.Home})
	t.Cleanup(func() { d.Close() })
	c, err := d.Dial(context.Background(), h.Target())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Server starts the built-in server; change adjusts its configuration.
func Server(t testing.TB, change ...func(*sshserver.Config)) *Host {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := newHost(t, l.Addr().(*net.TCPAddr).Port)
	home := t.TempDir()
	c := sshserver.Config{
		HostKeys:   []ssh.Signer{h.HostSigner},
		Authorized: func(_ string, k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), h.Login.PublicKey().Marshal()) },
		Start: func(_, command string) *osexec.Cmd {
			cmd := osexec.Command("/bin/sh", "-c", command)
			cmd.Dir = home
			cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "USER=" + h.User}
			return cmd
		},
		Forward: func(string, string) bool { return true },
	}
	for _, f := range change {
		f(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		sshserver.Serve(ctx, l, c)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return h
}

// SSHD starts the system's sshd as the current user, with further lines of
// sshd_config; without one the test is skipped.
func SSHD(t testing.TB, lines ...string) *Host {
	t.Helper()
	h, _ := LoggedSSHD(t, lines...)
	return h
}

// LoggedSSHD is SSHD with the file that sshd logs to.
func LoggedSSHD(t testing.TB, lines ...string) (h *Host, log string) {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("no sshd on this machine: %v", err)
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Skipf("sshd cannot start: %v", err)
		}
	}
	var said string
	for range 5 { // the port may be taken between our closing it and sshd's opening it
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		h, hostKey := newHost(t, port)
		dir := t.TempDir()
		write(t, filepath.Join(dir, "host_key"), hostKey)
		write(t, filepath.Join(dir, "authorized_keys"), ssh.MarshalAuthorizedKey(h.Login.PublicKey()))
		conf := strings.Join(append([]string{
			"ListenAddress 127.0.0.1", "Port " + strconv.Itoa(port), "HostKey " + dir + "/host_key",
			"AuthorizedKeysFile " + dir + "/authorized_keys", "StrictModes no", "UsePAM no", "PidFile none",
			"PasswordAuthentication no", "PermitRootLogin yes",
		}, lines...), "\n") + "\n"
		log := filepath.Join(dir, "log")
		cmd := osexec.Command(program, "-D", "-E", log, "-f", write(t, filepath.Join(dir, "sshd_config"), []byte(conf)))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { cmd.Wait(); close(ended) }()
		if listens(port, ended) {
			t.Cleanup(func() {
				cmd.Process.Kill()
				<-ended
			})
			return h, log
		}
		cmd.Process.Kill()
		<-ended
		b, _ := os.ReadFile(log)
		said = string(b)
	}
	t.Fatalf("sshd does not start: %s", said)
	return nil, ""
}

// listens waits until something listens on port.
func listens(port int, ended <-chan struct{}) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		select {
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			c.Close()
			return true
		}
	}
	return false
}
