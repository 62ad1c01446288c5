package lab

import (
	"os"
	osexec "os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestE2EHostOfRealSSHDIsOneToItsSession(t *testing.T) {
	t.Parallel()
	l := upSSHD(t)
	hostIsOneToItsSession(t, l)
}

func upSSHD(t *testing.T) *Lab {
	t.Helper()
	if _, err := findSSHD(); err != nil {
		t.Skip(err)
	}
	return up(t, Options{SSHD: true})
}

func TestE2EServiceServesWhatItReadWhenItStarted(t *testing.T) {
	t.Parallel()
	serviceServesWhatItReadWhenItStarted(t, upSSHD(t))
}

func TestE2EDownEndsSSHDAndItsConnections(t *testing.T) {
	t.Parallel()
	l := upSSHD(t)
	c := connect(t, l, l.Hosts[0])
	sshd := recorded(l.run("lab1.pid"))
	if !sshd.alive() {
		t.Fatal("sshd of lab1 is not recorded")
	}
	if len(children(sshd.pid)) == 0 {
		t.Fatal("sshd has no process for our connection")
	}
	if err := Down(l.Dir); err != nil {
		t.Fatal(err)
	}
	if sshd.alive() {
		t.Error("sshd outlives down")
	}
	if err := c.Wait(); err == nil {
		t.Error("the connection outlives down")
	}
}

func TestE2ENoSSHDOutlivesAKilledSupervisor(t *testing.T) {
	t.Parallel()
	if _, err := findSSHD(); err != nil {
		t.Skip(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := up(t, Options{SSHD: true, Executable: exe})
	sshd := recorded(l.run("lab2.pid"))
	if err := syscall.Kill(recorded(l.run("serve.pid")).pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !wait(10*time.Second, func() bool { return !sshd.alive() }) {
		t.Error("sshd lives on")
	}
	up(t, Options{Dir: l.Dir, Executable: exe})
	if _, out := sh(t, connect(t, l, l.Hosts[1]), "pwd"); out != l.Hosts[1].Root {
		t.Errorf("after up again the host is in %q", out)
	}
}

func TestE2EPeopleCanLookAroundWithSSH(t *testing.T) {
	t.Parallel()
	ssh, err := osexec.LookPath("ssh")
	if err != nil {
		t.Skip(err)
	}
	l := up(t, Options{})
	out, err := osexec.Command(ssh, "-o", "BatchMode=yes", "-F", l.SSHConfig, "lab2", "pwd; service hello status").CombinedOutput()
	want := l.Hosts[1].Root + "\nhello is stopped, in the pool\n"
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
}
