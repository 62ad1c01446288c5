package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// limit bounds every wait of these tests. It is only reached by failures.
const limit = 60 * time.Second

// A fleet is some hosts, each a real sshd, a repository and the machine of a
// deployer: its home, known_hosts, key and definition.
type fleet struct {
	t     *testing.T
	dir   string
	user  string
	key   ssh.Signer
	hosts []*host
	raced bool // shipit runs with the race detector
}

// newFleet starts hosts h1, h2 … It skips the test where there is no sshd.
func newFleet(t *testing.T, hosts int) *fleet {
	t.Helper()
	f := emptyFleet(t)
	for range hosts {
		f.addHost(hostOptions{})
	}
	f.ready()
	return f
}

// emptyFleet is a deployer without hosts.
func emptyFleet(t *testing.T) *fleet {
	t.Helper()
	if testing.Short() {
		t.Skip("end-to-end tests are not short")
	}
	if _, err := os.Stat(sshd); err != nil {
		t.Skipf("there is no OpenSSH server here (%s)", sshd)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	// sshd and others look at the modes of every directory above a key.
	dir := t.TempDir()
	f := &fleet{t: t, dir: dir, user: me.Username}
	for _, d := range []string{"home", "state", "cache", "def", "keys"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f.key = f.newKey(f.path("keys/login"))
	f.write("keys/authorized_keys", string(ssh.MarshalAuthorizedKey(f.key.PublicKey())))
	copyTree(t, releasesRepo(t), f.path("def/hello.git"))
	return f
}

// ready waits for all hosts and writes the known_hosts file.
func (f *fleet) ready() {
	f.t.Helper()
	var known strings.Builder
	for _, h := range f.hosts {
		h.waitForBanner()
		known.WriteString(h.known())
	}
	f.write("def/known_hosts", known.String())
}

func (f *fleet) path(rel string) string { return filepath.Join(f.dir, filepath.FromSlash(rel)) }

func (f *fleet) write(rel, text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(rel), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) read(rel string) string {
	f.t.Helper()
	text, err := os.ReadFile(f.path(rel))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// newKey makes a key and writes it to path.
func (f *fleet) newKey(path string) ssh.Signer {
	f.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "e2e")
	if err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		f.t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		f.t.Fatal(err)
	}
	return signer
}

// addresses counts the loopback addresses that were given away: each host has
// its own, and so the ports of real hosts.
var addresses atomic.Int32

func newAddress() string {
	n := int(addresses.Add(1))
	return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()%128, os.Getpid()/128%256, n)
}

// programs is the deployer's PATH.
func (f *fleet) programs() string {
	if f.raced {
		return racedPath
	}
	return os.Getenv("PATH")
}

// environ is the environment of the deployer.
func (f *fleet) environ() []string {
	return []string{
		"PATH=" + f.programs(), "HOME=" + f.path("home"), "USER=" + f.user,
		"XDG_STATE_HOME=" + f.path("state"), "XDG_CACHE_HOME=" + f.path("cache"),
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "NO_COLOR=1", "LC_ALL=C",
		"GORACE=atexit_sleep_ms=0",
	}
}

// A process is one shipit process.
type process struct {
	t    *testing.T
	cmd  *osexec.Cmd
	args []string
	out  *os.File // both outputs, in order
	done chan struct{}

	began time.Time
}

var outputs atomic.Int32

// start runs shipit in the definition's directory.
func (f *fleet) start(args ...string) *process {
	f.t.Helper()
	return f.startWith(nil, args...)
}

// startWith is start with more in the environment.
func (f *fleet) startWith(env []string, args ...string) *process {
	f.t.Helper()
	return f.startAs(nil, env, args...)
}

// startAs is startWith as another user of this machine; nil is this one.
func (f *fleet) startAs(who *syscall.Credential, env []string, args ...string) *process {
	f.t.Helper()
	exe := filepath.Join(filepath.SplitList(f.programs())[0], "shipit")
	out, err := os.Create(f.path(fmt.Sprintf("out-%d.txt", outputs.Add(1))))
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	r := &process{t: f.t, args: args, out: out, done: make(chan struct{}), began: time.Now(), cmd: osexec.CommandContext(ctx, exe, args...)}
	r.cmd.Dir, r.cmd.Env = f.path("def"), append(f.environ(), env...)
	r.cmd.Stdout, r.cmd.Stderr = out, out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if err := r.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		defer cancel()
		_ = r.cmd.Wait()
	}()
	f.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.done
		out.Close()
	})
	return r
}

// output is what the process said so far.
func (r *process) output() string {
	text, err := os.ReadFile(r.out.Name())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// wait waits for the end and gives the exit code; -1 is death by a signal.
func (r *process) wait() int {
	<-r.done
	return r.cmd.ProcessState.ExitCode()
}

// says waits until the process has said something, or has ended.
func (r *process) says(text string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("shipit %s says %q", r.args[0], text), func() error {
		if strings.Contains(r.output(), text) {
			return nil
		}
		select {
		case <-r.done:
			r.t.Fatalf("shipit %s ended with %d and did not say %q:\n%s", r.args[0], r.wait(), text, r.output())
		default:
		}
		return errors.New(r.output())
	})
}

// shipit runs a command to its end and wants an exit code. It gives what was
// said.
func (f *fleet) shipit(code int, args ...string) string {
	f.t.Helper()
	r := f.start(args...)
	return r.wants(code)
}

func (r *process) wants(code int) string {
	r.t.Helper()
	if got := r.wait(); got != code {
		r.t.Fatalf("shipit %s exited with %d, want %d:\n%s", strings.Join(r.args, " "), got, code, r.output())
	}
	if out := r.output(); strings.Contains(out, "DATA RACE") {
		r.t.Errorf("shipit %s:\n%s", strings.Join(r.args, " "), out)
	}
	r.t.Logf("%4d ms: shipit %s", time.Since(r.began).Milliseconds(), strings.Join(r.args, " "))
	return r.output()
}

// apply deploys a release of hello.hcl.
func (f *fleet) apply(code int, tag string, args ...string) string {
	f.t.Helper()
	return f.shipit(code, append([]string{"apply", "hello.hcl", "--release", tag, "--yes"}, args...)...)
}

// contains insists on texts in an output.
func contains(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("the output lacks %q:\n%s", text, out)
		}
	}
}

// eventually waits until try gives no error.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("not within %v: %s: %v", limit, what, err)
}

// command runs a program of this machine and gives what it says.
func command(t *testing.T, dir string, env []string, argv ...string) string {
	t.Helper()
	cmd := osexec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, out, errs.Bytes())
	}
	return strings.TrimSpace(string(out))
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
