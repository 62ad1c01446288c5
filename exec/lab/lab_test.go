package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
)

// ours is a variable of the deployer's environment.
const ours = "SHIPIT_LAB_TEST"

// TestMain lets the test program be the background process: `EXE lab serve DIR`.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "lab" && os.Args[2] == "serve" {
		if err := Serve(context.Background(), os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Setenv(ours, "secret")
	os.Exit(m.Run())
}

// odd is a name for a directory that wants to be quoted well.
const odd = `my 100% lab's $HOME\n ü`

// up is a lab that ends with the test.
func up(t *testing.T, o Options) *Lab {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), odd)
	}
	if o.Hosts == 0 {
		o.Hosts = 2
	}
	o.Log = t.Logf
	l, err := Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Down(l.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	return l
}

// connect logs in on h the way shipit does.
func connect(t *testing.T, l *Lab, h Host) *ssh.Client {
	t.Helper()
	key, err := readKey(l.Identity)
	if err != nil {
		t.Fatal(err)
	}
	host, err := readKey(l.hostKey(h))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ssh.Dial("tcp", h.addr(), &ssh.ClientConfig{
		User: l.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: ssh.FixedHostKey(host.PublicKey()), Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sh runs a script on c by shipit's own exec request and returns its exit
// status and output.
func sh(t *testing.T, c *ssh.Client, script string) (int, string) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out bytes.Buffer
	s.Stdout = &out
	script = "exec 2>&1; cd || exit 96\n" + script
	s.Stdin = strings.NewReader(fmt.Sprintf("%d\n%s", len(script), script))
	err = s.Run(remote.Exec)
	var exit *ssh.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitStatus(), strings.TrimSpace(out.String())
	case err != nil:
		t.Fatalf("%v, after %q", err, out.String())
	}
	return 0, strings.TrimSpace(out.String())
}

// get asks h's service.
func get(t *testing.T, h Host, path string) (int, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	r, err := c.Get("http://" + h.httpAddr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// deploy is what a transport does, from inside the host.
func deploy(l *Lab, tag string) string {
	return fmt.Sprintf(`
		id=$(echo %[1]s | tr / -)
		mkdir -p srv/hello/releases/$id
		git --git-dir=%[2]s archive %[1]s | tar -xf - -C srv/hello/releases/$id
		ln -s releases/$id srv/hello/next
		mv -T srv/hello/next srv/hello/current
	`, tag, remote.Quote(l.Repo))
}

// dialFails tells whether nobody listens for h's service.
func dialFails(h Host) bool {
	c, err := net.Dial("tcp", h.httpAddr())
	if err == nil {
		c.Close()
	}
	return err != nil
}

func TestHostIsOneToItsSession(t *testing.T) {
	t.Parallel()
	l := up(t, Options{})
	hostIsOneToItsSession(t, l)
}

func hostIsOneToItsSession(t *testing.T, l *Lab) {
	for _, h := range l.Hosts {
		c := connect(t, l, h)
		_, out := sh(t, c, `printf "%s\n" "$HOME"; pwd; command -v service; id -un`)
		want := strings.Join([]string{h.Root, h.Root, h.Root + "/bin/service", l.User}, "\n")
		if d := cmp.Diff(want, out); d != "" {
			t.Errorf("%s: (-want +got)\n%s", h.Name, d)
		}
		if code, _ := sh(t, c, "exit 7"); code != 7 {
			t.Errorf("%s: exit status %d, want 7", h.Name, code)
		}
		if _, out := sh(t, c, "env"); strings.Contains(out, ours) {
			t.Errorf("%s sees the environment of the deployer:\n%s", h.Name, out)
		}
	}
}

func TestServiceServesWhatItReadWhenItStarted(t *testing.T) {
	t.Parallel()
	serviceServesWhatItReadWhenItStarted(t, up(t, Options{Hosts: 1}))
}

func serviceServesWhatItReadWhenItStarted(t *testing.T, l *Lab) {
	h := l.Hosts[0]
	c := connect(t, l, h)
	check := func(script string, wantCode int, wantOut string) {
		t.Helper()
		code, out := sh(t, c, script)
		if code != wantCode || !strings.Contains(out, wantOut) {
			t.Fatalf("%s: exit status %d, output %q; want %d, %q", script, code, out, wantCode, wantOut)
		}
	}
	serves := func(want state) {
		t.Helper()
		_, text := get(t, h, "/_info")
		var got state
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if got.Started.IsZero() {
			t.Error("the service does not say since when it runs")
		}
		got.Started, want.Host = time.Time{}, h.Name
		if d := cmp.Diff(want, got, cmp.AllowUnexported(state{})); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}

	check("service hello status", 3, "stopped, in the pool")
	check("service hello restart", 1, "no release is live")
	if !dialFails(h) {
		t.Fatal("the service answers before anything was deployed")
	}
	check(deploy(l, "release/2015-06-10/1"), 0, "")
	check("service hello restart", 0, "hello release/2015-06-10/1 on lab1")
	serves(state{Version: "release/2015-06-10/1", Start: 1, Healthy: true, Config: map[string]string{}})

	check(deploy(l, "release/2015-06-15/1")+"echo 'greeting = hi' >etc/hello.conf", 0, "")
	serves(state{Version: "release/2015-06-10/1", Start: 1, Healthy: true, Config: map[string]string{}})
	check("service hello reload", 0, "2015-06-10/1")
	serves(state{Version: "release/2015-06-10/1", Start: 1, Healthy: true, Config: map[string]string{"greeting": "hi"}})
	if code, _ := get(t, h, "/healthz"); code != 200 {
		t.Errorf("/healthz answers %d, want 200", code)
	}

	check("sudo -n -u root -- service hello restart", 0, "2015-06-15/1")
	serves(state{Version: "release/2015-06-15/1", Start: 2, Config: map[string]string{"greeting": "hi"}})
	if code, _ := get(t, h, "/healthz"); code != 500 {
		t.Errorf("/healthz of the broken release answers %d, want 500", code)
	}
	if _, text := get(t, h, "/"); !strings.Contains(text, "release/2015-06-15/1") || !strings.Contains(text, "hi\n") {
		t.Errorf("/ answers %q", text)
	}

	check("pool out; service hello status", 0, "out of the pool")
	check("pool in; service hello stop; service hello status", 3, "in the pool")
	if !dialFails(h) {
		t.Error("the service answers after it was stopped")
	}
	check("service hello fly", 2, "usage")
	check("service nginx restart", 1, "no such service")
	check("ls run", 0, "control") // and no reply that was left behind
	if _, out := sh(t, c, "ls run"); out != "control" {
		t.Errorf("run holds %q", out)
	}
}

func TestHostRunsTheStepsOfACommand(t *testing.T) {
	t.Parallel()
	l := up(t, Options{Hosts: 1})
	s, err := connect(t, l, l.Hosts[0]).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, err := s.StdinPipe() // open to the end: it is the dead-man's switch
	if err != nil {
		t.Fatal(err)
	}
	go io.WriteString(in, remote.Input(remote.Command{Steps: []remote.Step{
		{ID: "activate", Shell: deploy(l, "release/2015-06-12/1")},
		{ID: "drain", Shell: "run user 10 pool out"},
		{ID: "restart", Shell: "apart root 10 service hello restart"},
	}}, "n0nce"))
	out, err := s.Output(remote.Exec)
	if err != nil || !strings.Contains(string(out), "end restart 0") {
		t.Errorf("%v, after %q", err, out)
	}
	if _, text := get(t, l.Hosts[0], "/"); !strings.Contains(text, "release/2015-06-12/1") {
		t.Errorf("the service says %q", text)
	}
}

func TestUpAgainKeepsDataAndStartsWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: filepath.Join(t.TempDir(), odd), Hosts: 2, Executable: exe}
	l := up(t, o)
	h := l.Hosts[0]
	if code, out := sh(t, connect(t, l, h), deploy(l, "release/2015-06-10/1")+"service hello start"); code != 0 {
		t.Fatal(out)
	}
	edited := []byte("# edited\n")
	if err := os.WriteFile(l.Definition, edited, 0o644); err != nil {
		t.Fatal(err)
	}

	first := recorded(l.run("serve.pid"))
	up(t, o)
	if recorded(l.run("serve.pid")) != first {
		t.Fatal("up replaced a background process that ran")
	}
	if err := first.end(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if !dialFails(h) {
		t.Fatal("the service outlives the lab's process")
	}
	again := up(t, o)
	if d := cmp.Diff(l, again); d != "" {
		t.Errorf("up again changed the lab (-before +after)\n%s", d)
	}
	if text, _ := os.ReadFile(l.Definition); !bytes.Equal(text, edited) {
		t.Errorf("up again overwrote the definition: %q", text)
	}
	if _, text := get(t, h, "/"); !strings.Contains(text, "release/2015-06-10/1") {
		t.Errorf("after up again the service says %q", text)
	}

	serve := recorded(l.run("serve.pid"))
	if err := Down(l.Dir); err != nil {
		t.Fatal(err)
	}
	if serve.alive() {
		t.Error("the background process outlives down")
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory outlives down: %v", err)
	}
}

func TestUpTwiceAtOnceMakesOneLab(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: filepath.Join(t.TempDir(), "lab"), Hosts: 3, Executable: exe}
	other := make(chan error, 1)
	go func() {
		_, err := Up(t.Context(), o)
		other <- err
	}()
	up(t, o)
	if err := <-other; err != nil {
		t.Error(err)
	}
}

func TestServeEndsWhenItsDirectoryVanishes(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := up(t, Options{Executable: exe})
	serve := recorded(l.run("serve.pid"))
	if err := os.RemoveAll(l.Dir); err != nil {
		t.Fatal(err)
	}
	if !wait(10*time.Second, func() bool { return !serve.alive() }) {
		t.Error("the background process lives on")
	}
}

func TestTwoLabsSideBySide(t *testing.T) {
	t.Parallel()
	a, b := up(t, Options{}), up(t, Options{})
	ports := map[int]string{}
	for _, l := range []*Lab{a, b} {
		for _, h := range l.Hosts {
			for _, p := range []int{h.Port, h.HTTP} {
				if other := ports[p]; other != "" {
					t.Errorf("%s and %s share port %d", other, h.Root, p)
				}
				ports[p] = h.Root
			}
		}
	}
	if err := Down(a.Dir); err != nil {
		t.Fatal(err)
	}
	if _, out := sh(t, connect(t, b, b.Hosts[1]), "pwd"); out != b.Hosts[1].Root {
		t.Errorf("after the other lab's end a host of this one is in %q", out)
	}
}

func TestDownEndsRunningCommands(t *testing.T) {
	t.Parallel()
	l := up(t, Options{Hosts: 1})
	s, err := connect(t, l, l.Hosts[0]).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("sleep 600"); err != nil {
		t.Fatal(err)
	}
	if err := Down(l.Dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err == nil {
		t.Error("the command ended well")
	}
}

func TestUpSaysWhoTookThePort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := create(Options{Hosts: 1, Log: t.Logf}, dir)
	if err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp", l.Hosts[0].addr())
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Up(t.Context(), Options{Dir: dir, Executable: exe}); err == nil || !strings.Contains(err.Error(), "cannot be lab1") {
		t.Errorf("got %v", err)
	}
	if err := Down(dir); err != nil {
		t.Error(err)
	}
}
