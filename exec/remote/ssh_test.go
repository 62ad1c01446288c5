package remote_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

func dialer(t testing.TB, o remote.SSHOptions) *remote.SSH {
	t.Helper()
	if o.Home == "" {
		o.Home = t.TempDir()
	}
	d := remote.NewSSH(o)
	t.Cleanup(func() { d.Close() })
	return d
}

// refused dials and wants a DialError of a kind, with all of the texts in it.
func refused(t *testing.T, d remote.Dialer, target remote.Target, kind remote.Problem, texts ...string) *remote.DialError {
	t.Helper()
	c, err := d.Dial(context.Background(), target)
	if err == nil {
		c.Close()
		t.Fatal("the dial succeeded")
	}
	var de *remote.DialError
	if !errors.As(err, &de) {
		t.Fatalf("error %v is no DialError", err)
	}
	all := de.Error() + "\n" + de.Help
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("error %q lacks %q", all, text)
		}
	}
	if de.Kind != kind {
		t.Errorf("error %v is of kind %s, want %s", de, de.Kind, kind)
	}
	return de
}

func writeFile(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInfo(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	info := h.Dial(t).Info()
	want := remote.Info{
		User: h.User, Address: fmt.Sprintf("127.0.0.1:%d", h.Port),
		HostKey: "ssh-ed25519 " + ssh.FingerprintSHA256(h.Key), Key: "ssh-ed25519 " + ssh.FingerprintSHA256(h.Login.PublicKey()),
		PublicKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.Key))),
	}
	if info != want {
		t.Errorf("info %+v, want %+v", info, want)
	}
}

func TestHostKeys(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	d := dialer(t, remote.SSHOptions{})
	at := h.Target()

	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), "")}
	refused(t, d, at, remote.HostKey, "is not known; nothing was sent", ssh.FingerprintSHA256(h.Key), "add to "+at.KnownHosts[0]+": "+strings.TrimSpace(h.Line()))

	other := remotetest.Key(t).PublicKey()
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), strings.Replace(h.Line(), string(ssh.MarshalAuthorizedKey(h.Key)), string(ssh.MarshalAuthorizedKey(other)), 1))}
	refused(t, d, at, remote.HostKey, "has changed", ssh.FingerprintSHA256(h.Key), ssh.FingerprintSHA256(other), at.KnownHosts[0]+":1")

	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), h.Line()+"@revoked * "+string(ssh.MarshalAuthorizedKey(h.Key)))}
	refused(t, d, at, remote.HostKey, "is revoked ("+at.KnownHosts[0]+":2)")

	at.KnownHosts = []string{"/nonexistent/kh"}
	refused(t, d, at, remote.Config, "cannot read known hosts")
}

// A line that we cannot parse, as OpenSSH adds them by itself, costs neither
// the file nor the host its other keys.
func TestKnownHostsWithAKeyOfTheFuture(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	line := fmt.Sprintf("[127.0.0.1]:%d ssh-mldsa44-ed25519@openssh.com AAAAI3NzaC1tbGRzYTQ0LWVkMjU1MTlAb3BlbnNzaC5jb20AAAAA\n", h.Port)
	at := h.Target()
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), line+h.Line())}
	var said []string
	d := dialer(t, remote.SSHOptions{Warn: func(s string) { said = append(said, s) }})
	for range 2 {
		c, err := d.Dial(context.Background(), at)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if len(said) != 1 || !strings.Contains(said[0], at.KnownHosts[0]+":1: skipped") {
		t.Errorf("said %q, want the line once", said)
	}
}

func TestNameOrAddressIsKnown(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	at := h.Target()
	at.Name = "web1.example.org" // only the address is known
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	// As soon as the name is, the name decides.
	line := fmt.Sprintf("[web1.example.org]:%d %s", h.Port, ssh.MarshalAuthorizedKey(remotetest.Key(t).PublicKey()))
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), h.Line()+line)}
	refused(t, dialer(t, remote.SSHOptions{}), at, remote.HostKey, "has changed", ":2 says")
}

func TestHostCertificate(t *testing.T) {
	t.Parallel()
	ca := remotetest.Key(t)
	h := remotetest.Server(t, func(c *sshserver.Config) {
		cert := &ssh.Certificate{Key: c.HostKeys[0].PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
		if err := cert.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewCertSigner(cert, c.HostKeys[0])
		if err != nil {
			t.Fatal(err)
		}
		c.HostKeys = append(c.HostKeys, s)
	})
	at := h.Target()
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), "@cert-authority 127.* "+string(ssh.MarshalAuthorizedKey(ca.PublicKey())))}
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestAcceptNew(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	at := h.Target()
	at.KnownHosts = []string{filepath.Join(t.TempDir(), "kh")}
	c, err := dialer(t, remote.SSHOptions{AcceptNew: true}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if c, err = dialer(t, remote.SSHOptions{}).Dial(context.Background(), at); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestConfigurationIsHonoured(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	home := t.TempDir()
	writeFile(t, filepath.Join(home, ".ssh/config"), fmt.Sprintf(
		"Host web\n HostName 127.0.0.1\n Port %d\n User me\n IdentityFile %s\n UserKnownHostsFile %s\n HostKeyAlias alias\n", h.Port, h.Identity,
		writeFile(t, filepath.Join(home, "kh"), "alias "+string(ssh.MarshalAuthorizedKey(h.Key)))))
	c, err := dialer(t, remote.SSHOptions{Home: home}).Dial(context.Background(), remote.Target{Name: "web", Address: "web"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if i := c.Info(); i.User != "me" || i.Address != fmt.Sprintf("127.0.0.1:%d", h.Port) {
		t.Errorf("info %+v", i)
	}
}

// listener accepts connections and hands each to serve; it counts them.
func listener(t *testing.T, serve func(net.Conn)) (port int, count *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	count = new(atomic.Int32)
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			t.Cleanup(func() { c.Close() })
			go serve(c)
		}
	})
	return l.Addr().(*net.TCPAddr).Port, count
}

// silent is a host that takes connections and says text, and no more.
func silent(t *testing.T, text string) (int, *atomic.Int32) {
	return listener(t, func(c net.Conn) {
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
	})
}

func TestSilentHostsCostSeconds(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	for text, want := range map[string]string{
		"":                        "it accepts connections, but does not speak SSH",
		"SSH-2.0-OpenSSH_9.2\r\n": "it stopped in the key exchange",
	} {
		port, _ := silent(t, text)
		at := h.Target()
		at.Port = port
		t.Run("direct, "+want, func(t *testing.T) {
			t.Parallel()
			refused(t, dialer(t, remote.SSHOptions{Timeout: 300 * time.Millisecond}), at, remote.TimedOut, "stayed silent for 300ms", want)
		})
		beyond := at
		beyond.Jump = []string{fmt.Sprintf("%s@127.0.0.1:%d", h.User, h.Port)}
		t.Run("through a bastion, where no deadline can be set, "+want, func(t *testing.T) {
			t.Parallel()
			refused(t, dialer(t, remote.SSHOptions{Timeout: 3 * time.Second}), beyond, remote.TimedOut, "stayed silent", want)
		})
	}
}

func TestCancelledDial(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	port, _ := silent(t, "")
	at := h.Target()
	at.Port = port
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := dialer(t, remote.SSHOptions{}).Dial(ctx, at); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestHostsThatAreNoSSH(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	at := h.Target()
	d := dialer(t, remote.SSHOptions{})

	at.Port = func() int { // nobody listens
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port
	}()
	refused(t, d, at, remote.Unreachable, "connection refused", "try: ssh -p")

	var count *atomic.Int32
	at.Port, count = listener(t, func(c net.Conn) { io.WriteString(c, "Not allowed at this time\r\n"); c.Close() })
	refused(t, d, at, remote.Protocol, "Not allowed at this time", "PerSourcePenalties")
	if n := count.Load(); n != 1 {
		t.Errorf("a host that shut us out was dialled %d times", n)
	}
	at.Port, _ = listener(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); c.Close() })
	refused(t, d, at, remote.Protocol, "HTTP/1.1 400", "check the address and the port")

	for _, drop := range []func(net.Conn){
		func(c net.Conn) { c.Close() },
		func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
		func(c net.Conn) { io.WriteString(c, "Exceeded MaxStartups\r\n"); c.Close() },
	} {
		at.Port, count = listener(t, drop)
		refused(t, d, at, remote.Unreachable, "closed the connection before the login, 3 times", "MaxStartups")
		if n := count.Load(); n != 3 {
			t.Errorf("a busy host was dialled %d times, want 3", n)
		}
	}
	at.Name, at.Address = "no-such-host.invalid", "no-such-host.invalid"
	refused(t, d, at, remote.Unreachable)
}

func TestBusyHostIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	port, count := 0, (*atomic.Int32)(nil)
	port, count = listener(t, func(c net.Conn) {
		if count.Load() == 1 {
			c.Close()
			return
		}
		up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.Port))
		if err != nil {
			return
		}
		go io.Copy(up, c)
		io.Copy(c, up)
		c.Close()
	})
	at := h.Target()
	at.Port = port
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), "127.0.0.1 "+string(ssh.MarshalAuthorizedKey(h.Key)))}
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestHostWithFewSessions(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t, func(c *sshserver.Config) { c.MaxSessions = 2 })
	c := h.Dial(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := c.Run(context.Background(), remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A host that vanishes behind a network that says nothing is found out by
// its silence.
func TestVanishedHostIsUnknown(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	gone := make(chan struct{})
	port, _ := listener(t, func(c net.Conn) {
		up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.Port))
		if err != nil {
			return
		}
		t.Cleanup(func() { up.Close() })
		forward := func(to, from net.Conn) {
			b := make([]byte, 4096)
			for {
				n, err := from.Read(b)
				select {
				case <-gone:
					return // and the connections stay open
				default:
				}
				if err != nil {
					return
				}
				to.Write(b[:n])
			}
		}
		go forward(up, c)
		forward(c, up)
	})
	at := h.Target()
	at.Port = port
	at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), "127.0.0.1 "+string(ssh.MarshalAuthorizedKey(h.Key)))}
	c, err := dialer(t, remote.SSHOptions{KeepAlive: 500 * time.Millisecond}).Dial(context.Background(), at) // a busy machine answers late
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	go func() {
		done <- c.Run(ctx, remote.Command{
			Steps: []remote.Step{{ID: "s", Shell: "echo $$ >" + pidFile + "; sleep 20"}},
			On: func(r remote.Record) {
				if r.Kind == remote.Begin {
					close(gone)
				}
			},
		})
	}()
	if err := <-done; !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	if err := c.Run(ctx, remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}}); err == nil || errors.Is(err, remote.ErrUnknown) {
		t.Errorf("afterwards: error %v, want one that says that nothing ran", err)
	}
	if b, err := os.ReadFile(pidFile); err == nil {
		var pid int
		fmt.Sscan(string(b), &pid)
		syscall.Kill(-pid, syscall.SIGKILL)
	}
}
