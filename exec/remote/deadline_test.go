package remote_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
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

// pausable goes between a deployer and a server, and can stop to pass
// anything on, as a frozen machine does.
func pausable(t *testing.T, to int) (port int, freeze func()) {
	var frozen atomic.Bool
	pass := func(to, from net.Conn) {
		b := make([]byte, 32<<10)
		for {
			n, err := from.Read(b)
			if frozen.Load() {
				return // and the connections stay open
			}
			if err != nil {
				to.Close()
				return
			}
			to.Write(b[:n])
		}
	}
	port, _ = listener(t, func(c net.Conn) {
		up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to))
		if err != nil {
			return
		}
		t.Cleanup(func() { up.Close() })
		go pass(up, c)
		pass(c, up)
	})
	return port, func() { frozen.Store(true) }
}

// Who hangs is who is named: the bastion, or the host behind it.
func TestWhichHopHangs(t *testing.T) {
	t.Parallel()
	bastion := remotetest.Server(t)
	port, freeze := pausable(t, bastion.Port)
	quiet, _ := silent(t, "")
	at := bastion.Target()
	at.KnownHosts = []string{writeFile(t, t.TempDir()+"/kh", "127.0.0.1 "+string(ssh.MarshalAuthorizedKey(bastion.Key)))}
	good := at
	hop := fmt.Sprintf("%s@127.0.0.1:%d", bastion.User, port)
	good.Jump = []string{hop}
	d := dialer(t, remote.SSHOptions{Timeout: 3 * time.Second})
	if err := runTrue(d, good); err != nil {
		t.Fatal(err)
	}
	behind := good
	behind.Port = quiet
	refused(t, d, behind, remote.TimedOut, fmt.Sprintf("127.0.0.1:%d stayed silent for 3s: it accepts connections, but does not speak SSH (its bastion %s answers)", quiet, hop))

	freeze()
	refused(t, d, good, remote.TimedOut, "its bastion "+hop+" has stopped answering")
	// A bastion that never says a word.
	mute, _ := silent(t, "")
	beyond := good
	beyond.Jump = []string{fmt.Sprintf("x@127.0.0.1:%d", mute)}
	refused(t, dialer(t, remote.SSHOptions{Timeout: time.Second}), beyond, remote.TimedOut, fmt.Sprintf("its bastion x@127.0.0.1:%d: 127.0.0.1:%d stayed silent for 1s", mute, mute))
}

// A command that runs through a bastion that freezes is unknown soon, and
// that is found by keepalives of the connection inside.
func TestBastionFreezesUnderACommand(t *testing.T) {
	t.Parallel()
	bastion := remotetest.Server(t)
	port, freeze := pausable(t, bastion.Port)
	at := bastion.Target()
	at.KnownHosts = []string{writeFile(t, t.TempDir()+"/kh", "127.0.0.1 "+string(ssh.MarshalAuthorizedKey(bastion.Key)))}
	at.Jump = []string{fmt.Sprintf("%s@127.0.0.1:%d", bastion.User, port)}
	c, err := dialer(t, remote.SSHOptions{KeepAlive: 400 * time.Millisecond}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pid := t.TempDir() + "/pid"
	err = c.Run(context.Background(), remote.Command{
		Steps: []remote.Step{{ID: "s", Shell: "echo $$ >" + pid + "; sleep 30"}},
		On: func(r remote.Record) {
			if r.Kind == remote.Begin {
				freeze()
			}
		},
	})
	if err == nil || !strings.Contains(err.Error(), "the connection was lost") {
		t.Errorf("error %v, want a lost connection", err)
	}
	if b, err := os.ReadFile(pid); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			syscall.Kill(-n, syscall.SIGKILL)
		}
	}
}

// A hundred hosts at once through one bastion: real sshds with their default
// MaxStartups, which drop logins that come together. Each host is logged in to
// once, the bastion once, and nobody is lost or probed.
func TestE2EHundredHostsThroughOneBastion(t *testing.T) {
	t.Parallel()
	bastion, log := remotetest.LoggedSSHD(t)
	var connected atomic.Int32
	known, err := os.ReadFile(bastion.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	var hosts []*remotetest.Host
	for range 100 {
		h := remotetest.Server(t, func(c *sshserver.Config) {
			c.Authorized = func(_ string, k ssh.PublicKey) bool {
				return ssh.FingerprintSHA256(k) == ssh.FingerprintSHA256(bastion.Login.PublicKey())
			}
			c.Connected = func(string, ssh.PublicKey) { connected.Add(1) }
		})
		hosts = append(hosts, h)
		known = append(known, h.Line()...)
	}
	file := writeFile(t, t.TempDir()+"/kh", string(known))
	d := dialer(t, remote.SSHOptions{Timeout: time.Minute})
	var wg sync.WaitGroup
	for _, h := range hosts {
		wg.Go(func() {
			at := h.Target()
			at.KnownHosts, at.Identity = []string{file}, bastion.Identity
			at.Jump = []string{fmt.Sprintf("%s@127.0.0.1:%d", bastion.User, bastion.Port)}
			c, err := d.Dial(context.Background(), at)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { c.Close() })
		})
	}
	wg.Wait()
	for end := time.Now().Add(10 * time.Second); connected.Load() < 100 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // a server counts after it has let in
	}
	if n := connected.Load(); n != 100 {
		t.Errorf("%d logins at the hosts, want 100", n)
	}
	logins(t, log, 1)
}

// A hundred at once at one sshd with its default MaxStartups, which drops some
// from the tenth on that it has not seen log in: none is dropped.
func TestE2EManyAtOneSSHD(t *testing.T) {
	t.Parallel()
	h, log := remotetest.LoggedSSHD(t)
	d := dialer(t, remote.SSHOptions{Timeout: time.Minute})
	const many = 100
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			c, err := d.Dial(context.Background(), h.Target())
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { c.Close() })
		})
	}
	wg.Wait()
	logins(t, log, many)
}

// logins wants exactly so many logins in sshd's log, and nothing that a
// penalty is given for.
func logins(t *testing.T, log string, want int) {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "Accepted publickey for "); n != want {
		t.Errorf("sshd accepted %d logins, want %d", n, want)
	}
	for _, bad := range []string{"[preauth]", "MaxStartups", "Failed "} {
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, bad) {
				t.Errorf("sshd says %q", strings.TrimSpace(line))
				break
			}
		}
	}
}
