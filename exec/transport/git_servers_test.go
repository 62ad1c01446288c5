package transport_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

// A forge serves repositories by name over HTTP and counts what it sends.
type forge struct {
	url  string
	sent atomic.Int64
	old  atomic.Bool // it speaks the protocol in which a server decides whom it gives what by name
	dumb atomic.Bool // it serves nothing but files
	asks atomic.Bool // it wants a password

	t     *testing.T
	mu    sync.Mutex
	repos map[string]http.Handler
	files map[string]http.Handler
}

func newForge(t *testing.T) *forge {
	f := &forge{t: t, repos: map[string]http.Handler{}, files: map[string]http.Handler{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

// put serves a repository by name, which a nil origin takes away.
func (f *forge) put(name string, o *transporttest.Origin) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.repos, name)
	if o != nil {
		f.repos[name], f.files[name] = transporttest.GitHTTP(f.t, o.Dir), http.FileServer(http.Dir(o.Dir))
	}
	return f.url + "/" + name + "/.git"
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(r.URL.Path[1:], "/")
	f.mu.Lock()
	handler, files := f.repos[name], f.files[name]
	f.mu.Unlock()
	user, password, _ := r.BasicAuth()
	switch {
	case f.asks.Load() && (user != "host" || password != "secret"):
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	case handler == nil:
		http.NotFound(w, r)
		return
	case f.dumb.Load():
		handler = files
		r.URL.RawQuery = ""
	case f.old.Load():
		r.Header.Del("Git-Protocol")
	}
	http.StripPrefix("/"+name, handler).ServeHTTP(&counted{w, &f.sent}, r)
}

type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

// incompressible is text that no git makes small.
func incompressible(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + r.IntN(90))
	}
	return string(b)
}

const block = 100_000 // bytes that each release of a long history brings

// history makes releases v0 to v7, each with a large file of its own, and v8,
// which is v7 but for a small one.
func history(t *testing.T) (*transporttest.Origin, []transport.Release) {
	t.Helper()
	o := transporttest.NewOrigin(t)
	var all []transport.Release
	for i := range uint64(8) {
		all = append(all, o.Commit(fmt.Sprint("v", i), tree{"large": incompressible(i, block), "v": fmt.Sprint(i)}))
	}
	return o, append(all, o.Commit("v8", tree{"large": incompressible(7, block), "v": "8"}))
}

func arrived(t *testing.T, h *transporttest.Host, r transport.Release, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %s", r.ID, transporttest.Told(err))
	}
	if got := transporttest.Files(t, h.Path("releases", r.ID))["v"]; got != "-rw-r--r-- "+r.ID[1:] {
		t.Errorf("%s holds %q", r.ID, got)
	}
}

// TestGitMovesOnlyWhatIsNeeded: what a host fetches is a release and not its
// history, from a server that gives it all that it asks for and, as far as
// that goes, from others.
func TestGitMovesOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		serve  func(f *forge, o *transporttest.Origin)
		tag    bool
		blocks int64 // that may travel for v6
	}{
		{"a tag", func(*forge, *transporttest.Origin) {}, true, 1},
		{"a commit without a tag", func(*forge, *transporttest.Origin) {}, false, 1},
		{"a tag, of an old server", func(f *forge, _ *transporttest.Origin) { f.old.Store(true) }, true, 1},
		{"a server that gives no commit by its name", func(f *forge, o *transporttest.Origin) {
			f.old.Store(true)
			o.Git("config", "uploadpack.allowFilter", "true")
		}, false, 4}, // v8, v7, v6 and what was before it
		{"a server that leaves nothing out", func(f *forge, _ *transporttest.Origin) { f.old.Store(true) }, false, 8},
		{"a server of files", func(f *forge, o *transporttest.Origin) {
			f.dumb.Store(true)
			o.Git("update-server-info")
		}, true, 9},
		{"a server of files, without a tag", func(f *forge, o *transporttest.Origin) {
			f.dumb.Store(true)
			o.Git("update-server-info")
		}, false, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, all := history(t)
			f := newForge(t)
			repo := f.put("app", o)
			if !c.tag {
				for i := range all {
					o.Git("tag", "-d", all[i].Tag)
					all[i].Tag = ""
				}
			}
			c.serve(f, o)
			h, tr := transporttest.NewHost(t), kind(t, "git", nil, nil)
			err := h.Stage(tr, transport.Delivery{Repo: repo, Release: all[6]})
			arrived(t, h, all[6], err)
			first := f.sent.Swap(0)
			if limit := c.blocks*block + block/2; first < block*8/10 || first > limit {
				t.Errorf("%d bytes travelled for the first release, of %d that may", first, limit)
			}
			arrived(t, h, all[7], h.Stage(tr, transport.Delivery{Repo: repo, Release: all[7]}))
			f.sent.Store(0)
			arrived(t, h, all[8], h.Stage(tr, transport.Delivery{Repo: repo, Release: all[8]}))
			next := f.sent.Swap(0)
			t.Logf("the first release moved %d bytes, one with a small change %d", first, next)
			if next > block/5 && c.tag && !f.dumb.Load() {
				t.Errorf("%d bytes travelled for a small change", next)
			}
			// Back to one from before what the host knows.
			arrived(t, h, all[2], h.Stage(tr, transport.Delivery{Repo: repo, Release: all[2]}))
		})
	}
}

// gitDaemon serves what is below dir by git's own protocol.
func gitDaemon(t *testing.T, dir string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := osexec.Command("git", "daemon", "--listen=127.0.0.1", fmt.Sprintf("--port=%d", address.Port), "--base-path="+dir, "--export-all", "--informative-errors", dir)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	for range 200 {
		if c, err := net.Dial("tcp", address.String()); err == nil {
			c.Close()
			return "git://" + address.String()
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("git daemon does not answer")
	return ""
}

// configure writes the git configuration of a host's login.
func configure(t *testing.T, h *transporttest.Host, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.Home, ".gitconfig"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGitServers fetches from real servers by the host's own credentials, and
// sees what each of them has a host say where it refuses.
func TestGitServers(t *testing.T) {
	t.Parallel()
	o := transporttest.NewOrigin(t)
	v1, v2 := o.Commit("v1", tree{"v": "1"}), o.Commit("v2", tree{"v": "2"})
	tr := kind(t, "git", nil, nil)
	refused := func(t *testing.T, h *transporttest.Host, repo string, words ...string) {
		t.Helper()
		err := h.Stage(tr, transport.Delivery{Repo: repo, Release: v2})
		if err == nil {
			t.Fatal("it came all the same")
		}
		for _, w := range append(words, "what runs is untouched", "then apply again") {
			if !strings.Contains(transporttest.Told(err), w) {
				t.Errorf("it does not say %q: %s", w, transporttest.Told(err))
			}
		}
		h.NothingLeft()
	}
	both := func(t *testing.T, h *transporttest.Host, repo string) {
		t.Helper()
		for _, r := range []transport.Release{v1, v2} {
			arrived(t, h, r, h.Stage(tr, transport.Delivery{Repo: repo, Release: r}))
		}
	}

	t.Run("a URL of a path", func(t *testing.T) {
		t.Parallel()
		both(t, transporttest.NewHost(t), "file://"+strings.NewReplacer(" ", "%20").Replace(o.Dir))
		refused(t, transporttest.NewHost(t), "file:///nowhere", "There is no such repository")
	})
	t.Run("a git daemon", func(t *testing.T) {
		t.Parallel()
		url := gitDaemon(t, o.Dir)
		both(t, transporttest.NewHost(t), url+"/.git")
		refused(t, transporttest.NewHost(t), url+"/gone.git", "There is no such repository")
	})
	t.Run("HTTP with a password", func(t *testing.T) {
		t.Parallel()
		f := newForge(t)
		repo := f.put("app", o)
		f.asks.Store(true)
		h := transporttest.NewHost(t)
		refused(t, h, repo, "It does not let", "credential helper")
		configure(t, h, "[credential]\n\thelper = \"!f() { echo username=host; echo password=secret; }; f\"\n")
		both(t, h, repo)
		f.put("app", nil)
		refused(t, withConfig(t, h), repo, "There is no such repository")
	})
	t.Run("sshd", func(t *testing.T) {
		t.Parallel()
		sshd := remotetest.SSHD(t)
		repo := fmt.Sprintf("ssh://%s@%s:%d%s/.git", sshd.User, sshd.Address, sshd.Port, strings.ReplaceAll(o.Dir, " ", "%20"))
		h := transporttest.NewHost(t)
		none := filepath.Join(h.Home, "none")
		// What ssh is started with shows that no agent is there.
		program := filepath.Join(h.Home, "ssh")
		script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"${SSH_AUTH_SOCK-none}\" >>%s\nexec ssh -F /dev/null \"$@\"\n", remote.Quote(h.Home+"/agents"))
		if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		by := func(key, known string) {
			configure(t, h, fmt.Sprintf("[core]\n\tsshCommand = %s -oIdentitiesOnly=yes -i %s -oUserKnownHostsFile=%s\n", program, key, known))
		}
		by(sshd.Identity, none)
		refused(t, h, repo, "does not know its SSH host key", "known_hosts")
		by(none, sshd.KnownHosts)
		refused(t, h, repo, "It does not let", "Permission denied", "one of its own in ~/.ssh")
		by(sshd.Identity, sshd.KnownHosts)
		refused(t, h, strings.TrimSuffix(repo, ".git")+"gone.git", "There is no such repository")

		step, _, _, err := tr.Step(t.Context(), transport.Delivery{Run: "run-1", Path: "my app", Repo: repo, Release: v1})
		if err != nil {
			t.Fatal(err)
		}
		step.Shell = "SSH_AUTH_SOCK=/the/agent; export SSH_AUTH_SOCK\n" + step.Shell
		arrived(t, h, v1, h.Run(step, nil, 0))
		both(t, h, repo)
		if said, err := os.ReadFile(h.Home + "/agents"); err != nil || strings.ReplaceAll(string(said), "none\n", "") != "" {
			t.Errorf("ssh was started with an agent: %q (%v)", said, err)
		}
	})
}

// withConfig is another host whose login has the git configuration of h.
func withConfig(t *testing.T, h *transporttest.Host) *transporttest.Host {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.Home, ".gitconfig"))
	if err != nil {
		t.Fatal(err)
	}
	other := transporttest.NewHost(t)
	configure(t, other, string(text))
	return other
}
