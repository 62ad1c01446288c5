package remote_test

import (
	"context"
	"flag"
	osexec "os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
)

// Most tests wait for processes; more of them at once cost nothing.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		f.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0)))
	}
	m.Run()
}

func TestLocal(t *testing.T) {
	t.Parallel()
	remotetest.Run(t, func(t *testing.T) remote.Conn {
		t.Helper()
		c, err := remote.NewLocal(t.TempDir()).Dial(context.Background(), remote.Target{Name: "here"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	})
}

func TestSSH(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t)
	t.Run("contract", func(t *testing.T) { remotetest.Run(t, h.Dial) })
}

func TestSSHD(t *testing.T) {
	t.Parallel()
	h := remotetest.SSHD(t, "MaxStartups 100")
	t.Run("contract", func(t *testing.T) { remotetest.Run(t, h.Dial) })
}

// /bin/sh is another program on each system; the script must be the same to
// all of them.
func TestOtherShells(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"bash --posix", "dash", "busybox sh", "zsh --emulate sh", "mksh", "ksh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			if _, err := osexec.LookPath(strings.Fields(sh)[0]); err != nil {
				t.Skip(err)
			}
			remotetest.Run(t, func(t *testing.T) remote.Conn {
				t.Helper()
				c, err := remote.NewLocalShell(t.TempDir(), sh).Dial(context.Background(), remote.Target{Name: "here"})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			})
		})
	}
}
