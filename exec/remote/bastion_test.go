package remote_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

func TestBastionIsShared(t *testing.T) {
	t.Parallel()
	var logins atomic.Int32
	bastion := remotetest.Server(t, func(c *sshserver.Config) { c.Connected = func(string, ssh.PublicKey) { logins.Add(1) } })
	d := dialer(t, remote.SSHOptions{})
	var wg sync.WaitGroup
	hosts := remotetest.Server(t, func(c *sshserver.Config) {
		c.Authorized = func(_ string, k ssh.PublicKey) bool {
			return ssh.FingerprintSHA256(k) == ssh.FingerprintSHA256(bastion.Login.PublicKey())
		}
	})
	at := hosts.Target()
	at.KnownHosts = []string{bastion.KnownHosts, hosts.KnownHosts}
	at.Identity = bastion.Identity
	at.Jump = []string{fmt.Sprintf("someone@127.0.0.1:%d", bastion.Port)}
	for range 20 {
		wg.Go(func() {
			c, err := d.Dial(context.Background(), at)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if err := c.Run(context.Background(), remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := logins.Load(); n != 1 {
		t.Errorf("%d logins at the bastion, want 1", n)
	}
	// Two hops, and hosts behind them that are not there.
	at.Jump = append(at.Jump, at.Jump[0])
	c, err := d.Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	at.Port = 1
	refused(t, d, at, remote.Unreachable, "the bastion someone@127.0.0.1", "does not connect to 127.0.0.1:1")
	at.Jump = []string{"x@127.0.0.1:1"}
	refused(t, d, at, remote.Unreachable, "its bastion x@127.0.0.1:1", "connection refused")
	at.Jump = []string{"a b"}
	refused(t, d, at, remote.Config, "cannot jump by")
}

func TestJumpInACircle(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	home := t.TempDir()
	writeFile(t, filepath.Join(home, ".ssh/config"), "Host *\n ProxyJump bastion\n")
	at := h.Target()
	refused(t, dialer(t, remote.SSHOptions{Home: home}), at, remote.Config, "circle", "ProxyJump none")
}
