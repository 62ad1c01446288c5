package remote_test

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

// countedHost is a host whose home has a line in the file sessions for each
// session that was opened, and a connection to it.
func countedHost(t *testing.T) (home string, conn remote.Conn) {
	t.Helper()
	home = t.TempDir()
	h := remotetest.Server(t, func(c *sshserver.Config) {
		c.Start = func(_, command string) *osexec.Cmd {
			cmd := osexec.Command("/bin/sh", "-c", `echo x >>sessions; exec /bin/sh -c "$1"`, "sh", command)
			cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
			return cmd
		}
	})
	return home, h.Dial(t)
}

// Looking, locking and all that follows take two sessions of a host, and only
// the first script of each has the prelude.
func TestShellsAreKept(t *testing.T) {
	t.Parallel()
	home, conn := countedHost(t)
	do := func(cmd remote.Command) {
		t.Helper()
		if err := conn.Run(t.Context(), cmd); err != nil {
			t.Error(err)
		}
	}
	step := []remote.Step{{ID: "s", Shell: "echo"}}
	do(remote.Command{Keep: true, Steps: step})
	in, held, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- conn.Run(t.Context(), remote.Command{Hold: until(in), Steps: []remote.Step{{ID: "s", Shell: "fact held yes; [ -z \"$(head -c 1 <&5)\" ]"}}, On: func(r remote.Record) {
			if r.Kind == remote.Fact {
				close(held)
			}
		}})
	}()
	<-held
	do(remote.Command{Keep: true, Steps: step})
	do(remote.Command{Keep: true, Steps: step})
	do(remote.Command{Steps: step})
	close(in)
	if err := <-done; err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(home, "sessions"))
	if n := strings.Count(string(text), "x"); err != nil || n != 2 {
		t.Errorf("%d sessions, want 2 (%v)", n, err)
	}
}

// Checks that are asked while the lock is taken have the second session, which
// was started before, whichever of the two commands begins first.
func TestACommandBesideTheLockHasTheSecondShell(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name           string
		looked, before bool // a look came first; the command begins before the lock
	}{{"after", true, false}, {"before", true, true}, {"saved plan", false, false}, {"saved plan, before", false, true}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			home, conn := countedHost(t)
			facts := func(c remote.Command, ch chan string) remote.Command {
				c.On = func(r remote.Record) {
					if r.Kind == remote.Fact {
						ch <- r.Text
					}
				}
				return c
			}
			pid := func(c remote.Command) string {
				ch := make(chan string, 1)
				c.Steps = []remote.Step{{ID: "s", Shell: "fact pid $$"}}
				if err := conn.Run(t.Context(), facts(c, ch)); err != nil {
					t.Error(err)
				}
				return <-ch
			}
			looked := ""
			if tc.looked {
				looked = pid(remote.Command{Keep: true, Two: true})
			}
			in, held, done := make(chan struct{}), make(chan string, 1), make(chan error, 1)
			lock := func() {
				done <- conn.Run(t.Context(), facts(remote.Command{Hold: until(in), Steps: []remote.Step{{ID: "s", Shell: "fact pid $$; [ -z \"$(head -c 1 <&5)\" ]"}}}, held))
			}
			beside := ""
			if tc.before {
				started, goOn, ended := make(chan string, 1), filepath.Join(home, "go"), make(chan error, 1)
				go func() {
					ended <- conn.Run(t.Context(), facts(remote.Command{Keep: true, Beside: true, Steps: []remote.Step{
						{ID: "s", Shell: "fact pid $$; until [ -e " + goOn + " ]; do sleep 0.02; done"},
					}}, started))
				}()
				beside = <-started
				go lock()
				locked := <-held
				held <- locked
				if err := os.WriteFile(goOn, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
			} else {
				go lock()
				locked := <-held
				held <- locked
				beside = pid(remote.Command{Keep: true, Beside: true})
			}
			if locked := <-held; tc.looked && locked != looked || beside == locked {
				t.Errorf("%s looked, %s locked, %s was beside", looked, locked, beside)
			}
			if next := pid(remote.Command{Keep: true}); next != beside {
				t.Errorf("%s was beside, and %s went on", beside, next)
			}
			close(in)
			if err := <-done; err != nil {
				t.Error(err)
			}
			conn.Close()
			text, err := os.ReadFile(filepath.Join(home, "sessions"))
			if n := strings.Count(string(text), "x"); err != nil || n != 2 {
				t.Errorf("%d sessions, want 2 (%v)", n, err)
			}
		})
	}
}

// until is input that has nothing and ends when it is closed.
type until chan struct{}

func (u until) Read([]byte) (int, error) { <-u; return 0, os.ErrClosed }

// Keeping works alike in every shell that a host may have as /bin/sh.
func TestShellsAreKeptBy(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"dash", "bash", "busybox sh", "ksh", "mksh", "zsh --emulate sh"} {
		program, rest, _ := strings.Cut(sh, " ")
		path, err := osexec.LookPath(program)
		if err != nil {
			continue
		}
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			remotetest.Keep(t, func(t *testing.T) remote.Conn {
				return remotetest.Server(t, func(c *sshserver.Config) {
					c.Start = func(_, command string) *osexec.Cmd {
						cmd := osexec.Command("/bin/sh", "-c", strings.Replace(command, "/bin/sh", path+" "+rest, 1))
						cmd.Dir = t.TempDir()
						return cmd
					}
				}).Dial(t)
			})
		})
	}
}
