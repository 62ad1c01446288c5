//go:build linux

// Package systemdhost starts hosts whose first process is systemd, on this
// machine, for tests and the bench: with a root in memory, /usr of this
// machine, a journal, a bus, and no units besides but those that it is told.
package systemdhost

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Namespaces are those that a host's first process must be started in,
// besides one of control groups, which it makes itself.
const Namespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

//go:embed boot.sh
var boot string

// A Host is what a host has.
type Host struct {
	Name  string
	Dir   string            // of its own, which is made: its root is there, as it sees it
	Units map[string]string // in /etc/systemd/system; all of them are started
	Copy  []string          // directories whose files go into its root; no blanks
	Share []string          // directories that it has in common with this machine
	More  string            // a script that runs in its root before systemd does
}

// Boot makes the directory and gives the command that a process in the
// Namespaces becomes, with its environment.
func (h Host) Boot() (argv, env []string, err error) {
	root, conf := filepath.Join(h.Dir, "root"), filepath.Join(h.Dir, "systemd")
	files := map[string]string{
		"journald.conf": "[Journal]\nStorage=volatile\nAudit=\nReadKMsg=no\nForwardToWall=no\nRuntimeMaxUse=16M\n",
		"system.conf":   "[Manager]\nDefaultTimeoutStopSec=5s\n",
	}
	names := slices.Sorted(maps.Keys(h.Units))
	files["system/host.target"] = "[Unit]\nRequires=systemd-journald.service dbus.socket\nWants=" + strings.Join(names, " ") + "\n"
	for _, name := range names {
		files["system/"+name] = h.Units[name]
	}
	for name, text := range files {
		path := filepath.Join(conf, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, nil, err
		}
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, nil, err
	}
	return append([]string{"unshare", "--cgroup", "--", "/bin/sh", "-euc", boot, "sh"}, h.Share...),
		[]string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"NAME=" + h.Name, "ROOT=" + root, "CONF=" + conf, "COPY=" + strings.Join(h.Copy, " "), "MORE=" + h.More,
		}, nil
}

// Into has a command start as the first process of namespaces, in a group.
// The caller closes the file when the command has started.
func Into(g *Group, attr *syscall.SysProcAttr) (*os.File, error) {
	dir, err := os.Open(g.path)
	if err != nil {
		return nil, err
	}
	attr.Cloneflags |= Namespaces
	attr.UseCgroupFD, attr.CgroupFD = true, int(dir.Fd())
	return dir, nil
}

// Possible tells why there can be no such host here.
var Possible = sync.OnceValue(func() error {
	if err := possible(); err != nil {
		return fmt.Errorf("no host can have a systemd of its own here: %w", err)
	}
	return nil
})

func possible() error {
	if os.Getuid() != 0 {
		return errors.New("that takes root")
	}
	for _, path := range []string{"/usr/lib/systemd/systemd", "/usr/bin/dbus-daemon"} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%s is not installed", path)
		}
	}
	g, err := NewGroup(fmt.Sprintf("shipit-try-%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer g.Remove()
	cmd := exec.Command("unshare", "--cgroup", "--", "/bin/sh", "-euc",
		"mount --make-rprivate /; mount -t tmpfs tmpfs /srv; mkdir /srv/a /srv/b /srv/c; mount -t cgroup2 cgroup2 /srv/a; mount -t proc proc /srv/b; mount -t sysfs -o ro sysfs /srv/c")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	dir, err := Into(g, cmd.SysProcAttr)
	if err != nil {
		return err
	}
	defer dir.Close()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
