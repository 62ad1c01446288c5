package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// A masterLogin is one try to reach a host by the program ssh. It logs in as
// the user's configuration says, with everything that OpenSSH can do; the
// sessions on its connection are ours as on any other.
type masterLogin struct {
	s    *SSH
	r    *route
	hop  *bastion
	dest string
	said *sayings
}

func (l *masterLogin) do(ctx context.Context) (*sshConn, error) {
	l.said = newSayings(func(text string) { l.s.warn(l.r.name + ": " + text) })
	program, err := osexec.LookPath("ssh")
	if err != nil {
		return nil, err
	}
	m, err := startMaster(program, l.args(program), l.env(), l.said.logged, l.said.passed)
	if err != nil {
		return nil, err
	}
	conn, err := l.join(ctx, m)
	if err != nil {
		m.stop()
		return nil, err
	}
	client, chans, reqs, err := ssh.NewControlClientConn(conn)
	if err != nil {
		conn.Close()
		m.stop()
		return nil, fmt.Errorf("ssh does not share its connection: %w", err)
	}
	info := Info{User: l.r.user, Address: l.dest}
	info.HostKey, info.Key = l.said.keys()
	l.s.o.Log("%s: ssh logged in as %s to %s with %s", l.r.name, info.User, info.Address, info.Key)
	// ssh itself looks for signs of life, and answers no keepalive of ours.
	c := newSSHConn(ssh.NewClient(client, chans, reqs), conn, info, 0, &l.s.packer)
	c.master = m
	return c, nil
}

// join waits until the master has logged in and connects to it.
func (l *masterLogin) join(ctx context.Context, m *master) (net.Conn, error) {
	ready := l.said.ready
	tick := time.NewTicker(200 * time.Millisecond) // should a later ssh say it in other words
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-m.ended:
			return nil, errMaster
		case <-ready:
			ready = nil
		case <-tick.C:
		}
		if conn, err := net.Dial("unix", m.socket); err == nil {
			if deadline, ok := ctx.Deadline(); ok {
				conn.SetDeadline(deadline) // for the greetings
				defer conn.SetDeadline(time.Time{})
			}
			return conn, nil
		}
	}
}

var errMaster = errors.New("ssh ended before it had logged in")

// args are those of the master. What is ours to decide goes before the
// user's configuration: where the host key is looked up, that nobody is asked
// anything, and that nothing is forwarded.
func (l *masterLogin) args(program string) []string {
	o, t := l.s.o, l.r.target
	args := append(l.s.config.args(), "-M", "-N", "-n", "-T", "-a", "-x")
	set := func(name, value string) { args = append(args, "-o", name+"="+value) }
	set("BatchMode", "yes")
	set("ControlMaster", "yes")
	set("ControlPersist", "no")
	set("ClearAllForwardings", "yes")
	set("PermitLocalCommand", "no")
	set("RemoteCommand", "none")
	set("UpdateHostKeys", "no")
	set("LogLevel", "DEBUG1")
	set("ConnectionAttempts", "1")
	set("ConnectTimeout", seconds(o.Timeout))
	set("ServerAliveInterval", seconds(o.KeepAlive))
	set("ServerAliveCountMax", "3")
	set("StrictHostKeyChecking", map[bool]string{false: "yes", true: "accept-new"}[o.AcceptNew])
	if len(t.KnownHosts) > 0 {
		var files []string
		for _, f := range t.KnownHosts {
			files = append(files, `"`+percent(expandHome(f, o.Home))+`"`)
		}
		set("UserKnownHostsFile", strings.Join(files, " "))
		set("GlobalKnownHostsFile", "/dev/null")
		set("KnownHostsCommand", "none")
	}
	if l.r.alias != "" {
		set("HostKeyAlias", l.r.alias)
	}
	if t.Identity != "" {
		set("IdentitiesOnly", "yes")
		set("IdentityFile", `"`+percent(expandHome(t.Identity, o.Home))+`"`)
	}
	if t.Address != "" && t.Address != t.Name {
		set("HostName", percent(strings.Trim(t.Address, "[]")))
	}
	if t.Port != 0 {
		set("Port", strconv.Itoa(t.Port))
	}
	if t.User != "" {
		set("User", t.User)
	}
	if t.Legacy {
		a := ssh.InsecureAlgorithms()
		set("KexAlgorithms", "+"+strings.Join(a.KeyExchanges, ","))
		set("Ciphers", "+aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc")
		set("MACs", "+hmac-sha1,hmac-sha1-96")
		set("HostKeyAlgorithms", "+ssh-rsa")
		set("PubkeyAcceptedAlgorithms", "+ssh-rsa")
	}
	if l.hop != nil {
		set("ProxyCommand", l.hop.through(program))
	} else if t.Jump != nil {
		set("ProxyCommand", "none")
	}
	return append(args, "--", t.Name)
}

// through is a ProxyCommand that goes through b's master. If that is gone it
// must fail rather than connect by itself.
func (b *bastion) through(program string) string {
	return Join([]string{
		program, "-F", "/dev/null", "-S", percent(percent(b.conn.master.socket)), "-o", "ControlMaster=no", "-o", "BatchMode=yes",
		"-o", "ProxyCommand=false", "-W", "[%h]:%p", "--", "bastion",
	})
}

// env is our environment with the agent that this Dialer uses.
func (l *masterLogin) env() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SSH_AUTH_SOCK=") {
			env = append(env, v)
		}
	}
	if sock := l.s.o.AgentSock; sock != "" {
		env = append(env, "SSH_AUTH_SOCK="+sock)
	}
	return env
}

// args say which configuration the program ssh is to read.
func (c *sshConfig) args() []string {
	switch {
	case c.file != "":
		return []string{"-F", c.file}
	case c.foreign:
		file := filepath.Join(c.home, ".ssh/config")
		if _, err := os.Stat(file); err != nil {
			file = "/dev/null"
		}
		return []string{"-F", file}
	}
	return nil
}

// percent keeps ssh from expanding a value.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// seconds are d in whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}
