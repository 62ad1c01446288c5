package transport_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/transport"
)

// daemon serves dir by a real rsync daemon and returns its URL.
func daemon(t *testing.T, dir string) string {
	t.Helper()
	if _, err := exec.LookPath("rsync"); err != nil {
		t.Skip("rsync is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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
	cmd := exec.Command("rsync", "--daemon", "--no-detach", "--address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--config="+conf)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return "rsync://" + addr + "/app"
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the rsync daemon does not answer")
	return ""
}

// put writes a tree below dir, as a build server would: with modes of its own.
func put(t *testing.T, dir string, files tree) {
	t.Helper()
	for path, text := range files {
		p := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, p)
		} else {
			mode := os.FileMode(0o600)
			if strings.HasPrefix(text, "#!") {
				mode = 0o700
			}
			err = os.WriteFile(p, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func rsyncKind(t *testing.T, source string, src transport.Source) transport.Transport {
	t.Helper()
	tr, err := transport.New("rsync", map[string]any{"source": source, "shared": []any{"log"}}, src)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestRsyncBringsWhatPushSends(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "v1"), one)
	put(t, filepath.Join(dir, "v1"), tree{".git/config": "not a part of the release"})
	url := daemon(t, dir)
	src := newRepo(map[string]tree{"c1": one})
	h, pushed := newHost(t), newHost(t)
	h.mustStage(rsyncKind(t, url+"/v1", src), "c1", "")
	pushed.mustStage(push(t, src, "log"), "c1", "")
	if diff := cmp.Diff(files(t, pushed.path("releases", "v-c1")), files(t, h.path("releases", "v-c1"))); diff != "" {
		t.Errorf("push (-) and rsync (+) differ:\n%s", diff)
	}
	a, _ := os.ReadFile(pushed.path(".shipit/manifest/v-c1"))
	b, _ := os.ReadFile(h.path(".shipit/manifest/v-c1"))
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Error(diff)
	}
	h.nothingLeft()
}

func TestRsyncLinksWhatTheHostHas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := tree{"same": "same", "changed": "before", "a/gone": "gone"}
	second := tree{"same": "same", "changed": "behind", "a/new": "new"}
	put(t, filepath.Join(dir, "1"), first)
	put(t, filepath.Join(dir, "2"), second)
	// Size and time of what changed are the same: only contents decide.
	when := time.Unix(1700000000, 0)
	for _, p := range []string{"1/same", "1/changed", "2/changed"} {
		if err := os.Chtimes(filepath.Join(dir, p), when, when); err != nil {
			t.Fatal(err)
		}
	}
	url := daemon(t, dir)
	src := newRepo(map[string]tree{"c1": first, "c2": second})
	h := newHost(t)
	h.mustStage(rsyncKind(t, url+"/1/", src), "c1", "")
	h.mustStage(rsyncKind(t, url+"/2/", src), "c2", "c1")
	inode := func(elem ...string) uint64 {
		info, err := os.Stat(h.path(elem...))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	if inode("releases", "v-c1", "same") != inode("releases", "v-c2", "same") {
		t.Error("a file that did not change was copied")
	}
	if got, _ := os.ReadFile(h.path("releases", "v-c2", "changed")); string(got) != "behind" {
		t.Errorf("changed is %q", got)
	}
	if got, _ := os.ReadFile(h.path("releases", "v-c1", "changed")); string(got) != "before" {
		t.Errorf("the base's file became %q", got)
	}
}

func TestRsyncRefusesWhatIsNotTheCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "1"), tree{"f": "another", "more": "than the commit has"})
	url := daemon(t, dir)
	src := newRepo(map[string]tree{"c1": {"f": "one"}})
	for source, want := range map[string]string{
		url + "/1":                   "is not commit c1 of the release",
		url + "/none":                "rsync cannot fetch the release",
		"rsync://127.0.0.1:1/app/v1": "rsync cannot fetch the release",
	} {
		h := newHost(t)
		err := h.stage(rsyncKind(t, source, src), "c1", "")
		if err == nil || !strings.Contains(told(err), want) {
			t.Errorf("%s: the error does not say %q: %s", source, want, told(err))
		}
		h.nothingLeft()
		if left, _ := filepath.Glob(h.path("releases", "*")); len(left) > 0 {
			t.Errorf("releases appeared: %v", left)
		}
	}
}
