//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"syscall"
	"time"

	"shipit/exec/systemdhost"
)

const (
	maxHosts        = 250
	deployerAddress = "10.99.0.1"
	switchAddress   = "10.99.0.254"
	deployerMAC     = "02:99:00:00:00:01"
)

// A fleet is the hosts, the switch that connects them, and the deployer's
// end of the cable. The switch is in our own network namespace.
type fleet struct {
	dir   string
	exe   string
	hosts []*member
	hold  *osexec.Cmd // keeps the deployer's network namespace
	relay *relay      // nil where the cable takes no time

	systemd bool // is the first process of each host
}

// A member is one host.
type member struct {
	name, address string
	cmd           *osexec.Cmd
	key           string // its line of known_hosts
}

// root is where the host's files are, as the bench sees them.
func (m *member) root() string { return fmt.Sprintf("/proc/%d/root", m.cmd.Process.Pid) }

// inside runs a command on the host, without SSH.
func (m *member) inside(argv ...string) error {
	argv = append([]string{"-t", fmt.Sprint(m.cmd.Process.Pid), "-m", "-p", "-n", "-u", "-i", "--"}, argv...)
	if out, err := osexec.Command("nsenter", argv...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v: %w: %s", m.name, argv[7:], err, out)
	}
	return nil
}

// newFleet starts n hosts and waits until each greets.
func newFleet(dir string, n int, systemd bool) (*fleet, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find myself: %w", err)
	}
	f := &fleet{dir: dir, exe: exe, systemd: systemd}
	for i := range n {
		f.hosts = append(f.hosts, &member{name: fmt.Sprintf("h%03d", i+1), address: fmt.Sprintf("10.99.1.%d", i+1)})
	}
	if err := f.writeFiles(); err != nil {
		return nil, err
	}
	if err := ip("link set lo up", "link add br0 type bridge", "addr add "+switchAddress+"/16 dev br0", "link set br0 up"); err != nil {
		return nil, err
	}
	f.hold = f.role("hold", syscall.CLONE_NEWNET)
	if err := f.hold.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the deployer's network: %w", err)
	}
	for i, m := range f.hosts {
		if err := f.start(i, m); err != nil {
			return nil, err
		}
	}
	for _, m := range f.hosts {
		if err := greets(m.address); err != nil {
			return nil, fmt.Errorf("%s does not come up: %w", m.name, err)
		}
	}
	return f, nil
}

// role is a process of this program with another role, in namespaces of its
// own, that ends with us.
func (f *fleet) role(role string, flags uintptr) *osexec.Cmd {
	cmd := osexec.Command(f.exe)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", roleVar + "=" + role}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	return cmd
}

func (f *fleet) start(i int, m *member) error {
	root := filepath.Join(f.dir, "root", m.name)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	wait, ready, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer wait.Close()
	defer ready.Close()
	m.cmd = f.role("host", syscall.CLONE_NEWNS|syscall.CLONE_NEWPID|syscall.CLONE_NEWNET|syscall.CLONE_NEWUTS|syscall.CLONE_NEWIPC)
	m.cmd.Env = append(m.cmd.Env, "BENCHFLEET_NAME="+m.name, "BENCHFLEET_ROOT="+root, "BENCHFLEET_ADDRESS="+m.address,
		"BENCHFLEET_COMMON="+filepath.Join(f.dir, "common"))
	m.cmd.ExtraFiles = []*os.File{wait}
	if f.systemd {
		group, err := systemdhost.GroupAt(os.Getenv("BENCHFLEET_GROUPS")).Sub(m.name)
		if err != nil {
			return err
		}
		dir, err := systemdhost.Into(group, m.cmd.SysProcAttr)
		if err != nil {
			return err
		}
		defer dir.Close()
		m.cmd.Env = append(m.cmd.Env, "BENCHFLEET_SYSTEMD=1")
	}
	if err := m.cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", m.name, err)
	}
	go func() { _ = m.cmd.Wait() }()
	port := fmt.Sprintf("v%d", i+1)
	return ip(fmt.Sprintf("link add %s type veth peer name eth0 netns %d", port, m.cmd.Process.Pid),
		"link set "+port+" master br0 up")
}

// greets waits for an SSH server's first line.
func greets(address string) error {
	var err error
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", net.JoinHostPort(address, "22"), time.Second); err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = bufio.NewReader(io.LimitReader(c, 256)).ReadString('\n')
		c.Close()
		if err == nil {
			return nil
		}
	}
	return err
}
