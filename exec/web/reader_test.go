package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shipit/exec/web"
)

// TestAProgramReadsWithATokenThatOpensNothingElse asks for a page for programs
// and for one of people, with the one token and with the other.
func TestAProgramReadsWithATokenThatOpensNothingElse(t *testing.T) {
	t.Parallel()
	access := web.Access{Key: []byte(strings.Repeat("k", 32)), By: "ann@laptop", Hosts: []string{"127.0.0.1"}}
	s, err := web.New(web.Options{
		Access: access, Now: time.Now,
		More: map[string]http.Handler{"GET /metrics": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "shipit_up 1\n") })},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, one := range []struct {
		method, path, token, host string
		want                      int
	}{
		{"GET", "/metrics", access.Reader(), "127.0.0.1", http.StatusOK},
		{"GET", "/metrics", access.Token(), "127.0.0.1", http.StatusUnauthorized},
		{"GET", "/metrics", "", "127.0.0.1", http.StatusUnauthorized},
		{"GET", "/metrics", access.Reader(), "evil.example", http.StatusMisdirectedRequest},
		{"GET", "/", access.Reader(), "127.0.0.1", http.StatusUnauthorized},
		{"GET", "/metrics/../runs/r1", access.Reader(), "127.0.0.1", http.StatusUnauthorized},
		{"POST", "/metrics", access.Reader(), "127.0.0.1", http.StatusUnauthorized},
		{"POST", "/runs/r1/act", access.Reader(), "127.0.0.1", http.StatusUnauthorized},
	} {
		r := httptest.NewRequest(one.method, "http://"+one.host+one.path, nil)
		r.Header.Set("Authorization", "Bearer "+one.token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != one.want {
			t.Errorf("%s %s of %s: %d, want %d", one.method, one.path, one.host, w.Code, one.want)
		}
	}
}
