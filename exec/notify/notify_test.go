package notify

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/lang"
)

var theRun = Run{Service: "hello", Env: "production", Release: "v1.2.0", Kind: "deploy", By: "ann@laptop"}

// events are those of a run that goes wrong and back.
var events = []event.Event{
	{Seq: 1, Run: "r1", Type: event.RunStarted, Text: "deploy started"},
	{Seq: 2, Run: "r1", Type: event.HostStarted, Host: "web1", Text: "switch web1"},
	{Seq: 3, Run: "r1", Type: event.RollingBack, Text: "1 host failed and max_failed is 0"},
	{Seq: 4, Run: "r1", Type: event.RunFinished, Outcome: event.RolledBack, Text: "the run is over"},
}

// troubles collects what could not be sent.
type troubles struct {
	mu    sync.Mutex
	texts []string
}

func (t *troubles) add(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.texts = append(t.texts, text)
}

// tellAll sends the events to one block and returns what could not be sent.
func tellAll(t *testing.T, kind string, attrs map[string]any, all ...event.Event) []string {
	t.Helper()
	if attrs["on"] == nil {
		attrs["on"] = []any{Start, Finish, Failure, Rollback}
	}
	var bad troubles
	n, err := New([]Block{{Spec: lang.Spec{Kind: kind, Attrs: attrs}, At: "hello.hcl:40"}}, theRun, nil, bad.add)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if err := n.Append(e); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n.Close(ctx)
	return bad.texts
}

func TestWebhookPostsTheMomentsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("s3cret"))
		mac.Write(body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get(Signature) != want {
			t.Errorf("the signature is %q, want %q", r.Header.Get(Signature), want)
		}
		var n Notice
		if err := json.Unmarshal(body, &n); err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprintf("%s %d %s: %s", n.Moment, n.Event.Seq, n.Service, n.Text))
	}))
	defer s.Close()
	bad := tellAll(t, "webhook", map[string]any{"url": s.URL, "secret_file": key, "on": []any{Failure, Rollback}}, events...)
	want := []string{
		"rollback 3 hello: deploy of hello in production to v1.2.0: 1 host failed and max_failed is 0 (run r1)",
		"failure 4 hello: deploy of hello in production to v1.2.0: rolled back (run r1)",
	}
	if diff := cmp.Diff(want, got); diff != "" || bad != nil {
		t.Errorf("%v\n%s", bad, diff)
	}
}

func TestWebhookSpeaksTheFormOfItsReceiver(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"slack":      `{"text":"deploy of hello in production to v1.2.0 started by ann@laptop (run r1)"}`,
		"mattermost": `{"text":"deploy of hello in production to v1.2.0 started by ann@laptop (run r1)"}`,
		"matrix":     `{"displayName":"shipit","format":"plain","text":"deploy of hello in production to v1.2.0 started by ann@laptop (run r1)"}`,
		"grafana":    `{"tags":["shipit","hello","production","start"],"text":"deploy of hello in production to v1.2.0 started by ann@laptop (run r1)","time":1700000000000}`,
	} {
		var got string
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = string(body)
		}))
		e := events[0]
		e.Time = time.Unix(1700000000, 0)
		bad := tellAll(t, "webhook", map[string]any{"url": s.URL, "format": format}, e)
		s.Close()
		if got != want || bad != nil {
			t.Errorf("%s: %s %v", format, got, bad)
		}
	}
}

func TestWebhookTriesAgainOnlyWhereThatMayHelp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answers []int
		asked   int
		trouble string
	}{
		{[]int{503, 200}, 2, ""},
		{[]int{404}, 1, `notify "webhook" (hello.hcl:40): the notice of the start was not sent: 404 Not Found was answered`},
		{[]int{302}, 1, `notify "webhook" (hello.hcl:40): the notice of the start was not sent: 302 Found was answered`},
		{[]int{500, 500, 500}, 3, `notify "webhook" (hello.hcl:40): the notice of the start was not sent: 500 Internal Server Error was answered`},
	} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.answers[asked])
			asked++
		}))
		bad := tellAll(t, "webhook", map[string]any{"url": s.URL}, events[0])
		s.Close()
		if got := strings.Join(bad, "\n"); asked != c.asked || got != c.trouble {
			t.Errorf("%v: asked %d times, %q", c.answers, asked, got)
		}
	}
}

func TestWebhookKeepsItsURLToItself(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("http://127.0.0.1:1/token-abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := tellAll(t, "webhook", map[string]any{"url_file": file}, events[0])
	if len(bad) != 1 || strings.Contains(bad[0], "token-abc") || !strings.Contains(bad[0], "connection refused") {
		t.Errorf("%q", bad)
	}
	bad = tellAll(t, "webhook", map[string]any{"url_file": file + "x"}, events[0])
	if len(bad) != 1 || !strings.Contains(bad[0], "no such file") {
		t.Errorf("%q", bad)
	}
}

func TestProgramGetsTheNoticeOnItsInput(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	bad := tellAll(t, "exec", map[string]any{"run": []any{"sh", "-c", `cat >>"$0"`, out}}, events...)
	data, err := os.ReadFile(out)
	if err != nil || bad != nil {
		t.Fatal(err, bad)
	}
	var moments []string
	for line := range strings.Lines(string(data)) {
		var n Notice
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Error(err)
		}
		moments = append(moments, n.Moment)
	}
	if diff := cmp.Diff([]string{Start, Rollback, Failure}, moments); diff != "" {
		t.Error(diff)
	}
	bad = tellAll(t, "exec", map[string]any{"run": []any{"sh", "-c", "echo no channel >&2; exit 3"}}, events[0])
	if want := `notify "exec" (hello.hcl:40): the notice of the start was not sent: sh: exit status 3 no channel`; len(bad) != 1 || bad[0] != want {
		t.Errorf("%q", bad)
	}
}

// TestNobodyWaitsForAReceiver: a queue that is full drops, and says so.
func TestNobodyWaitsForAReceiver(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	var bad troubles
	n, err := New([]Block{{Spec: lang.Spec{Kind: "webhook", Attrs: map[string]any{"url": s.URL, "on": []any{Start}}}, At: "hello.hcl:40"}}, theRun, nil, bad.add)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * queueLength {
		_ = n.Append(events[0])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no time is left
	n.Close(ctx)
	last := bad.texts[len(bad.texts)-1]
	if !strings.Contains(last, "notices were dropped, because earlier ones were not taken in time") {
		t.Errorf("%q", last)
	}
}

// serveLines is a server of one conversation: it answers lines and returns
// what it was told.
func serveLines(t *testing.T, hello string, answer func(line string) string) (addr string, heard func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lines := make(chan []string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var all []string
		defer func() { lines <- all }()
		fmt.Fprint(c, hello)
		in := bufio.NewScanner(c)
		for in.Scan() {
			all = append(all, in.Text())
			reply := answer(in.Text())
			fmt.Fprint(c, reply)
			if strings.HasPrefix(in.Text(), "QUIT") {
				return
			}
		}
	}()
	return l.Addr().String(), func() []string { return <-lines }
}

func TestIRCSaysItInTheChannel(t *testing.T) {
	t.Parallel()
	taken := true
	addr, heard := serveLines(t, ":srv NOTICE * :hello\r\n", func(line string) string {
		switch {
		case strings.HasPrefix(line, "NICK shipit") && taken:
			taken = false
			return ":srv 433 * shipit :Nickname is already in use\r\n"
		case strings.HasPrefix(line, "NICK"):
			return "PING :abc\r\n"
		case strings.HasPrefix(line, "PONG"):
			return ":srv 001 shipit_ :Welcome\r\n:srv 422 shipit_ :No MOTD\r\n"
		case strings.HasPrefix(line, "JOIN"):
			return ":shipit_!x JOIN #ops\r\n:srv 353 shipit_ = #ops :shipit_\r\n:srv 366 shipit_ #ops :End\r\n"
		}
		return ""
	})
	e := events[2]
	e.Text = "two\r\nlines \x1b[31m" + strings.Repeat("é", 400)
	bad := tellAll(t, "irc", map[string]any{"server": addr, "channel": "#ops", "nick": "shipit"}, e)
	got := heard()
	if bad != nil {
		t.Fatal(bad)
	}
	if len(got) != 7 {
		t.Fatalf("%q", got)
	}
	message := got[5]
	if !strings.HasPrefix(message, "PRIVMSG #ops :deploy of hello in production to v1.2.0: two") || len(message) > 510 ||
		strings.ContainsAny(message, "\r\n\x1b") || !strings.HasSuffix(message, "é…") {
		t.Errorf("%q (%d bytes)", message, len(message))
	}
}

func TestIRCSaysWhyItWasNotLetIn(t *testing.T) {
	t.Parallel()
	addr, _ := serveLines(t, "", func(line string) string {
		if strings.HasPrefix(line, "USER") {
			return ":srv 465 shipit :You are banned\r\n"
		}
		return ""
	})
	bad := tellAll(t, "irc", map[string]any{"server": addr, "channel": "#ops", "nick": "shipit"}, events[0])
	if len(bad) != 1 || !strings.Contains(bad[0], "cannot log in: :srv 465 shipit :You are banned") {
		t.Errorf("%q", bad)
	}
}

func TestEmailIsAMail(t *testing.T) {
	t.Parallel()
	data := false
	addr, heard := serveLines(t, "220 here\r\n", func(line string) string {
		switch {
		case line == ".":
			data = false
			return "250 taken\r\n"
		case data:
			return ""
		case line == "DATA":
			data = true
			return "354 go on\r\n"
		case strings.HasPrefix(line, "EHLO"):
			return "250 here\r\n"
		case line == "QUIT":
			return "221 bye\r\n"
		}
		return "250 ok\r\n"
	})
	e := events[2]
	e.Detail = []string{"status 503, wanted 200", strings.Repeat("ü", 200)}
	bad := tellAll(t, "email", map[string]any{"server": addr, "from": "shipit@example.org", "to": []any{"a@example.org", "b@example.org"}}, e)
	if bad != nil {
		t.Fatal(bad)
	}
	got := strings.Join(heard(), "\r\n")
	_, text, _ := strings.Cut(got, "DATA\r\n")
	text, _, _ = strings.Cut(text, "\r\n.\r\n")
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, got)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "[shipit] hello production: rollback" {
		t.Errorf("the subject is %q (%v)", subject, err)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if want := "deploy of hello in production to v1.2.0: 1 host failed and max_failed is 0 (run r1)\n\n  status 503, wanted 200\n  " + e.Detail[1]; string(body) != want || err != nil {
		t.Errorf("the mail says (%v):\n%s", err, body)
	}
	if strings.Count(got, "RCPT TO") != 2 {
		t.Error(got)
	}
}
