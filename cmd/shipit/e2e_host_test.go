package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	sshd     = "/usr/sbin/sshd"
	sshPort  = 2222
	httpPort = 8080
	binPath  = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// A host is one sshd with a home, programs and a service of its own.
type host struct {
	f    *fleet
	name string
	addr string
	port int    // that the deployer dials; 0 is sshPort
	home string // of its login, and the root of everything it has
	key  ssh.Signer
	o    hostOptions
	pid  int // of sshd, or of the host's first process

	server string // the program of its service
}

type hostOptions struct {
	config []string // lines of sshd_config that go first
	listen []string // further addresses
	// mounts is a script that makes the host's own file system, in a mount
	// namespace of its own; only for root.
	mounts string
	// boot, where sshd is not the host's first process, says what is: see
	// addSystemdHost.
	boot func(h *host, sshd []string) *osexec.Cmd
	bin  string // its programs besides its own; "" is binPath
	// conf, pidfile and current are where the service has them; default
	// below the home.
	conf, pidfile, current string
}

// addHost starts a host.
func (f *fleet) addHost(o hostOptions) *host {
	f.t.Helper()
	h := &host{f: f, name: fmt.Sprintf("h%d", len(f.hosts)+1), addr: newAddress(), o: o}
	h.home = f.path(h.name)
	for _, d := range []string{"bin", "etc/init.d", "run", "srv"} {
		if err := os.MkdirAll(filepath.Join(h.home, d), 0o755); err != nil {
			f.t.Fatal(err)
		}
	}
	h.key = f.newKey(f.path("keys/" + h.name))
	h.writeTools()
	f.hosts = append(f.hosts, h)
	h.startSSHD()
	return h
}

// writeTools puts the service and the programs of the host into place.
func (h *host) writeTools() {
	h.f.t.Helper()
	var err error
	if h.server, err = osexec.LookPath("hello-server"); err != nil {
		h.f.t.Fatal(err)
	}
	def := func(s *string, otherwise string) {
		if *s == "" {
			*s = filepath.Join(h.home, otherwise)
		}
	}
	def(&h.o.conf, "etc/hello.conf")
	def(&h.o.pidfile, "run/hello.pid")
	def(&h.o.current, "srv/hello/current")
	fill := strings.NewReplacer("@SERVER@", h.server, "@CURRENT@", h.o.current, "@CONF@", h.o.conf, "@PIDFILE@", h.o.pidfile,
		"@ADDR@", net.JoinHostPort(h.addr, strconv.Itoa(httpPort)), "@LOG@", filepath.Join(h.home, "run/hello.log"))
	tools := map[string]string{"hello.init": "etc/init.d/hello", "pool.sh": "bin/pool"}
	if h.o.mounts == "" && h.o.boot == nil { // else the machine's own, with an /etc of the host's own
		tools["service.sh"] = "bin/service"
		tools["sudo.sh"] = "bin/sudo"
	}
	for from, to := range tools {
		text, err := os.ReadFile(filepath.Join("testdata/e2e", from))
		if err != nil {
			h.f.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(h.home, to), []byte(fill.Replace(string(text))), 0o755); err != nil {
			h.f.t.Fatal(err)
		}
	}
}

// startSSHD starts the host's sshd, which ends with the test.
func (h *host) startSSHD() {
	t := h.f.t
	t.Helper()
	if os.Getuid() == 0 { // where its unprivileged half lives; a boot script makes it elsewhere
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := h.f.path(h.name + ".sshd_config")
	lines := append(h.o.config, // sshd heeds the first of each
		"Port "+strconv.Itoa(sshPort), "ListenAddress "+h.addr, "HostKey "+h.f.path("keys/"+h.name), "PidFile none",
		"UsePAM no", "StrictModes no", "AuthorizedKeysFile "+h.f.path("keys/authorized_keys"), "AuthenticationMethods publickey",
		"PermitRootLogin prohibit-password", "PrintMotd no", "UseDNS no", "LogLevel VERBOSE",
		fmt.Sprintf("SetEnv HOME=%s PATH=%s/bin:%s", h.home, h.home, cmp.Or(h.o.bin, binPath)))
	for _, a := range h.o.listen {
		lines = append(lines, "ListenAddress "+a)
	}
	h.f.write(h.name+".sshd_config", strings.Join(lines, "\n")+"\n")
	argv := []string{sshd, "-D", "-e", "-f", conf}
	if h.o.mounts != "" {
		argv = append([]string{"unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-euc", h.o.mounts + "\nexec \"$@\"", "sh"}, argv...)
	}
	log, err := os.Create(h.log())
	if err != nil {
		t.Fatal(err)
	}
	// Should this process be killed, the kernel ends sshd when the thread
	// that started it is gone; so the thread stays until sshd has ended.
	end, cmd := syscall.SIGTERM, osexec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.SysProcAttr = []string{"PATH=" + binPath}, &syscall.SysProcAttr{}
	if h.o.boot != nil { // with the first process of its namespace everything in it ends
		end, cmd = syscall.SIGKILL, h.o.boot(h, argv)
	}
	cmd.Dir, cmd.Stderr = "/", log
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Pdeathsig = true, end
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		defer log.Close()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	h.pid = cmd.Process.Pid
	t.Cleanup(func() {
		h.stopped()
		_ = cmd.Process.Signal(end)
		<-ended
		if t.Failed() {
			t.Logf("%s: sshd says:\n%s", h.name, h.sshdLog())
		}
	})
}

func (h *host) log() string { return h.f.path(h.name + ".sshd.log") }

// sshdLog is what sshd said, without what every login says.
func (h *host) sshdLog() string {
	text, _ := os.ReadFile(h.log())
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// logins counts who was let in.
func (h *host) logins() int {
	h.f.t.Helper()
	text, err := os.ReadFile(h.log())
	if err != nil {
		h.f.t.Fatal(err)
	}
	return strings.Count(string(text), "Accepted publickey")
}

// waitForBanner waits until sshd answers.
func (h *host) waitForBanner() {
	h.f.t.Helper()
	eventually(h.f.t, "sshd of "+h.name+" answers", func() error {
		c, err := net.Dial("tcp", net.JoinHostPort(h.addr, strconv.Itoa(sshPort)))
		if err != nil {
			return fmt.Errorf("%w: %s", err, h.sshdLog())
		}
		return c.Close()
	})
}

// known are the host's lines for known_hosts.
func (h *host) known() string {
	var b strings.Builder
	for _, a := range append([]string{h.addr}, h.o.listen...) {
		fmt.Fprintf(&b, "[%s]:%d %s", a, cmp.Or(h.port, sshPort), ssh.MarshalAuthorizedKey(h.key.PublicKey()))
	}
	return b.String()
}

// path is a file below the home, or, if absolute, of the host's own root.
func (h *host) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Join(fmt.Sprintf("/proc/%d/root", h.pid), name)
	}
	return filepath.Join(h.home, name)
}

// has reads a file; "" is none.
func (h *host) has(name string) string {
	h.f.t.Helper()
	text, err := os.ReadFile(h.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.f.t.Fatal(err)
	}
	return string(text)
}

// service asks the running service what it is; the error is that none answers.
func (h *host) service() (helloInfo, error) {
	var info helloInfo
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(fmt.Sprintf("http://%s:%d/_info", h.addr, httpPort))
	if err != nil {
		return info, err
	}
	defer r.Body.Close()
	return info, json.NewDecoder(r.Body).Decode(&info)
}

// runs insists on the release that runs and gives what the service says.
func (h *host) runs(tag string) helloInfo {
	h.f.t.Helper()
	info, err := h.service()
	if err != nil {
		h.f.t.Fatalf("nothing answers on %s: %v", h.name, err)
	}
	if info.Version != tag {
		h.f.t.Errorf("%s runs %s, want %s", h.name, info.Version, tag)
	}
	return info
}

// holdsNoLock insists that nobody holds the host.
func (h *host) holdsNoLock() {
	h.f.t.Helper()
	if run := h.has("srv/hello/.shipit/lock/run"); run != "" {
		h.f.t.Errorf("%s is still locked by %s", h.name, run)
	}
}

// processes are those of the host's logins: their HOME is its home.
func (h *host) processes() []int {
	var out []int
	want := []byte("HOME=" + h.home)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		env, err := os.ReadFile(d + "/environ")
		if err != nil {
			continue
		}
		for _, kv := range bytes.Split(env, []byte{0}) {
			if pid, err := strconv.Atoi(filepath.Base(d)); err == nil && bytes.Equal(kv, want) {
				out = append(out, pid)
			}
		}
	}
	return out
}

// stopped ends the service and insists that nothing else of the host's
// logins is left: what a run started has ended with it.
func (h *host) stopped() {
	t := h.f.t
	t.Helper()
	text, _ := os.ReadFile(h.path(h.o.pidfile))
	if h.o.boot != nil {
		text = nil // a number of its own namespace; its systemd ends the service
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	var left []int
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if left = h.processes(); len(left) == 0 {
			return
		}
	}
	for _, pid := range left {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		t.Errorf("%s: process %d outlives its run: %s", h.name, pid, bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// gone waits for a process to end.
func gone(t *testing.T, pid int) {
	t.Helper()
	eventually(t, fmt.Sprintf("process %d ends", pid), func() error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return nil
		}
		if i := bytes.LastIndexByte(text, ')'); i >= 0 && bytes.HasPrefix(text[i:], []byte(") Z")) {
			return nil
		}
		return errors.New("it runs")
	})
}
