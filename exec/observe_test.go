package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
	"shipit/lang/diag"
)

// local is a Fleet whose every host is this machine, with a home directory.
func local(t *testing.T) (f *Fleet, home string) {
	t.Helper()
	home = t.TempDir()
	f = NewFleet(remote.NewLocal(home))
	t.Cleanup(f.Close)
	return f, home
}

// put writes files below home; "-> x" is a link, a path with a slash at its
// end is a directory.
func put(t *testing.T, home string, files map[string]string) {
	t.Helper()
	for path, text := range files {
		p := filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, p)
		} else if strings.HasSuffix(path, "/") {
			err = os.MkdirAll(p, 0o755)
		} else {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func ask(t *testing.T, f *Fleet, q Question) plan.HostFacts {
	t.Helper()
	q.Host, q.Target = "h", remote.Target{Name: "h"}
	h := Observe(t.Context(), f, []Question{q}, nil).Hosts[0]
	if h.Unreachable != "" {
		t.Fatalf("unreachable: %s", h.Unreachable)
	}
	return h
}

func TestEmptyHostIsObserved(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	h := ask(t, f, Question{Path: "srv/my app", Files: []FileQ{{Path: "conf"}}, Programs: []string{"sh", "no-such-program", "nope|sh", "nope|nada"}})
	if h.Live != "" || h.Odd != "" || h.Releases != nil || h.History != nil || h.Lock != nil || h.Denied != "" {
		t.Errorf("facts of an empty host: %+v", h)
	}
	if real, _ := filepath.EvalSymlinks(home); h.Path != real+"/srv/my app" {
		t.Errorf("path is %q", h.Path)
	}
	if diff := cmp.Diff([]string{"no-such-program", "nope or nada"}, h.Missing); diff != "" {
		t.Error(diff)
	}
	if h.FreeKiB <= 0 || h.UID != os.Getuid() || h.BootID == "" || h.Login == "" {
		t.Errorf("free %d KiB, uid %d, boot %q, login %q", h.FreeKiB, h.UID, h.BootID, h.Login)
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("observing wrote %v", left)
	}
}

func TestReleasesAndHistoryAreObserved(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	put(t, home, map[string]string{
		"app/releases/v1/f": "", "app/releases/v2/f": "", "app/releases/half/f": "",
		"app/releases/with space/f": "", "app/releases/$(touch pwned)/f": "",
		"app/.shipit/manifest/v1": "", "app/.shipit/manifest/v2": "", "app/.shipit/manifest/gone": "",
		"app/.shipit/manifest/with space": "", "app/.shipit/manifest/$(touch pwned)": "",
		"app/current":         "-> releases/v2",
		"app/.shipit/history": "12\trun-1\tgood\tv1\tann@desk\tv/1\tabc\nrubbish\n13\trun-2\tlive\tv2\tbob\tv/2\t\n",
	})
	h := ask(t, f, Question{Path: "app"})
	if diff := cmp.Diff([]string{"$(touch pwned)", "v1", "v2", "with space"}, h.Releases); diff != "" {
		t.Error(diff)
	}
	if h.Live != "v2" || h.Odd != "" {
		t.Errorf("live %q, odd %q", h.Live, h.Odd)
	}
	want := []plan.Record{
		{Time: 12, Run: "run-1", State: "good", Release: "v1", By: "ann@desk", Tag: "v/1", Commit: "abc"},
		{Time: 13, Run: "run-2", State: "live", Release: "v2", By: "bob", Tag: "v/2"},
	}
	if diff := cmp.Diff(want, h.History); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(home, "pwned")); err == nil {
		t.Error("a directory's name was run")
	}
}

func TestOddCurrentIsAFact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ link, odd string }{
		{"-> releases/gone", "which is not there"},
		{"-> /etc", "no release of shipit"},
		{"-> releases/../../etc", "no release of shipit"},
		{"-> releases/..", "no release of shipit"},
		{"a file", "not a symbolic link"},
	} {
		f, home := local(t)
		put(t, home, map[string]string{"app/current": c.link, "app/releases/": ""})
		if h := ask(t, f, Question{Path: "app"}); h.Live != "" || !strings.Contains(h.Odd, c.odd) {
			t.Errorf("current %q: live %q, odd %q", c.link, h.Live, h.Odd)
		}
	}
}

func TestFilesAreObserved(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	known := "known already\n"
	put(t, home, map[string]string{
		"etc/conf": "a = 1\n\n", "etc/known": known, "etc/link": "-> conf", "etc/dir/": "",
		"etc/bin": "\x00\xff", "etc/big": strings.Repeat("x", 300<<10),
		"etc/odd 'name' $(x)": "odd\n",
	})
	if err := os.Chmod(filepath.Join(home, "etc/conf"), 0o640); err != nil {
		t.Fatal(err)
	}
	q := Question{Path: "app", Files: []FileQ{
		{Path: "etc/conf"},
		{Path: "etc/known", SHA256: digest(known)},
		{Path: "etc/link"},
		{Path: "etc/dir"},
		{Path: "etc/bin"},
		{Path: "etc/big"},
		{Path: "etc/odd 'name' $(x)"},
		{Path: "etc/none"},
		{Path: "no/dir/file"},
	}}
	h := ask(t, f, q)
	conf := h.Files["etc/conf"]
	if !conf.Exists || conf.Content != "a = 1\n\n" || conf.SHA256 != digest(conf.Content) || conf.Mode != "0640" || conf.Owner != h.Login || conf.Problem != "" {
		t.Errorf("etc/conf: %+v", conf)
	}
	if k := h.Files["etc/known"]; k.SHA256 != digest(known) || k.Content != "" {
		t.Errorf("a known content was sent again: %+v", k)
	}
	if k := h.Files["etc/link"]; !k.Exists || !strings.Contains(k.Problem, "symbolic link") {
		t.Errorf("link: %+v", k)
	}
	if k := h.Files["etc/dir"]; !strings.Contains(k.Problem, "no regular file") {
		t.Errorf("directory: %+v", k)
	}
	for _, p := range []string{"etc/bin", "etc/big"} {
		if k := h.Files[p]; !k.Big || k.Content != "" || len(k.SHA256) != 64 {
			t.Errorf("%s: %.100v", p, k)
		}
	}
	if k := h.Files["etc/odd 'name' $(x)"]; k.Content != "odd\n" {
		t.Errorf("odd name: %+v", k)
	}
	if k := h.Files["etc/none"]; k.Exists || k.Problem != "" {
		t.Errorf("absent: %+v", k)
	}
	if k := h.Files["no/dir/file"]; k.Exists || !strings.Contains(k.Problem, "the directory no/dir does not exist") {
		t.Errorf("no directory: %+v", k)
	}
}

func TestSavedFilesAreObservedForARollback(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	put(t, home, map[string]string{
		"app/.shipit/files/run-1/aa.meta":        "file " + digest("one\n") + " 640 ann staff\n/etc/a b",
		"app/.shipit/files/run-1/aa":             "one\n",
		"app/.shipit/files/run-2/aa.meta":        "absent - - - -\n/etc/a b",
		"app/.shipit/files/run-2/bb.meta":        "rubbish",
		"app/.shipit/files/run-2.before/aa.meta": "absent - - - -\n/etc/x",
	})
	want := map[string]map[string]plan.FileFact{
		"run-1": {"/etc/a b": {Exists: true, SHA256: digest("one\n"), Content: "one\n", Mode: "0640", Owner: "ann", Group: "staff"}},
		"run-2": {"/etc/a b": {}},
	}
	if diff := cmp.Diff(want, ask(t, f, Question{Path: "app", Saved: true}).Saved); diff != "" {
		t.Error(diff)
	}
}

func TestHolderOfTheLockIsObserved(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	put(t, home, map[string]string{
		"app/.shipit/lock/run": "run-9\n", "app/.shipit/lock/owner": "bob@desk\n", "app/.shipit/lock/since": "77\n", "app/.shipit/lock/reason": "\n",
	})
	want := &plan.Holder{Run: "run-9", Owner: "bob@desk", Since: 77}
	if diff := cmp.Diff(want, ask(t, f, Question{Path: "app"}).Lock); diff != "" {
		t.Error(diff)
	}
}

// A fleet where dials do what a test says.
type dialer func(ctx context.Context, t remote.Target) (remote.Conn, error)

func (d dialer) Dial(ctx context.Context, t remote.Target) (remote.Conn, error) { return d(ctx, t) }

func TestH11DeadHostIsAFactAndHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	f := NewFleet(dialer(func(ctx context.Context, tg remote.Target) (remote.Conn, error) {
		switch tg.Name {
		case "refused":
			return nil, &remote.DialError{Host: tg.Name, Kind: remote.Unreachable, Err: errors.New("connection refused"), Help: "is sshd there?"}
		case "silent":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return remote.NewLocal(home).Dial(ctx, tg)
	}))
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var heard []string
	all := make(chan plan.Facts, 1)
	var qs []Question
	for _, name := range []string{"silent", "refused", "good"} {
		qs = append(qs, Question{Host: name, Target: remote.Target{Name: name}, Path: "app"})
	}
	two := make(chan struct{})
	go func() {
		all <- Observe(ctx, f, qs, func(host string, _ plan.HostFacts) {
			mu.Lock()
			defer mu.Unlock()
			if heard = append(heard, host); len(heard) == 2 {
				close(two)
			}
		})
	}()
	select {
	case <-two: // both others have answered while one is silent
	case <-time.After(20 * time.Second):
		t.Fatal("a silent host holds the others back")
	}
	cancel()
	facts := <-all
	got := []string{}
	for _, h := range facts.Hosts {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s", h.Name, h.Unreachable, h.Problem, h.Help))
	}
	want := []string{"silent|interrupted before it answered|unreachable|", "refused|connection refused|unreachable|is sshd there?", "good|||"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFleetDialsAHostOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	dials := map[string]int{}
	home := t.TempDir()
	f := NewFleet(dialer(func(ctx context.Context, tg remote.Target) (remote.Conn, error) {
		mu.Lock()
		dials[tg.Name]++
		mu.Unlock()
		if tg.Name == "bad" {
			return nil, errors.New("no")
		}
		return remote.NewLocal(home).Dial(ctx, tg)
	}))
	var wg sync.WaitGroup
	for range 8 {
		for _, name := range []string{"good", "bad"} {
			wg.Go(func() {
				if _, err := f.Conn(t.Context(), remote.Target{Name: name}); (err != nil) != (name == "bad") {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	wg.Wait()
	if dials["good"] != 1 || dials["bad"] != 1 {
		t.Errorf("dials: %v", dials)
	}
	f.Close()
	f.Close()
	if _, err := f.Conn(t.Context(), remote.Target{Name: "other"}); err == nil {
		t.Error("a closed fleet dials")
	}
}

func TestTargetOfStaysInTheRepository(t *testing.T) {
	t.Parallel()
	h := lang.Host{Name: "h", Address: "192.0.2.1", Port: 22, SSH: lang.SSH{
		User: "deploy", KnownHosts: "../../etc/known", Identity: "ssh/key.pub", Jump: []string{"a@b:22"},
	}, Range: diag.Range{File: "services/web/web.hcl", Start: diag.Pos{Line: 3}}}
	want := remote.Target{
		Name: "h", Address: "192.0.2.1", Port: 22, User: "deploy", Jump: []string{"a@b:22"},
		KnownHosts: []string{"/repo/etc/known"}, Identity: "/repo/services/web/ssh/key.pub", At: "services/web/web.hcl:3",
	}
	if diff := cmp.Diff(want, TargetOfHost(h, "/repo/services/web", "services/web/web.hcl")); diff != "" {
		t.Error(diff)
	}
}
