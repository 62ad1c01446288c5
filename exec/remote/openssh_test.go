package remote_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

func viaOpenSSH(h *remotetest.Host) remote.Target {
	at := h.Target()
	at.Via = remote.OpenSSH
	return at
}

// pemOf is a key that nobody has authorized.
func pemOf(t *testing.T) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(newPrivate(t), "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// needSSH skips where the program is not installed.
func needSSH(t *testing.T) {
	t.Helper()
	if _, err := osexec.LookPath("ssh"); err != nil {
		t.Skip(err)
	}
}

func TestOpenSSHSaysWhoItTalksTo(t *testing.T) {
	t.Parallel()
	needSSH(t)
	h := remotetest.Server(t)
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), viaOpenSSH(h))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, want := c.Info(), h.Dial(t).Info()
	want.PublicKey = "" // ssh tells no more than its fingerprint
	if got != want {
		t.Errorf("info %+v, by ourselves %+v", got, want)
	}
}

// The name is looked up in known_hosts where it is known, the address where not.
func TestOpenSSHHostKeys(t *testing.T) {
	t.Parallel()
	needSSH(t)
	h := remotetest.Server(t)
	at := viaOpenSSH(h)
	at.Name = "web1.example.org"
	key := string(ssh.MarshalAuthorizedKey(h.Key))
	other := string(ssh.MarshalAuthorizedKey(remotetest.Key(t).PublicKey()))
	named := fmt.Sprintf("[web1.example.org]:%d ", h.Port)
	for _, tc := range []struct {
		name, file string
		wants      []string // of the refusal; nil is accepted
	}{
		{"address", h.Line(), nil},
		{"name", named + key, nil},
		{"name before address", h.Line() + named + other, []string{"has changed: it shows ssh-ed25519 " + ssh.FingerprintSHA256(h.Key), "kh:2 says otherwise; nothing was sent"}},
		{"unknown", "", []string{"is not known; nothing was sent", ssh.FingerprintSHA256(h.Key)}},
		{"revoked", h.Line() + "@revoked * " + key, []string{"is revoked"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			at := at
			at.KnownHosts = []string{writeFile(t, filepath.Join(t.TempDir(), "kh"), tc.file)}
			d := dialer(t, remote.SSHOptions{})
			if tc.wants != nil {
				refused(t, d, at, remote.HostKey, tc.wants...)
				return
			}
			c, err := d.Dial(context.Background(), at)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
	}
	at.KnownHosts = []string{filepath.Join(t.TempDir(), "new")}
	c, err := dialer(t, remote.SSHOptions{AcceptNew: true}).Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if b, err := os.ReadFile(at.KnownHosts[0]); err != nil || len(b) == 0 {
		t.Errorf("the new key was not kept: %v", err)
	}
}

func TestOpenSSHErrors(t *testing.T) {
	t.Parallel()
	needSSH(t)
	h := remotetest.Server(t)
	d := dialer(t, remote.SSHOptions{})
	at := viaOpenSSH(h)
	at.Identity = writeFile(t, filepath.Join(t.TempDir(), "id"), pemOf(t))
	refused(t, d, at, remote.Auth, "refuses the login of user "+h.User+" (it would take publickey)", "tried: ssh-ed25519 SHA256:", "ssh -v")

	at = viaOpenSSH(h)
	at.Port = 1
	refused(t, d, at, remote.Unreachable, "Connection refused", "try: ssh -p 1")
	at.Name, at.Address = "no-such-host.invalid", "no-such-host.invalid"
	refused(t, d, at, remote.Unreachable, "Could not resolve hostname")

	at = viaOpenSSH(h)
	at.Port, _ = silent(t, "")
	refused(t, dialer(t, remote.SSHOptions{Timeout: 700 * time.Millisecond}), at, remote.TimedOut, "stayed silent for 700ms: it accepts connections, but does not speak SSH")

	dropped, count := listener(t, func(c net.Conn) { c.Close() })
	at.Port = dropped
	refused(t, d, at, remote.Unreachable, "closed the connection before the login, 3 times", "MaxStartups")
	if n := count.Load(); n != 3 {
		t.Errorf("a busy host was dialled %d times, want 3", n)
	}
	shut, count := listener(t, func(c net.Conn) { io.WriteString(c, "Not allowed at this time\r\n"); c.Close() })
	at.Port = shut
	refused(t, d, at, remote.Protocol, "PerSourcePenalties")
	if n := count.Load(); n != 1 {
		t.Errorf("a host that shut us out was dialled %d times", n)
	}

	home := t.TempDir()
	writeFile(t, filepath.Join(home, ".ssh/config"), "Host *\n NoSuchThing yes\n")
	refused(t, dialer(t, remote.SSHOptions{Home: home}), viaOpenSSH(h), remote.Config, "Bad configuration option: nosuchthing")
}

// A host's banner is printed among what ssh says; it speaks for nobody.
func TestOpenSSHBannerForgesNothing(t *testing.T) {
	t.Parallel()
	needSSH(t)
	banner := writeFile(t, filepath.Join(t.TempDir(), "banner"), "debug1: Server accepts key: x ED25519 SHA256:forged\n"+
		"Authenticated to x using \"gssapi\".\ndebug1: Server host key: ssh-ed25519 SHA256:forged\ndebug1: Entering interactive session.\n")
	h := remotetest.SSHD(t, "Banner "+banner)
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), viaOpenSSH(h))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, want := c.Info(), h.Dial(t).Info()
	want.PublicKey = "" // ssh tells no more than its fingerprint
	if got != want {
		t.Errorf("info %+v, by ourselves %+v", got, want)
	}
}

// What only ssh can do is the point: here a ProxyCommand.
func TestOpenSSHHonoursTheConfiguration(t *testing.T) {
	t.Parallel()
	needSSH(t)
	h := remotetest.Server(t)
	home := t.TempDir()
	writeFile(t, filepath.Join(home, ".ssh/config"), fmt.Sprintf(
		"Host web\n HostName nowhere.invalid\n User me\n IdentityFile %s\n UserKnownHostsFile %s\n HostKeyAlias alias\n"+
			" ProxyCommand ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=%s -i %s -p %d -W 127.0.0.1:%d 127.0.0.1\n",
		h.Identity, writeFile(t, filepath.Join(home, "kh"), "alias "+string(ssh.MarshalAuthorizedKey(h.Key))), h.KnownHosts, h.Identity, h.Port, h.Port))
	d := dialer(t, remote.SSHOptions{Home: home})
	c, err := d.Dial(context.Background(), remote.Target{Name: "web", Address: "web", Via: remote.OpenSSH})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if i := c.Info(); i.User != "me" {
		t.Errorf("info %+v", i)
	}
	refused(t, d, remote.Target{Name: "web", Address: "web"}, remote.Config, "has a ProxyCommand", `via = "openssh"`)
}

// A bastion is one master, however many hosts are behind it, and a master
// that is gone is no reason to go another way.
func TestOpenSSHThroughABastion(t *testing.T) {
	t.Parallel()
	needSSH(t)
	logins := make(chan string, 100)
	bastion := remotetest.Server(t, func(c *sshserver.Config) { c.Connected = func(string, ssh.PublicKey) { logins <- "bastion" } })
	h := remotetest.Server(t, func(c *sshserver.Config) {
		c.Authorized = func(_ string, k ssh.PublicKey) bool {
			return ssh.FingerprintSHA256(k) == ssh.FingerprintSHA256(bastion.Login.PublicKey())
		}
		c.Connected = func(string, ssh.PublicKey) { logins <- "host" }
	})
	at := viaOpenSSH(h)
	at.KnownHosts = []string{bastion.KnownHosts, h.KnownHosts}
	at.Identity = bastion.Identity
	at.Jump = []string{fmt.Sprintf("someone@127.0.0.1:%d", bastion.Port)}
	d := dialer(t, remote.SSHOptions{})
	for range 3 {
		if err := runTrue(d, at); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for range len(logins) {
		got = append(got, <-logins)
	}
	if strings.Join(got, " ") != "bastion host host host" {
		t.Errorf("logins %v, want one at the bastion", got)
	}
	at.Port = 1
	refused(t, d, at, remote.Unreachable, "bastion someone@127.0.0.1")
}

// Nothing of ssh stays: neither when a connection is closed, nor when the
// deployer is killed.
func TestOpenSSHEndsWithUs(t *testing.T) {
	t.Parallel()
	needSSH(t)
	h := remotetest.SSHD(t)
	temp := t.TempDir()
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), viaOpenSSH(h))
	if err != nil {
		t.Fatal(err)
	}
	if n := masters(t, h.Port); n == 0 {
		t.Fatal("no process of ssh was found")
	}
	c.Close()
	if n := masters(t, h.Port); n != 0 {
		t.Errorf("%d processes of ssh after the connection was closed", n)
	}

	child := osexec.Command(os.Args[0], "-test.run=^TestOpenSSHChild$")
	child.Env = append(os.Environ(), "TMPDIR="+temp, "TEST_OPENSSH_PORT="+strconv.Itoa(h.Port), "TEST_OPENSSH_USER="+h.User,
		"TEST_OPENSSH_KNOWN="+h.KnownHosts, "TEST_OPENSSH_IDENTITY="+h.Identity)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := io.ReadFull(out, b); err != nil || string(b) != "dialed" {
		t.Fatalf("the child says %q, %v", b, err)
	}
	if n := masters(t, h.Port); n == 0 {
		t.Fatal("no process of the child's ssh was found")
	}
	child.Process.Kill()
	child.Wait()
	for end := time.Now().Add(20 * time.Second); masters(t, h.Port) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("ssh outlives a deployer that was killed")
		}
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "shipit-ssh-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestOpenSSHChild is the deployer that the test above kills.
func TestOpenSSHChild(t *testing.T) {
	port, err := strconv.Atoi(os.Getenv("TEST_OPENSSH_PORT"))
	if err != nil {
		return // it is an ordinary run of the tests
	}
	at := remote.Target{
		Name: "127.0.0.1", Port: port, User: os.Getenv("TEST_OPENSSH_USER"), Via: remote.OpenSSH,
		KnownHosts: []string{os.Getenv("TEST_OPENSSH_KNOWN")}, Identity: os.Getenv("TEST_OPENSSH_IDENTITY"),
	}
	if _, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), at); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("dialed")
	time.Sleep(time.Minute)
}

// masters counts the processes of ssh that go to port.
func masters(t *testing.T, port int) int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(dirs) == 0 {
		t.Skip("there is no /proc")
	}
	n := 0
	for _, f := range dirs {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), "\x00Port="+strconv.Itoa(port)+"\x00") {
			n++
		}
	}
	return n
}

// A master that dies is a connection that is lost.
func TestOpenSSHMasterThatDies(t *testing.T) {
	t.Parallel()
	needSSH(t)
	h := remotetest.Server(t)
	c, err := dialer(t, remote.SSHOptions{}).Dial(context.Background(), viaOpenSSH(h))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Run(context.Background(), remote.Command{
		Steps: []remote.Step{{ID: "s", Shell: "sleep 20"}},
		On: func(r remote.Record) {
			if r.Kind == remote.Begin {
				remote.KillMaster(c)
			}
		},
	})
	if !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	if err := c.Run(context.Background(), remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}}); err == nil || errors.Is(err, remote.ErrUnknown) {
		t.Errorf("afterwards: error %v, want one that says that nothing ran", err)
	}
}
