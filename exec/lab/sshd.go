package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// findSSHD is the machine's OpenSSH server. It insists on being started by
// its full path.
func findSSHD() (string, error) {
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if path, err := osexec.LookPath("sshd"); err == nil {
		return path, nil
	}
	return "", errors.New("cannot find sshd; install the OpenSSH server, or leave out --sshd")
}

// superviseSSHD runs an sshd for h until ctx ends, and again when it dies.
func (l *Lab) superviseSSHD(ctx context.Context, h Host) error {
	exe, err := findSSHD()
	if err != nil {
		return err
	}
	if os.Getuid() == 0 {
		// The privilege separation directory; a boot script makes it where
		// sshd runs as a service.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return fmt.Errorf("cannot start sshd: %w", err)
		}
	}
	// A killed background process may have left one on our port.
	if err := endSSHD(recorded(l.run(h.Name + ".pid"))); err != nil {
		return err
	}
	conf, err := l.configureSSHD(ctx, exe, h)
	if err != nil {
		return err
	}
	for {
		began := time.Now()
		err := l.runSSHD(ctx, h, exe, conf)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Since(began) < time.Second {
			return fmt.Errorf("sshd of %s ends at once: %w%s", h.Name, err, l.tail(h))
		}
	}
}

// runSSHD runs sshd once.
func (l *Lab) runSSHD(ctx context.Context, h Host, exe, conf string) error {
	log, err := os.OpenFile(l.run(h.Name+".sshd.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write sshd's log: %w", err)
	}
	defer log.Close()
	// Should we be killed, the kernel ends sshd: when the thread that
	// started it is gone, so that thread stays ours until the end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := osexec.CommandContext(ctx, exe, "-D", "-e", "-f", conf)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return endSSHD(named(cmd.Process.Pid)) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start sshd: %w", err)
	}
	if err := named(cmd.Process.Pid).record(l.run(h.Name + ".pid")); err != nil {
		return errors.Join(err, cmd.Cancel(), cmd.Wait())
	}
	return cmd.Wait()
}

// endSSHD ends an sshd and its connections, which it would leave alone.
func endSSHD(sshd process) error {
	if !sshd.alive() {
		return nil
	}
	connections := children(sshd.pid)
	err := sshd.end(5 * time.Second)
	for _, c := range connections {
		err = errors.Join(err, c.end(5*time.Second))
	}
	return err
}

// configureSSHD writes the configuration of h's sshd.
func (l *Lab) configureSSHD(ctx context.Context, exe string, h Host) (string, error) {
	path := l.run(h.Name + ".sshd_config")
	keys := strings.ReplaceAll(l.Dir, "%", "%%") + "/ssh/authorized_keys"
	lines := []string{
		fmt.Sprintf("Port %d", h.Port),
		"ListenAddress " + h.Address,
		"HostKey " + word(l.hostKey(h)),
		"PidFile none",
		"UsePAM no",
		"StrictModes no",
		"AuthorizedKeysFile " + word(keys),
		"AuthenticationMethods publickey",
		"PermitRootLogin prohibit-password",
		"PermitUserRC no",
		"PrintMotd no",
		"UseDNS no",
		"AllowUsers " + l.User,
		// One line: sshd heeds only the first.
		"SetEnv " + word("HOME="+h.Root) + " " + word("PATH="+h.path()),
		// Last, because older servers do not know it. Newer ones make a
		// client that fails wait, and here all clients are one.
		"PerSourcePenalties no",
	}
	for {
		if err := replace(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return "", err
		}
		said, err := osexec.CommandContext(ctx, exe, "-t", "-f", path).CombinedOutput()
		switch {
		case err == nil:
			return path, nil
		case bytes.Contains(said, []byte("PerSourcePenalties")):
			lines = lines[:len(lines)-1]
		default:
			return "", fmt.Errorf("sshd refuses the configuration of %s: %w: %s", h.Name, err, bytes.TrimSpace(said))
		}
	}
}

// word quotes an argument of sshd_config. Up refuses directories with the
// characters that cannot be quoted there.
func word(s string) string {
	return `"` + strings.ReplaceAll(s, `\`, `\\`) + `"`
}

// tail is the end of the log of h's sshd, for an error message.
func (l *Lab) tail(h Host) string {
	text, err := os.ReadFile(l.run(h.Name + ".sshd.log"))
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n" + strings.Join(lines[max(0, len(lines)-5):], "\n")
}
