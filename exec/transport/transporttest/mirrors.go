package transporttest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"shipit/exec/transport"
)

// A mirrors is a server of one artifact, which is well below /whole alone.
type mirrors struct {
	data []byte
	mu   sync.Mutex
	sent map[string]int // bytes, by path
}

// newMirrors serves data, and tells where.
func newMirrors(t *testing.T, data []byte) (m *mirrors, url string) {
	m = &mirrors{data: data, sent: map[string]int{}}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return m, server.URL
}

func (m *mirrors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(r.URL.Path, "/")[1]
	counted := &counter{ResponseWriter: w, add: func(n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sent[path] += n
	}}
	other := bytes.Repeat([]byte("other"), len(m.data))[:len(m.data)]
	switch path {
	case "whole":
		http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(m.data))
	case "other":
		http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(other))
	case "no-ranges":
		_, _ = counted.Write(m.data)
	case "half":
		m.half(counted, r, m.data)
	case "other-half":
		m.half(counted, r, other)
	case "loop":
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	case "moved":
		http.Redirect(w, r, strings.Replace(r.URL.Path, "moved", "whole", 1), http.StatusFound)
	case "file":
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	case "refused":
		http.Error(w, "not for you", http.StatusForbidden)
	default: // what a proxy is asked has a host, too
		http.NotFound(w, r)
	}
}

// half breaks off in the middle, however often it is asked.
func (m *mirrors) half(w http.ResponseWriter, r *http.Request, data []byte) {
	from, half := 0, len(data)/2
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
		w.WriteHeader(http.StatusPartialContent)
	}
	if from < half {
		_, _ = w.Write(data[from:half])
	}
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// A counter tells how much is written.
type counter struct {
	http.ResponseWriter
	add func(n int)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.add(n)
	return n, err
}

// Unwrap is for http.NewResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// testMirrors has http meet every mirror that is not what it should be, and
// then one that is.
func testMirrors(t *testing.T, k Kind) {
	if !strings.HasPrefix(k.Name, "http") {
		return // it has one source
	}
	tree := Tree{"a": noise(10, 60_000)}
	data := Archive(t, tree)
	for _, c := range []struct {
		places string
		proxy  string
		most   int      // that /whole sends; 0 is all of it
		says   []string // nothing where it comes
		once   bool     // the same whatever fetches
	}{
		{places: "other whole", once: true},
		{places: "other-half whole", most: len(data) + len(data)/2 + 1}, // found out at the end only, and begun anew
		{places: "half none whole", most: len(data) - len(data)/2},
		{places: "half no-ranges"},
		{places: "loop moved", once: true},
		{places: "none refused", says: []string{"/none", "404", "/refused", "403", "cannot be had", "what runs is untouched"}, once: true},
		{places: "loop", says: []string{"edirect"}},
		{places: "file", says: []string{"cannot be had"}},
		{places: "whole", proxy: "/refused", says: []string{"cannot be had", "403", "proxy"}, once: true},
		{places: "whole", proxy: "http://127.0.0.1:1", says: []string{"cannot be had", "proxy http://127.0.0.1:1"}},
	} {
		if c.once && k.Edit != nil {
			continue
		}
		m, url := newMirrors(t, data)
		h := NewHost(t)
		spec := map[string]any{"sha256": Digest(data)}
		near := map[string]any{}
		for i, place := range strings.Fields(c.places) {
			near[fmt.Sprint(i)] = url + "/" + place + "/v1.tar"
			spec["url"] = near[fmt.Sprint(i)]
		}
		spec["mirrors"] = near
		if c.proxy != "" {
			spec["proxy"] = c.proxy
			if strings.HasPrefix(c.proxy, "/") {
				_, spec["proxy"] = newProxy(t)
			}
		}
		s := &Source{Line: newLine(), Edit: k.Edit, Gone: func(string) {}, Delivery: func(id string) (transport.Transport, transport.Delivery) {
			return named(t, "http", spec, nil), transport.Delivery{Release: transport.Release{ID: id, Tag: id, Commit: id}}
		}}
		err := s.Stage(h, "v1", "")
		what := c.places + c.proxy
		if len(c.says) > 0 {
			if err == nil {
				t.Errorf("%s: it is brought", what)
				continue
			}
			t.Logf("%s: %s: %s", k.Name, what, Told(err))
			for _, word := range c.says {
				if !strings.Contains(Told(err), word) {
					t.Errorf("%s: it does not say %q: %s", what, word, Told(err))
				}
			}
			h.NothingLeft()
			continue
		}
		if err != nil {
			t.Errorf("%s: %s", what, Told(err))
			continue
		}
		k.whole(t, h, "v1", tree)
		m.mu.Lock()
		if n := m.sent["whole"]; c.most > 0 && n > c.most {
			t.Errorf("%s: the last one sent %d bytes, wanted %d at most", what, n, c.most)
		}
		m.mu.Unlock()
	}
}

// newProxy is one that lets nobody through.
func newProxy(t *testing.T) (*httptest.Server, string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the proxy refuses", http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	return server, server.URL
}
