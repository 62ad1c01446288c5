package remote_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

// BenchmarkFanout dials fifty hosts at once and runs true on each. The
// servers' share of the work is in it too.
func BenchmarkFanout(b *testing.B) {
	const n = 50
	login := ""
	var known strings.Builder
	var hosts []*remotetest.Host
	for range n {
		h := remotetest.Server(b, func(c *sshserver.Config) {
			c.Authorized = func(_ string, k ssh.PublicKey) bool { return login == "" || ssh.FingerprintSHA256(k) == login }
		})
		known.WriteString(h.Line())
		hosts = append(hosts, h)
	}
	login = ssh.FingerprintSHA256(hosts[0].Login.PublicKey())
	file := writeFile(b, b.TempDir()+"/kh", known.String())
	b.ReportAllocs()
	for b.Loop() {
		d := dialer(b, remote.SSHOptions{})
		var wg sync.WaitGroup
		for _, h := range hosts {
			at := h.Target()
			at.Identity, at.KnownHosts = hosts[0].Identity, []string{file}
			wg.Go(func() {
				if err := runTrue(d, at); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		d.Close()
	}
}

// BenchmarkSSHD is the same on one sshd, by us and by the bare library,
// for the share that is ours.
func BenchmarkSSHD(b *testing.B) {
	h := remotetest.SSHD(b)
	b.Run("shipit", func(b *testing.B) {
		d := dialer(b, remote.SSHOptions{})
		for b.Loop() {
			if err := runTrue(d, h.Target()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			c, err := ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.Port), &ssh.ClientConfig{
				User: h.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(h.Login)}, HostKeyCallback: ssh.FixedHostKey(h.Key),
			})
			if err != nil {
				b.Fatal(err)
			}
			s, err := c.NewSession()
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Run("true"); err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
	})
	b.Run("library, next command", func(b *testing.B) {
		c, err := ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.Port), &ssh.ClientConfig{
			User: h.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(h.Login)}, HostKeyCallback: ssh.FixedHostKey(h.Key),
		})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			s, err := c.NewSession()
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Run("true"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("next command", func(b *testing.B) {
		d := dialer(b, remote.SSHOptions{})
		c, err := d.Dial(context.Background(), h.Target())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			if err := c.Run(context.Background(), remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func runTrue(d remote.Dialer, at remote.Target) error {
	c, err := d.Dial(context.Background(), at)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Run(context.Background(), remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}})
}

// BenchmarkLocal is what the script itself costs.
func BenchmarkLocal(b *testing.B) {
	c, err := remote.NewLocal(b.TempDir()).Dial(context.Background(), remote.Target{Name: "here"})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		if err := c.Run(context.Background(), remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}}); err != nil {
			b.Fatal(err)
		}
	}
}
