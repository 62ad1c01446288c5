//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	osexec "os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"shipit/exec/systemdhost"
)

// outside starts the bench in namespaces of its own. When that first process
// of its process namespace ends, the kernel ends every other one in there,
// and with them go all hosts, networks and mounts.
func outside() error {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return errors.New("network and mount namespaces need root; run it as root, on a machine that is not in use")
	}
	if err := tools(o); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "benchfleet-")
	if err != nil {
		return fmt.Errorf("cannot make a directory: %w", err)
	}
	defer os.Remove(dir) // what was in it was in a mount of the bench's
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find myself: %w", err)
	}
	groups := ""
	if o.systemd {
		if err := systemdhost.Possible(); err != nil {
			return err
		}
		g, err := systemdhost.NewGroup(filepath.Base(dir))
		if err != nil {
			return err
		}
		defer func() { _ = g.Remove() }()
		groups = g.Path()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	runtime.LockOSThread() // Pdeathsig is of the thread
	cmd := osexec.Command(exe, os.Args[1:]...)
	cmd.Env = append(os.Environ(), roleVar+"=inside", "BENCHFLEET_DIR="+dir, "BENCHFLEET_GROUPS="+groups)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Setsid:     true, Pdeathsig: syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot make namespaces: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err = <-done:
	case s := <-signals:
		_ = cmd.Process.Kill()
		<-done
		err = fmt.Errorf("ended by a signal (%v); nothing is left", s)
	case <-time.After(24 * time.Hour):
		_ = cmd.Process.Kill()
		<-done
		err = errors.New("not over within a day")
	}
	var ended *osexec.ExitError
	if errors.As(err, &ended) {
		err = errSaid
	}
	return err
}

// errSaid is of a bench that has said why it failed.
var errSaid = errors.New("the bench failed")

// tools looks for what the fleet itself needs.
func tools(o options) error {
	var lacks []string
	for _, name := range []string{"/usr/sbin/sshd", "ssh-keygen", "ip", "git", "tar", "curl", "sudo", "service", "nsenter"} {
		if _, err := osexec.LookPath(name); err != nil {
			lacks = append(lacks, filepath.Base(name))
		}
	}
	for _, d := range o.rtts {
		if _, err := os.Stat("/dev/net/tun"); d > 0 && err != nil {
			lacks = append(lacks, "/dev/net/tun (for -rtt over 0)")
			break
		}
	}
	if _, err := os.Stat(o.shipit); err != nil {
		lacks = append(lacks, o.shipit+" (make build)")
	}
	if len(lacks) > 0 {
		return fmt.Errorf("this machine lacks %s; make bench-fleet-deps installs what Debian has", strings.Join(lacks, ", "))
	}
	return nil
}
