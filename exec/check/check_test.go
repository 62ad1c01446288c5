package check_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/check"
	"shipit/exec/remote"
	"shipit/lang"
)

func question(kind string, attrs map[string]any) lang.Check {
	return lang.Check{
		Spec:   lang.Spec{Kind: kind, Name: "x", Attrs: attrs},
		Within: lang.Duration(time.Second), Every: lang.Duration(200 * time.Millisecond), Timeout: lang.Duration(20 * time.Second),
	}
}

// late is a question that is given up after a second and not asked again.
func late(c lang.Check) lang.Check {
	c.Timeout, c.Every = lang.Duration(time.Second), lang.Duration(2*time.Second)
	return c
}

// clock is how a script tells the time.
var clock = regexp.MustCompile(`(?s)now\(\) \{.*?\n\}\n`)

// virtually has a script's time pass only while it sleeps, so that how much of
// it an attempt takes is not up to the machine. It begins 5,000 s after boot;
// sleeping is what the check does between two attempts, and calls later.
func virtually(every lang.Duration, shell string) string {
	return "[ -e clock ] || echo 500000 >clock\n" + fmt.Sprintf("sleep() { echo $(($(cat clock) + %d)) >clock; later; }\n", every.Std()/(10*time.Millisecond)) +
		clock.ReplaceAllLiteralString("later() { :; }\n"+shell, "now() { cat clock; }\n")
}

// fromHost asks as a host does; the error is the last line it said.
func fromHost(t *testing.T, c lang.Check, setup string) error {
	t.Helper()
	return fromHostBy(t, c, func(shell string) string { return virtually(c.Every, setup+shell) })
}

// fromHostBy is fromHost with another script.
func fromHostBy(t *testing.T, c lang.Check, change func(string) string) error {
	t.Helper()
	s, err := check.Host(c, check.Place{Dir: "kept", Run: "run-1"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := remote.NewLocal(t.TempDir()).Dial(t.Context(), remote.Target{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Run(t.Context(), remote.Command{Steps: []remote.Step{{ID: "check", Shell: change(s.Shell())}}})
	var no *remote.StepError
	if errors.As(err, &no) {
		return errors.New(strings.Join(no.Output, "\n"))
	}
	return err
}

// withoutCurl has a host's script find no curl.
const withoutCurl = `command() { case $2 in curl) return 1 ;; esac; builtin=1; type "$2" >/dev/null 2>&1; }` + "\n"

func fromDeployer(t *testing.T, c lang.Check) error {
	t.Helper()
	ask, err := check.Deployer(c, check.Where{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return check.Poll(t.Context(), c, ask)
}

// judge compares an error with what it must say; "" is no error.
func judge(t *testing.T, who string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", who, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want %q", who, err, want)
	}
}

func server(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			fmt.Fprint(w, "version release/2 \"quoted\"\nx")
		case "/old":
			fmt.Fprint(w, "version release/1")
		case "/busy":
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/header":
			if r.Header.Get("X-Token") != `a "b" \c` {
				w.WriteHeader(http.StatusForbidden)
			}
		case "/slow":
			select { // whoever asked gives up first
			case <-r.Context().Done():
			case <-time.After(time.Minute):
			}
		case "/json":
			w.Header().Add("X-Version", "release/1")
			w.Header().Add("x-version", " release/2 ")
			fmt.Fprint(w, `{"version": "release/2", "n": 1.0, "up": true, "items": [{}, {"a b": null}], "deep": {"x": "old", "x": "\u0072elease\/2"}}`, "\nready in 12 ms\x00\n")
		case "/good.json":
			fmt.Fprint(w, `{"version": "release/2", "n": 1.0, "up": true, "items": [{}, {"a b": null}], "deep": {"x": "old", "x": "\u0072elease\/2"}}`)
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	base := server(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/"
	l.Close()
	for name, c := range map[string]struct {
		attrs map[string]any
		want  string
	}{
		"ok":          {map[string]any{"url": base + "/ok"}, ""},
		"contains":    {map[string]any{"url": base + "/ok", "contains": `release/2 "quoted"`}, ""},
		"H15 old one": {map[string]any{"url": base + "/old", "contains": "release/2"}, "status 200, but the body does not contain release/2"},
		"busy":        {map[string]any{"url": base + "/busy"}, "status 503, wanted 200"},
		"not 404":     {map[string]any{"url": base + "/ok", "status": int64(404)}, "status 200, wanted 404"},
		"no content":  {map[string]any{"url": base + "/empty", "status": float64(204)}, ""},
		"redirect":    {map[string]any{"url": base + "/moved"}, "status 302, wanted 200"},
		"header":      {map[string]any{"url": base + "/header", "headers": map[string]any{"X-Token": `a "b" \c`}}, ""},
		"no header":   {map[string]any{"url": base + "/header"}, "status 403, wanted 200"},
		"class":       {map[string]any{"url": base + "/busy", "status": "5xx"}, ""},
		"list":        {map[string]any{"url": base + "/empty", "status": []any{float64(200), "204"}}, ""},
		"not in list": {map[string]any{"url": base + "/busy", "status": []any{int64(200), "3xx"}}, "status 503, wanted 200 or 3xx"},
		"body of 503": {map[string]any{"url": base + "/busy", "status": int64(503), "contains": "busy"}, ""},
		"matches":     {map[string]any{"url": base + "/json", "matches": `^ready in [0-9]{1,3} ms$`}, ""},
		"no match":    {map[string]any{"url": base + "/json", "matches": `^in`}, "status 200, but no line of the body matches ^in"},
		"answered":    {map[string]any{"url": base + "/json", "expect_headers": map[string]any{"X-VERSION": "release/2"}}, ""},
		"other value": {map[string]any{"url": base + "/json", "expect_headers": map[string]any{"X-Version": "release/3"}}, "status 200, but the header X-Version is release/1, release/2, wanted release/3"},
		"not there":   {map[string]any{"url": base + "/json", "expect_headers": map[string]any{"X-Other": "1"}}, "status 200, but there is no header X-Other"},
		"json": {map[string]any{"url": base + "/good.json", "json": map[string]any{
			".version": "release/2", ".n": "1.0", ".up": "true", `.items[1]."a b"`: "null", ".deep.x": "release/2",
		}}, ""},
		"json differs": {map[string]any{"url": base + "/good.json", "json": map[string]any{".deep.x": "release/3"}}, "status 200, but .deep.x is release/2, wanted release/3"},
		"json lacks":   {map[string]any{"url": base + "/good.json", "json": map[string]any{".items[2]": "x"}}, "status 200, but the body has no .items[2]"},
		"json object":  {map[string]any{"url": base + "/good.json", "json": map[string]any{".deep": "x"}}, "status 200, but .deep is an object"},
		"no json":      {map[string]any{"url": base + "/json", "json": map[string]any{".n": "1.0"}}, "status 200, but the body is not JSON"},
		"no name":      {map[string]any{"url": "http://no-such-name.invalid/"}, "unknown: "},
		"closed":       {map[string]any{"url": closed}, ""},
		"slow":         {map[string]any{"url": base + "/slow"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, host, deployer := question("http", c.attrs), c.want, c.want
			switch name {
			case "closed":
				host, deployer = "onnect", "connection refused"
			case "slow":
				q, host, deployer = late(q), "timed out", "no answer within 1s"
			}
			var wg sync.WaitGroup // they mostly wait
			defer wg.Wait()
			wg.Go(func() { judge(t, "host", fromHost(t, q, ""), host) })
			wg.Go(func() { judge(t, "deployer", fromDeployer(t, q), deployer) })
			if _, err := exec.LookPath("wget"); err == nil && c.attrs["headers"] == nil {
				// The same without curl.
				want := c.want
				if name == "closed" || name == "slow" {
					want = "no answer"
				}
				wg.Go(func() { judge(t, "wget", fromHost(t, q, withoutCurl), want) })
			}
		})
	}
}

func TestSecretsAreNotInAProcessList(t *testing.T) {
	t.Parallel()
	s, err := check.Host(question("http", map[string]any{"url": "http://x/?key=canary", "headers": map[string]any{"A": "canary"}}), check.Place{})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(s.Shell()) {
		if strings.Contains(line, "canary") && !strings.Contains(line, "url = ") && !strings.Contains(line, "header = ") {
			t.Errorf("not in curl's configuration: %s", line)
		}
	}
	if strings.Contains(s.Shell(), "wget") {
		t.Error("wget takes headers as arguments")
	}
}

func TestTCP(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(server(t))
	if err != nil {
		t.Fatal(err)
	}
	var port int64
	fmt.Sscan(u.Port(), &port)
	open := map[string]any{"address": "127.0.0.1", "port": port}
	closed := map[string]any{"address": "127.0.0.1", "port": int64(1)}
	judge(t, "host", fromHost(t, question("tcp", open), ""), "")
	judge(t, "deployer", fromDeployer(t, question("tcp", map[string]any{"port": port})), "")
	judge(t, "host", fromHost(t, question("tcp", closed), ""), "port 1 of 127.0.0.1 does not accept a connection")
	judge(t, "deployer", fromDeployer(t, question("tcp", closed)), "127.0.0.1:1 does not accept a connection: connection refused")
}

func TestCommand(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, c := range []struct {
		attrs map[string]any
		want  string
	}{
		{map[string]any{"run": []any{"test", "a b", "=", "a b"}}, ""},
		{map[string]any{"shell": "echo one; echo two >&2; exit 4"}, "two (exit status 4, wanted"},
		{map[string]any{"run": []any{"no-such-program-here"}}, "no-such-program-here"},
	} {
		wg.Go(func() { judge(t, "host", fromHost(t, question("command", c.attrs), ""), c.want) })
		wg.Go(func() { judge(t, "deployer", fromDeployer(t, question("command", c.attrs)), c.want) })
	}
	slow := late(question("command", map[string]any{"shell": "sleep 30 & wait"}))
	wg.Go(func() { judge(t, "host", fromHost(t, slow, ""), "no answer within 1s") })
	judge(t, "deployer", fromDeployer(t, slow), "no answer within 1s")
}

func TestSystemd(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	put := func(state ...string) string {
		dir, err := os.MkdirTemp(bin, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte("#!/bin/sh\necho \"ActiveState="+strings.Join(state, "\n")+"\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return "PATH=" + dir + ":$PATH\n"
	}
	c := question("systemd", map[string]any{"unit": "x.service"})
	judge(t, "active", fromHost(t, c, put("active")), "")
	judge(t, "activating", fromHost(t, c, put("activating")), "x.service is activating, wanted active")
	judge(t, "nothing", fromHost(t, c, put("")), "unknown: systemctl does not know the state of x.service")
	judge(t, "failed", fromHost(t, c, put("failed", "Result=exit-code")), "x.service is failed (exit-code), wanted active")
	log := "journalctl() { case $* in *_SYSTEMD_UNIT=x.eu.service) echo out of luck ;; esac; }; timeout() { shift 2; \"$@\"; }\n"
	judge(t, "a name without a suffix", fromHost(t, c, put("failed", "Id=x.eu.service")+log), "the last line that it logged: out of luck")
	since := func(ago float64) string {
		return fmt.Sprintf("ActiveEnterTimestampMonotonic=%d", int64((5000-ago)*1e6))
	}
	c.Within = lang.Duration(100 * time.Second)
	judge(t, "long active", fromHost(t, c, put("active", since(30), "NRestarts=3")), "")
	c.Within = lang.Duration(4 * time.Second)
	judge(t, "fresh", fromHost(t, c, put("active", since(0), "NRestarts=0")), "") // waits until it is a second old
	judge(t, "another clock", fromHost(t, c, put("active", since(-60), "NRestarts=3")), "")
	judge(t, "over and over", fromHost(t, c, put("active", "ActiveEnterTimestampMonotonic=$(cat clock)0000", "NRestarts=3")),
		"wanted 2.0 s; systemd has started it again by itself, NRestarts is 3")
	if _, err := check.Deployer(c, check.Where{}); err == nil {
		t.Error("a unit can be asked for from the deployer")
	}
}

func TestSuccessesMustBeInARow(t *testing.T) {
	t.Parallel()
	c := question("command", map[string]any{"shell": "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n; [ $((n % 2)) = 0 ] || { echo odd; exit 1; }"})
	c.Successes = 2
	if err := fromHost(t, c, ""); err == nil {
		t.Error("a check that flaps passed")
	}
	c = question("command", map[string]any{"shell": "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n; [ $n -ge 2 ] || { echo early; exit 1; }"})
	c.Successes, c.Within = 2, lang.Duration(20*time.Second)
	judge(t, "warm up", fromHostBy(t, c, func(shell string) string { return shell }), "") // by the host's own clock
}

func TestPollKeepsItsDeadlineAndTellsWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := lang.Check{Within: lang.Duration(10 * time.Second), Every: lang.Duration(time.Second), Timeout: lang.Duration(2 * time.Second), Successes: 2}
		var asked atomic.Int32
		began := time.Now()
		err := check.Poll(t.Context(), c, func(context.Context) error { asked.Add(1); return errors.New("no") })
		if err == nil || err.Error() != "no (asked 11 times in 10s)" || time.Since(began) > 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		n := 0
		err = check.Poll(t.Context(), c, func(context.Context) error {
			if n++; n < 4 && n != 2 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || n != 5 {
			t.Errorf("%v after %d attempts, want two in a row after the fifth", err, n)
		}
		err = check.Poll(t.Context(), c, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if err == nil || !strings.HasPrefix(err.Error(), "no answer within 2s") {
			t.Errorf("a question that hangs: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := check.Poll(ctx, c, func(context.Context) error { return errors.New("no") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end of ctx: %v", err)
		}
	})
}
