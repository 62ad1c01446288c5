package journal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/journal/redistest"
)

// said collects what a mirror says.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// same fails the test unless the Redis holds exactly what the journal says.
func same(t *testing.T, r *journal.Redis, dir, run string, events int) {
	t.Helper()
	mine, err := os.ReadFile(filepath.Join(dir, run+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	there := t.TempDir()
	path, err := r.Bring(t.Context(), run, there)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != string(mine) {
		t.Errorf("of %d bytes, %d are there and they differ, %v", len(mine), len(got), err)
	}
	if n := strings.Count(string(got), "\n"); n != events+1 {
		t.Errorf("%d lines, not %d", n, events+1)
	}
}

// TestNoGapAndNoDuplicateWhateverRedisDoes writes a thousand events while the
// Redis is killed, forgets, is stopped and wakes up.
func TestNoGapAndNoDuplicateWhateverRedisDoes(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"a Redis that keeps":   {"--appendonly", "yes", "--appendfsync", "always"},
		"a Redis that forgets": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, args...)
			r, dir, words := openRedis(t, server.URL()), t.TempDir(), &said{}
			j := recordRun(t, dir, someRun, 100)
			m := r.Mirror(j.Path(), "anna@deploy1", words.say)
			for part := 1; part < 10; part++ {
				switch part % 3 {
				case 0:
					server.Kill()
				case 1:
					server.Signal(syscall.SIGSTOP)
				}
				add(t, j, someRun, part*100+1, part*100+100)
				time.Sleep(30 * time.Millisecond)
				switch part % 3 {
				case 0:
					server.Restart()
				case 1:
					server.Signal(syscall.SIGCONT)
				}
			}
			eventually(t, func() bool {
				list, err := r.List(t.Context())
				return err == nil && len(list) == 1 && list[0].Events == 1000
			})
			m.Close()
			same(t, r, dir, someRun, 1000)
			if text := words.all(); strings.Count(text, "cannot record") > 1 || strings.Contains(text, "not in Redis") {
				t.Errorf("it says:\n%s", text)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*.unsent-*")); len(left) > 0 {
				t.Errorf("left: %s", left)
			}
		})
	}
}

func TestARedisThatCannotIsToldOnceAndCaughtUpWith(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]struct {
		args []string
		url  func(s *redistest.Server) string
		act  func(s *redistest.Server)
		want string
		mend func(t *testing.T, s *redistest.Server)
	}{
		"it is down at the start": {
			act: (*redistest.Server).Kill, want: "connection refused",
			mend: func(_ *testing.T, s *redistest.Server) { s.Restart() },
		},
		"it is stopped": {
			act: func(s *redistest.Server) { s.Signal(syscall.SIGSTOP) }, want: "does not answer in time",
			mend: func(_ *testing.T, s *redistest.Server) { s.Signal(syscall.SIGCONT) },
		},
		"it has no memory left": {
			args: []string{"--maxmemory", "1", "--maxmemory-policy", "noeviction"}, want: "no memory left",
			mend: func(t *testing.T, s *redistest.Server) { admin(t, s, "config", "set", "maxmemory", "0") },
		},
		"it refuses the login": {
			args: []string{"--requirepass", "secret"}, want: "refuses our login",
			mend: func(t *testing.T, s *redistest.Server) { admin(t, s, "config", "set", "requirepass", "") },
		},
		"the password is wrong": {
			args: []string{"--requirepass", "secret"}, want: "refuses our login",
			url:  func(s *redistest.Server) string { return "redis://:guess@" + s.Addr + "?key=test" },
			mend: func(t *testing.T, s *redistest.Server) { admin(t, s, "config", "set", "requirepass", "guess") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, dir, words := redistest.Start(t, broken.args...), t.TempDir(), &said{}
			url := server.URL()
			if broken.url != nil {
				url = broken.url(server)
			}
			if broken.act != nil {
				broken.act(server)
			}
			r := openRedis(t, url)
			j := recordRun(t, dir, someRun, 0)
			m := r.Mirror(j.Path(), "anna@deploy1", words.say)
			began := time.Now()
			add(t, j, someRun, 1, 500)
			if took := time.Since(began); took > 20*time.Second { // a stopped Redis would take it for ever
				t.Errorf("the run waited: %s", took)
			}
			eventually(t, func() bool { return words.all() != "" })
			if !strings.Contains(words.all(), broken.want) {
				t.Errorf("it says nothing of %q:\n%s", broken.want, words.all())
			}
			m.Close()
			if strings.Count(words.all(), "cannot record the run") != 1 || !strings.Contains(words.all(), "the next command") || strings.Contains(words.all(), "guess") {
				t.Errorf("it says:\n%s", words.all())
			}
			j.Close()
			broken.mend(t, server)
			eventually(t, func() bool { return r.CatchUp(t.Context(), dir) == nil })
			same(t, r, dir, someRun, 500)
			if left, _ := filepath.Glob(filepath.Join(dir, "*.unsent-*")); len(left) > 0 {
				t.Errorf("left: %s", left)
			}
		})
	}
}

// admin talks to the server as its owner does.
func admin(t *testing.T, s *redistest.Server, command ...any) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr, Password: "secret"})
	defer c.Close()
	if err := c.Do(t.Context(), command...).Err(); err != nil {
		c := redis.NewClient(&redis.Options{Addr: s.Addr})
		defer c.Close()
		if err := c.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARunThatGoesOnElsewhereIsBroughtAndNotMixed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, here, there := openRedis(t, server.URL()), t.TempDir(), t.TempDir()
	j := recordRun(t, here, someRun, 10)
	r.Mirror(j.Path(), "anna@deploy1", silent(t)).Close()
	j.Close()

	path, err := r.Bring(t.Context(), someRun, there)
	if err != nil {
		t.Fatal(err)
	}
	j2, rec, err := journal.Open(path)
	if err != nil || len(rec.Events) != 10 {
		t.Fatal(rec, err)
	}
	m := r.Mirror(path, "ben@deploy2", silent(t))
	add(t, j2, someRun, 11, 20)
	m.Close()
	if _, err := r.Bring(t.Context(), someRun, there); err == nil || !strings.Contains(err.Error(), "still going on") {
		t.Errorf("a journal that is being written is brought: %v", err)
	}
	j2.Close()
	if _, err := r.Bring(t.Context(), someRun, here); err != nil {
		t.Fatal(err)
	}
	same(t, r, here, someRun, 20)

	// Somebody went on here without asking: nothing is mixed.
	if err := os.Remove(filepath.Join(here, someRun+".jsonl")); err != nil {
		t.Fatal(err)
	}
	odd := recordRun(t, here, someRun, 0)
	for i := int64(1); i <= 30; i++ {
		if err := odd.Append(event.Event{Seq: i, Run: someRun, Type: event.Note, Text: "something else"}); err != nil {
			t.Fatal(err)
		}
	}
	words := &said{}
	m = r.Mirror(odd.Path(), "anna@deploy1", words.say)
	eventually(t, func() bool { return words.all() != "" })
	m.Close()
	if !strings.Contains(words.all(), "another machine went on") {
		t.Errorf("it says %s", words.all())
	}
	same(t, r, there, someRun, 20)
	odd.Close()
	if _, err := r.Bring(t.Context(), someRun, here); err == nil || !strings.Contains(err.Error(), "differ") {
		t.Errorf("two stories of a run: %v", err)
	}
}

func TestWhatRedisHoldsIsCheckedBeforeItIsBelieved(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, dir := openRedis(t, server.URL()), t.TempDir()
	j := recordRun(t, dir, someRun, 10)
	r.Mirror(j.Path(), "anna@deploy1", silent(t)).Close()
	admin(t, server, "xdel", "test:run:"+someRun+":events", "5-0")
	for what, err := range map[string]error{
		"loaded":  func() error { _, err := r.Load(t.Context(), someRun); return err }(),
		"brought": func() error { _, err := r.Bring(t.Context(), someRun, t.TempDir()); return err }(),
		"read":    func() error { _, err := r.Events(t.Context(), someRun, 2); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), "event 6 where event 5 belongs") {
			t.Errorf("without event 5 it is %s: %v", what, err)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://127.0.0.1:1":                                 "redis://127.0.0.1:1 (key shipit)",
		"redis://anna:hush@127.0.0.1:1/2?key=team":            "redis://127.0.0.1:1/2 (key team)",
		"rediss://:hush@redis.example.org":                    "rediss://redis.example.org (key shipit)",
		"redis://:hush@s1:26379?master_name=m&addr=s2:26379":  "redis://s1:26379 (key shipit)",
		"http://127.0.0.1:1":                                  "",
		"redis://":                                            "",
		"redis://anna:hush@127.0.0.1:port":                    "",
		"redis://anna:hush@127.0.0.1/first":                   "",
		"redis://anna:hush@127.0.0.1?colour=red":              "",
		"rediss://anna:hush@127.0.0.1?ca=/dev/null":           "",
		"redis://anna:hush@s1:26379?master_name=m&colour=red": "",
	} {
		r, err := journal.OpenRedis(url, "")
		switch {
		case (err == nil) != (want != ""):
			t.Errorf("%s: %v", url, err)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: the password is in %q", url, err)
		case err == nil && r.String() != want:
			t.Errorf("%s: %s", url, r)
		}
		if r != nil {
			r.Close()
		}
	}
}

// TestTheExampleConsumerFollowsARun runs the program that docs/events.md names.
func TestTheExampleConsumerFollowsARun(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	server := redistest.Start(t)
	r, dir := openRedis(t, server.URL()), t.TempDir()
	j := recordRun(t, dir, someRun, 150)
	m := r.Mirror(j.Path(), "anna@deploy1", silent(t))
	defer m.Close()
	eventually(t, func() bool { list, err := r.List(t.Context()); return err == nil && len(list) == 1 })
	cmd := exec.CommandContext(t.Context(), python, "../../docs/examples/follow-redis.py", server.Addr, "test")
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	add(t, j, someRun, 151, 300)
	if err := j.Append(event.Event{Seq: 301, Run: someRun, Type: event.RunFinished, Outcome: event.Done, Text: "the run is over"}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 302 || !strings.Contains(lines[0], "of restbase to production by anna@deploy1") || !strings.HasPrefix(lines[200], "200 ") || !strings.HasSuffix(lines[301], "run.finished the run is over") {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

// TestAFailoverLeavesNoGap kills the master while a run writes: a Sentinel makes
// the replica one, which gets what it lacks.
func TestAFailoverLeavesNoGap(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	sentinel := server.Sentinel()
	r := openRedis(t, "redis://"+sentinel+"?master_name=m&key=test")
	eventually(t, func() bool { // it asks the master for its replicas now and then
		c := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
		defer c.Close()
		replicas, err := c.Replicas(t.Context(), "m").Result()
		return err == nil && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok"
	})
	dir, words := t.TempDir(), &said{}
	j := recordRun(t, dir, someRun, 300)
	m := r.Mirror(j.Path(), "anna@deploy1", words.say)
	eventually(t, func() bool {
		list, err := r.List(t.Context())
		return err == nil && len(list) == 1 && list[0].Events == 300
	})
	server.Kill()
	add(t, j, someRun, 301, 600)
	eventually(t, func() bool {
		list, err := r.List(t.Context())
		return err == nil && len(list) == 1 && list[0].Events == 600
	})
	m.Close()
	same(t, r, dir, someRun, 600)
	if text := words.all(); strings.Count(text, "cannot record") != 1 || strings.Contains(text, "not in Redis") {
		t.Errorf("it says:\n%s", text)
	}
}

func TestTLSWithACertificateOfOurOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate(t, dir)
	addr := redistest.FreePort(t)
	_, port, _ := net.SplitHostPort(addr)
	redistest.Start(
		t, "--tls-port", port, "--tls-cert-file", dir+"/cert", "--tls-key-file", dir+"/key", "--tls-ca-cert-file", dir+"/cert", "--tls-auth-clients", "no",
	)
	j := recordRun(t, dir, someRun, 20)
	r := openRedis(t, "rediss://"+addr+"?ca="+dir+"/cert")
	r.Mirror(j.Path(), "anna@deploy1", silent(t)).Close()
	same(t, r, dir, someRun, 20)
	stranger := openRedis(t, "rediss://"+addr)
	eventually(t, func() bool { // a busy machine may not get as far as the certificate in time
		_, err := stranger.List(t.Context())
		if err == nil {
			t.Fatal("a certificate that nobody vouches for is taken")
		}
		return strings.Contains(err.Error(), "certificate")
	})
}

// certificate writes one for 127.0.0.1, and its key.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
