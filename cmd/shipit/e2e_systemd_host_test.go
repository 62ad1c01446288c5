package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"shipit/exec/remote"
)

//go:embed testdata/e2e/systemd-boot.sh
var systemdBoot string

// systemdConf is what a host has in /etc/systemd: a journal in memory, and
// what is started.
var systemdConf = map[string]string{
	"journald.conf":      "[Journal]\nStorage=volatile\nAudit=\nReadKMsg=no\nForwardToWall=no\nRuntimeMaxUse=16M\n",
	"system.conf":        "[Manager]\nDefaultTimeoutStopSec=5s\n",
	"system/host.target": "[Unit]\nRequires=systemd-journald.service dbus.socket ssh.service\n",
	"system/ssh.service": "[Unit]\nAfter=dbus.socket\n[Service]\nExecStart=@SSHD@\nKillMode=process\nStandardError=append:@LOG@\n",
}

// ownGroup is where this process has its control group: in a hierarchy of
// version 2.
var ownGroup = sync.OnceValues(func() (string, error) {
	if os.Getuid() != 0 {
		return "", errors.New("only root can start a systemd")
	}
	for _, path := range []string{"/usr/lib/systemd/systemd", "/usr/bin/dbus-daemon"} {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s is not installed", path)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	mine, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 5 && f[3] == "/" && strings.Contains(line, " - cgroup2 ") {
			for group := range strings.Lines(string(mine)) {
				if path, ok := strings.CutPrefix(strings.TrimSpace(group), "0::"); ok {
					return filepath.Join(f[4], path), nil
				}
			}
		}
	}
	return "", errors.New("there are no control groups of version 2 here")
})

// canBoot tells why no host with a systemd of its own can be here.
var canBoot = sync.OnceValue(func() error {
	group, err := newGroup()
	if err != nil {
		return fmt.Errorf("no host can have a systemd of its own here: %w", err)
	}
	defer group.remove()
	cmd := osexec.Command("unshare", "--mount", "--cgroup", "--", "/bin/sh", "-euc",
		"mount --make-rprivate /; mount -t tmpfs tmpfs /srv; mkdir /srv/a /srv/b /srv/c; mount -t cgroup2 cgroup2 /srv/a; mount -t proc proc /srv/b; mount -t sysfs -o ro sysfs /srv/c")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		UseCgroupFD: true, CgroupFD: int(group.dir.Fd()),
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("no host can have a systemd of its own here: %w: %s", err, out)
	}
	return nil
})

// A group is a control group for the processes of one host.
type group struct {
	path string
	dir  *os.File
}

var groupCount atomic.Int32

func newGroup() (*group, error) {
	mine, err := ownGroup()
	if err != nil {
		return nil, err
	}
	g := &group{path: filepath.Join(mine, fmt.Sprintf("shipit-e2e-%d-%d", os.Getpid(), groupCount.Add(1)))}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return nil, err
	}
	if g.dir, err = os.Open(g.path); err != nil {
		_ = os.Remove(g.path)
		return nil, err
	}
	return g, nil
}

// remove takes the group away with those that a systemd has made below it.
func (g *group) remove() error {
	g.dir.Close()
	var dirs []string
	_ = filepath.WalkDir(g.path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	var err error
	for i := range dirs {
		err = os.Remove(dirs[len(dirs)-1-i])
	}
	return err
}

// addSystemdHost starts a host whose first process is systemd, with a
// journal, a bus and a root of its own; sshd is one of its units. The script
// more runs there before systemd does.
func (f *fleet) addSystemdHost(more string) *host {
	f.t.Helper()
	if err := canBoot(); err != nil {
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
	fill := strings.NewReplacer("@SSHD@", strings.Join(sshd, " "), "@LOG@", h.log())
	for name, text := range systemdConf {
		path := filepath.Join(h.home, "systemd", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(fill.Replace(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	group, err := newGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "the control group of "+h.name+" is empty", group.remove)
	})
	root := filepath.Join(h.home, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := filepath.EvalSymlinks(h.server)
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("NAME=%s ROOT=%s CONF=%s HOME=%s MORE=%s\n%s", h.name, remote.Quote(root), remote.Quote(filepath.Join(h.home, "systemd")),
		remote.Quote(h.home), remote.Quote(more), systemdBoot)
	cmd := osexec.Command("unshare", "--cgroup", "--", "/bin/sh", "-euc", script, "sh", h.f.dir, filepath.Dir(h.server), filepath.Dir(server))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		UseCgroupFD: true, CgroupFD: int(group.dir.Fd()),
	}
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
