package transporttest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shipit/exec/transport"
)

// A Kind is a kind of transport with what serves it.
type Kind struct {
	Name string
	// Serve offers trees by the name of their release.
	Serve func(t *testing.T, trees map[string]Tree) *Source

	EmptyDirs bool // they come along
	Links     bool // what a release on the host has already does not travel
	Resumes   bool // what came before the line was cut does not travel again
	ListsDirs bool // the manifest names empty directories

	// About is what is tested; 0 is everything.
	About int
	// Edit, if set, has the step use another program to fetch.
	Edit func(shell string) string
}

// Kinds are all of them. http is there once for each program that fetches.
func Kinds() []Kind {
	return []Kind{
		{Name: "git", Serve: serveGit},
		{Name: "push", Serve: servePush, Links: true},
		{Name: "push of a directory", Serve: servePushOf(asDirectory), EmptyDirs: true, Links: true, ListsDirs: true, About: arrival | changes},
		{Name: "push of an archive", Serve: servePushOf(asArchive), EmptyDirs: true, Links: true, ListsDirs: true, About: arrival},
		{Name: "push by relay", Serve: serveRelay, Links: true, About: arrival | fetching, Edit: strings.NewReplacer(
			`-- "$2" </dev/null`, `-- "$2" something </dev/null`, // the server in this process knows no login without a command
		).Replace},
		{Name: "http", Serve: serveHTTP, EmptyDirs: true, Resumes: true},
		{Name: "http by GNU wget", Serve: serveHTTP, EmptyDirs: true, Resumes: true, About: fetching | room, Edit: strings.NewReplacer("command -v curl", "command -v no-curl").Replace},
		{Name: "http by busybox wget", Serve: serveHTTP, EmptyDirs: true, Resumes: true, About: fetching | room, Edit: strings.NewReplacer(
			"command -v curl", "command -v no-curl", `timeout "$left" wget`, `timeout "$left" busybox wget`, "$(wget --version", "$(busybox wget --version",
		).Replace},
		{Name: "rsync", Serve: serveRsync, EmptyDirs: true, Links: true, Resumes: true},
	}
}

// A Source serves releases in the way of its kind.
type Source struct {
	Line *Line
	Edit func(shell string) string // of the kind
	// Delivery is how a release is brought.
	Delivery func(release string) (transport.Transport, transport.Delivery)
	// Gone takes a release away; nil where the deployer itself has it.
	Gone func(release string)
	// Spoil puts something else where the release was; nil as well.
	Spoil func(release string)

	// ready, if set, makes ready what a delivery to a host needs.
	ready func(h *Host, base string, d *transport.Delivery)
}

// Stage brings a release to a host that has base; "" is none.
func (s *Source) Stage(h *Host, release, base string, more ...func(*transport.Delivery)) error {
	h.tb.Helper()
	tr, d := s.Delivery(release)
	d.Path, d.Run = app, "run-1"
	if d.Within == 0 {
		d.Within = 20 * time.Second
	}
	if base != "" {
		_, b := s.Delivery(base)
		d.Base = b.Release
	}
	if s.ready != nil {
		s.ready(h, base, &d)
	}
	for _, m := range more {
		m(&d)
	}
	step, data, size, err := tr.Step(h.tb.Context(), d)
	if err != nil {
		h.tb.Fatal(err)
	}
	if s.Edit != nil {
		step.Shell = s.Edit(step.Shell)
	}
	if data != nil && s.Gone == nil { // it comes from the deployer
		data = lineReader{data, s.Line}
	}
	return h.Run(step, data, size)
}

// MustStage is Stage where nothing is in its way.
func (s *Source) MustStage(h *Host, release, base string) {
	h.tb.Helper()
	if err := s.Stage(h, release, base); err != nil {
		h.tb.Fatalf("%s from %q: %s", release, base, Told(err))
	}
}

func named(t testing.TB, kind string, spec map[string]any, src transport.Source) transport.Transport {
	t.Helper()
	spec["shared"] = []any{"log", "data/in"}
	tr, err := transport.New(kind, spec, src)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func serveGit(t *testing.T, trees map[string]Tree) *Source {
	o := NewOrigin(t)
	releases := map[string]transport.Release{}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		releases[name] = o.Commit(name, trees[name])
	}
	server := httptest.NewServer(GitHTTP(t, o.Dir))
	t.Cleanup(server.Close)
	line, address := newCable(t, server.Listener.Addr().String())
	tr := named(t, "git", map[string]any{}, nil)
	return &Source{
		Line: line,
		Delivery: func(r string) (transport.Transport, transport.Delivery) {
			return tr, transport.Delivery{Repo: "http://" + address + "/.git", Release: releases[r]}
		},
		Gone: func(r string) {
			o.Git("tag", "-d", r)
			o.Git("update-ref", "-d", "refs/heads/main")
			o.Git("reflog", "expire", "--expire=now", "--all")
			o.Git("prune", "--expire=now")
		},
		Spoil: func(r string) {
			if err := os.RemoveAll(filepath.Join(o.Dir, ".git")); err != nil {
				t.Fatal(err)
			}
			o.Git("init", "-q", "-b", "main")
			o.Commit(r, Tree{"another": "one"})
		},
	}
}

// GitHTTP serves the repositories below dir as a git server does.
func GitHTTP(t *testing.T, dir string) http.Handler {
	t.Helper()
	path, err := osexec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
}

// An artifacts is a server of files by path.
type artifacts struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (a *artifacts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	data, ok := a.files[r.URL.Path]
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (a *artifacts) set(path string, data []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[path] = data
	if data == nil {
		delete(a.files, path)
	}
}

func serveHTTP(t *testing.T, trees map[string]Tree) *Source {
	a := &artifacts{files: map[string][]byte{}}
	sums := map[string]string{}
	for name, tree := range trees {
		a.files["/"+name+".tar"] = Archive(t, tree)
		sums[name] = Digest(a.files["/"+name+".tar"])
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	line, address := newCable(t, server.Listener.Addr().String())
	return &Source{
		Line: line,
		Delivery: func(r string) (transport.Transport, transport.Delivery) {
			return named(t, "http", map[string]any{"url": "http://" + address + "/" + r + ".tar", "sha256": sums[r]}, nil),
				transport.Delivery{Release: transport.Release{ID: r, Tag: r, Commit: r}}
		},
		Gone:  func(r string) { a.set("/"+r+".tar", nil) },
		Spoil: func(r string) { a.set("/"+r+".tar", Archive(t, Tree{"another": "one"})) },
	}
}

// Archive packs a tree as a careless build does: with modes of its own.
func Archive(t testing.TB, tree Tree) []byte {
	t.Helper()
	return pack(t, tree, 0o7777)
}

// pack packs a tree with what a mask leaves of careless modes.
func pack(t testing.TB, tree Tree, mask int64) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		text := tree[name]
		h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o6660, Size: int64(len(text)), ModTime: time.Unix(1e9, 0)}
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			h.Typeflag, h.Mode, h.Size, text = tar.TypeDir, 0o3700, 0, ""
		case link:
			h.Typeflag, h.Linkname, h.Size, text = tar.TypeSymlink, target, 0, ""
		case strings.HasPrefix(text, "#!"):
			h.Mode = 0o4711
		}
		h.Mode &= mask
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func serveRsync(t *testing.T, trees map[string]Tree) *Source {
	dir := t.TempDir()
	for name, tree := range trees {
		tree.Put(t, filepath.Join(dir, name))
	}
	line, address := newCable(t, RsyncDaemon(t, dir))
	src := NewRepo(trees)
	return &Source{
		Line: line,
		Delivery: func(r string) (transport.Transport, transport.Delivery) {
			return named(t, "rsync", map[string]any{"source": "rsync://" + address + "/app/" + r}, src),
				transport.Delivery{Release: transport.Release{ID: r, Tag: r, Commit: r}}
		},
		Gone: func(r string) {
			if err := os.RemoveAll(filepath.Join(dir, r)); err != nil {
				t.Fatal(err)
			}
		},
		Spoil: func(r string) { Tree{"another": "one"}.Put(t, filepath.Join(dir, r)) },
	}
}

// RsyncDaemon serves dir as the module app by a real rsync daemon.
func RsyncDaemon(t *testing.T, dir string) (address string) {
	t.Helper()
	if _, err := osexec.LookPath("rsync"); err != nil {
		t.Skip("rsync is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	conf := filepath.Join(t.TempDir(), "rsyncd.conf")
	text := fmt.Sprintf("use chroot = no\nlog file = /dev/null\n[app]\npath = %s\n", dir)
	if os.Getuid() == 0 { // else it becomes nobody, who may not read this
		text = "uid = 0\ngid = 0\n" + text
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command("rsync", "--daemon", "--no-detach", "--address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--config="+conf)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the rsync daemon does not answer")
	return ""
}

// An Origin is a repository on disk.
type Origin struct {
	Dir string
	t   testing.TB
}

// NewOrigin makes an empty one.
func NewOrigin(t testing.TB) *Origin {
	t.Helper()
	o := &Origin{filepath.Join(t.TempDir(), "origin of 'it'"), t}
	if err := os.Mkdir(o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o.Git("init", "-q", "-b", "main")
	return o
}

// Git runs git in it and returns what it printed.
func (o *Origin) Git(args ...string) string {
	o.t.Helper()
	cmd := osexec.Command("git", append([]string{
		"-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always",
	}, args...)...)
	cmd.Dir = o.Dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit replaces the tree and tags it.
func (o *Origin) Commit(tag string, t Tree) transport.Release {
	o.t.Helper()
	o.Git("rm", "-rq", "--ignore-unmatch", ".")
	t.Without().Put(o.t, o.Dir)
	o.Git("add", "-A")
	o.Git("commit", "-q", "--allow-empty", "-m", "commit "+tag)
	o.Git("tag", "-a", "-m", tag, tag)
	return transport.Release{
		ID: strings.ReplaceAll(tag, "/", "-"), Tag: tag,
		Commit: o.Git("rev-parse", "HEAD"), Tree: o.Git("rev-parse", "HEAD^{tree}"),
	}
}
