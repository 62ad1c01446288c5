package remote_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
)

// Most tests wait for processes; more of them at once cost nothing.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "sudo" {
		becomeRoot()
	}
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

// The program ssh logs in; all else is the same.
func TestOpenSSH(t *testing.T) {
	t.Parallel()
	h := remotetest.SSHD(t, "MaxStartups 100")
	d := dialer(t, remote.SSHOptions{})
	t.Run("contract", func(t *testing.T) {
		remotetest.Run(t, func(t *testing.T) remote.Conn {
			t.Helper()
			at := h.Target()
			at.Via = remote.OpenSSH
			c, err := d.Dial(context.Background(), at)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		})
	})
}

// /bin/sh is another program on each system; the script must be the same to
// all of them.
func TestOtherShells(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"bash --posix", "dash", "busybox sh", "zsh --emulate sh", "mksh", "ksh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			path, err := osexec.LookPath(strings.Fields(sh)[0])
			if err != nil {
				t.Skip(err)
			}
			if is, err := filepath.EvalSymlinks("/bin/sh"); err == nil && filepath.Base(is) == filepath.Base(path) {
				t.Skip("it is /bin/sh, as in the other tests")
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

// becomeRoot is a sudo for the test below: this program, with the set-user-id
// bit, under that name.
func becomeRoot() {
	err := syscall.Setuid(0)
	if i := slices.Index(os.Args, "--"); err == nil && i > 0 {
		var path string
		if path, err = osexec.LookPath(os.Args[i+1]); err == nil {
			err = syscall.Exec(path, os.Args[i+1:], os.Environ())
		}
	}
	fmt.Fprintln(os.Stderr, "sudo:", err)
	os.Exit(1)
}

// What sudo started belongs to somebody else and cannot be ended by the
// login; then nobody may claim that it is gone.
func TestWhatSudoStartedIsNotOursToEnd(t *testing.T) {
	t.Parallel()
	setpriv, err := osexec.LookPath("setpriv")
	if os.Getuid() != 0 || err != nil {
		t.Skip("needs root and setpriv")
	}
	dir, err := os.MkdirTemp("", "sudo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	sudo := filepath.Join(dir, "sudo")
	for _, err := range []error{
		os.Chmod(dir, 0o777), os.WriteFile(sudo, self, 0o755), os.Chmod(sudo, 0o755|os.ModeSetuid),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	nobody := setpriv + " --reuid=65534 --regid=65534 --clear-groups /bin/sh"
	c, err := remote.NewLocalShell(dir, nobody).Dial(context.Background(), remote.Target{Name: "here"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	do := func(ctx context.Context, shell string) error {
		return c.Run(ctx, remote.Command{Grace: 15 * time.Second, Steps: []remote.Step{{ID: "s", Shell: "PATH=" + dir + ":$PATH; " + shell}}})
	}
	if err := do(context.Background(), "[ $(run root 10 id -u) = 0 ]"); err != nil {
		t.Skipf("the set-user-id bit has no effect here: %v", err)
	}
	pid := func(name string) int {
		for range 1000 {
			b, _ := os.ReadFile(filepath.Join(dir, name))
			if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
				return n
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatal("the command did not start")
		return 0
	}
	done := make(chan error, 2)
	go func() { done <- do(context.Background(), "run root 1 sh -c 'echo $$ >"+dir+"/a; exec sleep 60'") }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { done <- do(ctx, "run root 60 sh -c 'echo $$ >"+dir+"/b; exec sleep 60'") }()
	for _, name := range []string{"a", "b"} {
		p := pid(name)
		defer syscall.Kill(p, syscall.SIGKILL)
	}
	cancel()
	for range 2 {
		if err := <-done; !errors.Is(err, remote.ErrUnknown) || !strings.Contains(err.Error(), "still running") {
			t.Errorf("error %v, want ErrUnknown that names what runs", err)
		}
	}
}
