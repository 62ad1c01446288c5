package main

import (
	"fmt"
	"net"
	osexec "os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// addPlace adds a host where no sshd is.
func (f *fleet) addPlace() *host {
	h := &host{f: f, name: fmt.Sprintf("h%d", len(f.hosts)+1), addr: newAddress()}
	h.home = f.path(h.name)
	h.key = f.newKey(f.path("keys/" + h.name))
	f.hosts = append(f.hosts, h)
	return h
}

// silent accepts connections and never says a word, as a hung sshd does.
func (h *host) silent() {
	h.f.t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(h.addr, strconv.Itoa(sshPort)))
	if err != nil {
		h.f.t.Fatal(err)
	}
	h.f.t.Cleanup(func() { l.Close() }) // connections wait in the kernel's queue, established
}

// blackHole drops connections: a queue that is full answers no SYN.
func (h *host) blackHole() {
	t := h.f.t
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	at := &syscall.SockaddrInet4{Port: sshPort, Addr: [4]byte(net.ParseIP(h.addr).To4())}
	if err := syscall.Bind(fd, at); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort(h.addr, strconv.Itoa(sshPort))
	for {
		c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return // it drops from now on
		}
		t.Cleanup(func() { c.Close() })
	}
}

// TestE2ESilentHostsCostSeconds: neither a black hole (H11) nor an sshd that
// accepts and hangs (H12) keeps the others from being read, and both can be
// left out.
func TestE2ESilentHostsCostSeconds(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	hung, hole := f.addPlace(), f.addPlace()
	hung.silent()
	hole.blackHole()
	f.write("def/known_hosts", f.read("def/known_hosts")+hung.known()+hole.known())
	f.define(definition{})
	began := time.Now()
	out := f.shipit(1, "plan", "hello.hcl", "--release", first, "--connect-timeout", "3s")
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("silent hosts cost %v", took)
	}
	contains(t, out, "h1", "h2", "waiting for h3, h4",
		"h3", "does not speak SSH", "h4", "no connection", "--without h3")
	contains(t, f.apply(1, first, "--connect-timeout", "1s"), "h3")
	f.apply(0, first, "--without", "h3", "--without", "h4")
	f.hosts[0].runs(first)
	f.hosts[1].runs(first)
}

// TestE2EHostKeys: ed25519 only, hashed names and a line that nobody can read
// work; a key that changed or is not known sends nothing to its host.
func TestE2EHostKeys(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.define(definition{})
	good := f.read("def/known_hosts")
	h := f.hosts[0]
	plan := []string{"plan", "hello.hcl", "--release", first}

	f.write("def/known_hosts", "@cert-authority broken\n"+good)
	contains(t, f.shipit(0, plan...), "known_hosts:1: skipped")

	if keygen, err := osexec.LookPath("ssh-keygen"); err == nil {
		f.write("hashed", good)
		command(t, f.dir, f.environ(), keygen, "-q", "-H", "-f", "hashed")
		f.write("def/known_hosts", f.read("hashed"))
		f.shipit(0, plan...)
	}

	logins := h.logins()
	another := f.newKey(f.path("keys/another"))
	f.write("def/known_hosts", strings.ReplaceAll(good, h.known(), fmt.Sprintf("[%s]:%d %s", h.addr, sshPort, ssh.MarshalAuthorizedKey(another.PublicKey()))))
	out := f.shipit(1, plan...)
	contains(t, out, "h1", ssh.FingerprintSHA256(another.PublicKey()), ssh.FingerprintSHA256(h.key.PublicKey()), "known_hosts:")

	f.write("def/known_hosts", strings.ReplaceAll(good, h.known(), ""))
	out = f.apply(1, first)
	contains(t, out, "h1", ssh.FingerprintSHA256(h.key.PublicKey()))
	if n := h.logins(); n != logins {
		t.Errorf("%d logins at a host that is not who it should be", n-logins)
	}
	for _, h := range f.hosts {
		if h.has("srv/hello/.shipit/history") != "" {
			t.Errorf("%s was touched", h.name)
		}
	}
}

// TestE2EMissingKey: a login that is refused is explained, and comes before
// any change.
func TestE2EMissingKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.newKey(f.path("keys/stranger"))
	reach := "user = \"" + f.user + "\"\n    known_hosts = \"known_hosts\"\n    identity = \""
	f.define(definition{ssh: reach + f.path("keys/stranger") + "\""})
	contains(t, f.apply(1, first), "h1", "accepts no key for user "+f.user, "stranger")
	f.define(definition{ssh: reach + f.path("keys/nobody") + "\""})
	contains(t, f.apply(1, first), "h1", "keys/nobody")
}

// TestE2EJumpThroughABastion: twelve hosts behind one sshd with its default
// MaxStartups, which drops logins that come together. The hosts share one
// sshd, which does the same.
func TestE2EJumpThroughABastion(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	bastion := f.addHost(hostOptions{})
	var more []string
	for range 11 {
		more = append(more, newAddress())
	}
	target := f.addHost(hostOptions{listen: more})
	f.ready()
	f.hosts = []*host{target}
	for _, a := range more {
		f.hosts = append(f.hosts, &host{f: f, name: fmt.Sprintf("h%d", len(f.hosts)+2), addr: a})
	}
	f.define(definition{ssh: fmt.Sprintf("user = %q\n    known_hosts = \"known_hosts\"\n    identity = %q\n    jump = [\"%s@%s:%d\"]", f.user, f.path("keys/login"), f.user, bastion.addr, sshPort)})
	out := f.shipit(0, "plan", "hello.hcl", "--release", first)
	contains(t, out, "12")
	if n := bastion.logins(); n != 1 {
		t.Errorf("%d logins at the bastion, want 1", n)
	}
	if n := target.logins(); n != 12 {
		t.Errorf("%d logins at the hosts, want 12", n)
	}
}

// TestE2EHostsByTheirSSHConfiguration: what the definition leaves out is in
// the deployer's ssh_config, a jump too.
func TestE2EHostsByTheirSSHConfiguration(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	inner, outer := f.hosts[0], f.hosts[1]
	f.write("ssh_config", fmt.Sprintf(`Host outer
  HostName %s
  ProxyJump none
Host h1
  ProxyJump outer
Host *
  User %s
  Port %d
  IdentityFile %s
  IdentitiesOnly yes
  UserKnownHostsFile %s
`, outer.addr, f.user, sshPort, f.path("keys/login"), f.path("def/known_hosts")))
	f.hosts = f.hosts[:1]
	f.define(definition{ssh: "user = \"" + f.user + "\""})
	f.shipit(0, "apply", "hello.hcl", "--release", first, "--yes", "--ssh-config", f.path("ssh_config"))
	inner.runs(first)
	if n := outer.logins(); n != 1 {
		t.Errorf("%d logins at the jump host, want 1", n)
	}
}
