package check_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/check"
	"shipit/exec/remote"
)

// odd serves answers word by word, as no library would give them.
func odd(t *testing.T, answers map[string]string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = c.Write([]byte(answers[r.URL.Path]))
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// trailed is an answer with a field behind its body.
const trailed = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\nd\r\n{\"up\": true}\n\r\n0\r\nX-Sum: b\r\n\r\n"

// What a host takes for headers and what for the body is the same in every
// shell, however the server writes its answer.
func TestAnswersOfOddServers(t *testing.T) {
	t.Parallel()
	ok := "HTTP/1.1 200 OK\r\n"
	answers := map[string]string{
		"/early":        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nup",
		"/plain":        "HTTP/1.0 200 OK\nX-A: b\n\nup\r\n\r\nX-B: no header\n",
		"/bare":         ok + "Content-Length: 0\r\n\r\n",
		"/nul":          ok + "\r\n\x00u\x00p",
		"/much":         ok + "X-A: b\r\n\r\nup" + strings.Repeat("x\n", 1<<20),
		"/large":        ok + "X-A: b\r\n\r\nup" + strings.Repeat("x\n", 300<<10),
		"/posing":       ok + "\r\ndown\ncurl=0",
		"/cut":          ok + "Content-Length: 100\r\n\r\nup",
		"/headers":      ok + strings.Repeat("X-B: "+strings.Repeat("c", 1000)+"\r\n", 50) + "\r\nup",
		"/words":        "HTTP/1.1 503\r\n\r\nHTTP/1.1 200 OK\r\n\r\nup",
		"/trailer":      trailed,
		"/bare-trailer": ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: b\r\n\r\n",
	}
	base := odd(t, answers)
	for path, c := range map[string]struct {
		attrs map[string]any
		want  string
	}{
		"/early":        {map[string]any{"contains": "up", "expect_headers": map[string]any{"X-A": "b"}}, ""},
		"/plain":        {map[string]any{"contains": "up\r\n\r\nX-B: no header\n", "expect_headers": map[string]any{"x-a": "b"}}, ""},
		"/bare":         {map[string]any{"contains": "up"}, "status 200, but the body does not contain up"},
		"/nul":          {map[string]any{"contains": "up"}, ""},
		"/much":         {map[string]any{"matches": "^upx$"}, ""},
		"/large":        {map[string]any{"contains": "x\nx\n", "expect_headers": map[string]any{"x-a": "b"}}, ""},
		"/posing":       {map[string]any{"contains": "up"}, "status 200, but the body does not contain up"},
		"/cut":          {map[string]any{"contains": "up"}, "transfer closed"},
		"/headers":      {map[string]any{"contains": "up"}, "the answer has no end of its headers"},
		"/words":        {map[string]any{"contains": "up"}, "status 503, wanted 200"},
		"/trailer":      {map[string]any{"contains": "true}", "json": map[string]any{".up": "true"}}, ""},
		"/bare-trailer": {map[string]any{"contains": "X-Sum"}, "status 200, but the body does not contain X-Sum"},
	} {
		c.attrs["url"] = base + path
		s, err := check.Host(question("http", c.attrs), check.Place{Dir: "kept", Run: "run-1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, sh := range []string{"dash", "bash --posix", "busybox sh"} {
			t.Run(sh+path, func(t *testing.T) {
				t.Parallel()
				if _, err := exec.LookPath(strings.Fields(sh)[0]); err != nil {
					t.Skip(err)
				}
				conn, err := remote.NewLocalShell(t.TempDir(), sh).Dial(t.Context(), remote.Target{Name: "h"})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				err = conn.Run(t.Context(), remote.Command{Steps: []remote.Step{{ID: "check", Shell: s.Shell()}}})
				var no *remote.StepError
				if errors.As(err, &no) {
					err = fmt.Errorf("%s", strings.Join(no.Output, "\n"))
				}
				judge(t, sh, err, c.want)
			})
		}
	}
}

// Whoever asks takes a field behind a body for no part of it, and for no header.
func TestATrailerIsNoPartOfTheBody(t *testing.T) {
	t.Parallel()
	url := odd(t, map[string]string{"/": trailed}) + "/"
	body := question("http", map[string]any{"url": url, "json": map[string]any{".up": "true"}})
	header := question("http", map[string]any{"url": url, "expect_headers": map[string]any{"X-Sum": "b"}})
	const none = "status 200, but there is no header X-Sum"
	judge(t, "deployer", fromDeployer(t, body), "")
	judge(t, "deployer", fromDeployer(t, header), none)
	path := t.TempDir()
	if busybox, err := exec.LookPath("busybox"); err == nil {
		if err := os.Symlink(busybox, filepath.Join(path, "wget")); err != nil {
			t.Fatal(err)
		}
	}
	for who, setup := range map[string]string{
		"curl":         "",
		"wget":         withoutCurl,
		"busybox wget": withoutCurl + "PATH=" + path + ":$PATH\n",
	} {
		if _, err := exec.LookPath(strings.Fields(who)[0]); err != nil {
			t.Logf("not by %s: %v", who, err)
			continue
		}
		judge(t, who, fromHost(t, body, setup), "")
		judge(t, who, fromHost(t, header, setup), none)
	}
}
