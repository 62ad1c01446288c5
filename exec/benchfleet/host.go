//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"shipit/exec/systemdhost"
)

// A host's fixed data: its login, and where its service is.
const (
	login   = "deploy"
	appPath = "/srv/app"
	appPort = 8080
)

// host is the first process of a host's namespaces: it makes the root, waits
// for its network, and becomes sshd, which reaps what others leave behind, or
// systemd.
func host() error {
	name, root := os.Getenv("BENCHFLEET_NAME"), os.Getenv("BENCHFLEET_ROOT")
	systemd := os.Getenv("BENCHFLEET_SYSTEMD") != ""
	if err := syscall.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("%s: cannot set its name: %w", name, err)
	}
	if !systemd { // which makes it itself
		if err := makeRoot(name, root); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	// The bench closes its end when our interface is in place.
	if _, err := io.Copy(io.Discard, os.NewFile(3, "go")); err != nil {
		return fmt.Errorf("%s: cannot wait for the network: %w", name, err)
	}
	if err := ip("link set lo up", "addr add "+os.Getenv("BENCHFLEET_ADDRESS")+"/16 dev eth0", "link set eth0 up"); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if systemd {
		return fmt.Errorf("%s: %w", name, becomeSystemd(name, root))
	}
	if out, err := osexec.Command("service", "app", "start").CombinedOutput(); err != nil {
		return fmt.Errorf("%s: cannot start its service: %w: %s", name, err, out)
	}
	env := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	return syscall.Exec("/usr/sbin/sshd", []string{"/usr/sbin/sshd", "-D", "-E", "/var/log/sshd.log"}, env)
}

// units are what a host with systemd runs. The service may be restarted as
// often as the contestants like.
var units = map[string]string{
	"ssh.service": "[Service]\nExecStart=/usr/sbin/sshd -D -E /var/log/sshd.log\nKillMode=process\n",
	"app.service": "[Unit]\nConditionPathExists=" + appPath + "/current/VERSION\nStartLimitIntervalSec=0\n" +
		"[Service]\nEnvironment=" + roleVar + "=app\nExecStart=/opt/app/app\n",
}

// becomeSystemd only returns where it cannot.
func becomeSystemd(name, dir string) error {
	common := os.Getenv("BENCHFLEET_COMMON")
	argv, env, err := systemdhost.Host{
		Name: name, Dir: dir, Units: units, Copy: []string{filepath.Join(common, "root"), filepath.Join(common, "keys", name)},
	}.Boot()
	if err != nil {
		return err
	}
	unshare, err := osexec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(unshare, argv, env)
}

// makeRoot mounts what a host sees: this machine's programs, read only, and
// everything else its own, in memory.
func makeRoot(name, root string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make its mounts its own: %w", err)
	}
	common := os.Getenv("BENCHFLEET_COMMON")
	if err := syscall.Mount("host", root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("cannot mount its root: %w", err)
	}
	for _, d := range []string{"usr", "proc", "dev", "tmp", "run/sshd", "var/log", "var/tmp", "srv", "root", "old"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	for _, d := range []string{"tmp", "var/tmp"} {
		if err := os.Chmod(filepath.Join(root, d), 0o1777); err != nil {
			return err
		}
	}
	for _, l := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		if to, err := os.Readlink("/" + l); err == nil {
			if err := os.Symlink(to, filepath.Join(root, l)); err != nil {
				return err
			}
		}
	}
	// cp keeps owners and modes, which sudo and sshd look at.
	for _, from := range []string{filepath.Join(common, "root"), filepath.Join(common, "keys", name)} {
		if out, err := osexec.Command("cp", "-a", from+"/.", root).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot copy its files: %w: %s", err, out)
		}
	}
	for _, m := range []struct {
		from, to, kind string
		flags          uintptr
	}{
		{"/usr", "usr", "", syscall.MS_BIND},
		{"", "usr", "", syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY},
		{"/dev", "dev", "", syscall.MS_BIND | syscall.MS_REC},
		{"proc", "proc", "proc", 0},
	} {
		if err := syscall.Mount(m.from, filepath.Join(root, m.to), m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("cannot mount /%s: %w", m.to, err)
		}
	}
	if err := syscall.PivotRoot(root, filepath.Join(root, "old")); err != nil {
		return fmt.Errorf("cannot change its root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Unmount("/old", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot leave the machine's root: %w", err)
	}
	return os.Remove("/old")
}

// ip runs commands of ip(8) in our network namespace.
func ip(commands ...string) error {
	cmd := osexec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot set up the network: %w: %s", err, out)
	}
	return nil
}
