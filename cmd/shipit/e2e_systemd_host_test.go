package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"shipit/exec/systemdhost"
)

// systemdGroups counts the control groups of this process's hosts.
var systemdGroups atomic.Int32

// addSystemdHost starts a host whose first process is systemd; sshd is one of
// its units. The script more runs there before systemd does.
func (f *fleet) addSystemdHost(more string) *host {
	f.t.Helper()
	if err := systemdhost.Possible(); err != nil {
		f.t.Skip(err)
	}
	return f.addHost(hostOptions{
		current: "/srv/hello/current", pidfile: "/run/hello.pid", conf: "/etc/hello.conf",
		boot: func(h *host, sshd []string) *osexec.Cmd { return h.systemd(sshd, more) },
	})
}

// systemd is the command that becomes the host's first process.
func (h *host) systemd(sshd []string, more string) *osexec.Cmd {
	t := h.f.t
	t.Helper()
	server, err := filepath.EvalSymlinks(h.server)
	if err != nil {
		t.Fatal(err)
	}
	argv, env, err := systemdhost.Host{
		Name: h.name, Dir: filepath.Join(h.home, "boot"), More: "HOME=" + h.home + "\n" + more,
		Share: []string{h.f.dir, filepath.Dir(h.server), filepath.Dir(server)},
		Units: map[string]string{
			"ssh.service": "[Service]\nKillMode=process\nExecStart=" + strings.Join(sshd, " ") + "\nStandardError=append:" + h.log() + "\n",
		},
	}.Boot()
	if err != nil {
		t.Fatal(err)
	}
	group, err := systemdhost.NewGroup(fmt.Sprintf("shipit-e2e-%d-%d", os.Getpid(), systemdGroups.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eventually(t, "the control group of "+h.name+" is empty", group.Remove) })
	cmd := osexec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.SysProcAttr = env, &syscall.SysProcAttr{}
	dir, err := systemdhost.Into(group, cmd.SysProcAttr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return cmd
}

// inside runs a program on the host, as root and without SSH.
func (h *host) inside(argv ...string) string {
	h.f.t.Helper()
	return command(h.f.t, "/", []string{"PATH=" + binPath}, append([]string{
		"nsenter", "-t", fmt.Sprint(h.pid), "-m", "-p", "-u", "-i", "-C", "--",
	}, argv...)...)
}

// unit is what systemd says of a property of the service's unit.
func (h *host) unit(property string) string {
	h.f.t.Helper()
	return h.inside("systemctl", "show", "--value", "-p", property, "hello.service")
}
