package journal_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"shipit/exec/journal/redistest"
)

// slowly is the address of a server whose every answer comes late.
func slowly(t *testing.T, server string, late time.Duration) string {
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
			s, err := net.Dial("tcp", server)
			if err != nil {
				c.Close()
				continue
			}
			go func() { _, _ = io.Copy(s, c); s.Close() }()
			go func() {
				defer c.Close()
				for b := make([]byte, 32<<10); ; {
					n, err := s.Read(b)
					time.Sleep(late)
					if _, werr := c.Write(b[:n]); err != nil || werr != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestASlowRedisIsBehindAndNothingElse: the run is over long before a Redis
// that answers late has all of it, and nobody is bothered with that.
func TestASlowRedisIsBehindAndNothingElse(t *testing.T) {
	t.Parallel()
	server, dir, words := redistest.Start(t), t.TempDir(), &said{}
	r := openRedis(t, strings.Replace(server.URL(), server.Addr, slowly(t, server.Addr, 300*time.Millisecond), 1))
	j := recordRun(t, dir, someRun, 0)
	m := r.Mirror(j.Path(), "anna@deploy1", words.say)
	add(t, j, someRun, 1, 3)
	if list, err := openRedis(t, server.URL()).List(t.Context()); err != nil || len(list) > 0 && list[0].Events == 3 {
		t.Errorf("the Redis was no slower than the run: %+v, %v", list, err)
	}
	add(t, j, someRun, 4, 1500)
	eventually(t, func() bool {
		list, err := r.List(t.Context())
		return err == nil && len(list) == 1 && list[0].Events == 1500
	})
	m.Close()
	if text := words.all(); text != "" {
		t.Errorf("it says:\n%s", text)
	}
	same(t, openRedis(t, server.URL()), dir, someRun, 1500)
}
