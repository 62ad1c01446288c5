package transport_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

// pack makes a .tar.gz of headers; Linkname of a regular file is its content.
func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
			h.Size = int64(len(content))
		}
		if h.Mode == 0 {
			h.Mode = 0o600
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// packed is a tree as an archive below app-1/.
func packed(t *testing.T, files tree) []byte {
	t.Helper()
	var headers []tar.Header
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := tar.Header{Typeflag: tar.TypeReg, Name: "app-1/" + name, Linkname: files[name]}
		if target, link := strings.CutPrefix(files[name], "-> "); link {
			h.Typeflag, h.Linkname = tar.TypeSymlink, target
		} else if strings.HasPrefix(files[name], "#!") {
			h.Mode = 0o700
		}
		headers = append(headers, h)
	}
	return pack(t, headers...)
}

// A server serves artifacts by path and notes what it was asked.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	asked []string
}

func serve(t *testing.T, files map[string][]byte) *server {
	t.Helper()
	s := &server{files: files}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
		data, ok := s.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// load stages a release from an artifact.
func load(h *transporttest.Host, tr transport.Transport, labels map[string]string) error {
	return h.Stage(tr, transport.Delivery{Release: rel("c1"), Labels: labels, Within: 20 * time.Second})
}

func TestHTTPUnpacksWhatPushSends(t *testing.T) {
	t.Parallel()
	data := packed(t, one)
	s := serve(t, map[string][]byte{"/app.tar.gz": data})
	h, pushed := transporttest.NewHost(t), transporttest.NewHost(t)
	tr := kind(t, "http", map[string]any{"url": s.URL + "/app.tar.gz", "sha256": transporttest.Digest(data), "strip": int64(1), "shared": []any{"log"}}, nil)
	if err := load(h, tr, nil); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	mustStage(t, pushed, push(t, transporttest.NewRepo(map[string]tree{"c1": one}), "log"), "c1", "")
	if diff := cmp.Diff(transporttest.Files(t, pushed.Path("releases", "v-c1")), transporttest.Files(t, h.Path("releases", "v-c1"))); diff != "" {
		t.Errorf("push (-) and http (+) differ:\n%s", diff)
	}
	a, _ := os.ReadFile(pushed.Path(".shipit/manifest/v-c1"))
	b, _ := os.ReadFile(h.Path(".shipit/manifest/v-c1"))
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Error(diff)
	}
	h.NothingLeft()
	if left, _ := filepath.Glob(h.Path(".shipit/download-*")); len(left) > 0 {
		t.Errorf("the download is left: %v", left)
	}
}

func TestHTTPBringsASingleFile(t *testing.T) {
	t.Parallel()
	data := []byte("#!/bin/sh\necho hello\n")
	s := serve(t, map[string][]byte{"/bin/hello": data})
	h := transporttest.NewHost(t)
	tr := kind(t, "http", map[string]any{"url": s.URL + "/bin/hello?token=a", "sha256": transporttest.Digest(data), "unpack": false}, nil)
	if err := load(h, tr, nil); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	if got := transporttest.Files(t, h.Path("releases", "v-c1"))["hello"]; got != "-rwxr-xr-x "+string(data) {
		t.Errorf("hello is %q", got)
	}
}

// TestHTTPGoesOnWithWhatARunBeforeLeft, unless that leads nowhere.
func TestHTTPGoesOnWithWhatARunBeforeLeft(t *testing.T) {
	t.Parallel()
	data := packed(t, one)
	for _, c := range []struct {
		left []byte
		want []string
	}{
		{data[:30], []string{"/app.tar.gz bytes=30-"}},
		{append(slices.Clone(data), "too long"...), []string{fmt.Sprintf("/app.tar.gz bytes=%d-", len(data)+8), "/app.tar.gz"}},
		{data, nil},
	} {
		s := serve(t, map[string][]byte{"/app.tar.gz": data})
		h := transporttest.NewHost(t)
		if err := os.MkdirAll(h.Path(".shipit"), 0o755); err != nil {
			t.Fatal(err)
		}
		part := h.Path(".shipit/download-" + transporttest.Digest(data) + ".part")
		if err := os.WriteFile(part, c.left, 0o644); err != nil {
			t.Fatal(err)
		}
		tr := kind(t, "http", map[string]any{"url": s.URL + "/app.tar.gz", "sha256": transporttest.Digest(data)}, nil)
		if err := load(h, tr, nil); err != nil {
			t.Fatal(transporttest.Told(err))
		}
		if diff := cmp.Diff(c.want, s.requests()); diff != "" {
			t.Errorf("%d bytes were left; requests (-want +got):\n%s", len(c.left), diff)
		}
	}
}

func TestHTTPTriesTheNearestMirrorFirstAndThenTheOthers(t *testing.T) {
	t.Parallel()
	data := packed(t, one)
	s := serve(t, map[string][]byte{"/app.tar.gz": data, "/ams/app.tar.gz": data, "/bad/app.tar.gz": []byte("something else")})
	spec := map[string]any{
		"url": s.URL + "/app.tar.gz", "sha256": transporttest.Digest(data), "mirror_by": "dc",
		"mirrors": map[string]any{"ams": s.URL + "/ams/app.tar.gz", "fra": s.URL + "/bad/app.tar.gz", "par": s.URL + "/none/app.tar.gz"},
	}
	for _, c := range []struct {
		dc   string
		want []string
	}{
		{"ams", []string{"/ams/app.tar.gz"}},
		{"fra", []string{"/bad/app.tar.gz", "/ams/app.tar.gz"}},
		{"par", []string{"/none/app.tar.gz", "/ams/app.tar.gz"}},
		{"", []string{"/ams/app.tar.gz"}},
	} {
		before := len(s.requests())
		h := transporttest.NewHost(t)
		if err := load(h, kind(t, "http", spec, nil), map[string]string{"dc": c.dc}); err != nil {
			t.Error(transporttest.Told(err))
		}
		if diff := cmp.Diff(c.want, s.requests()[before:]); diff != "" {
			t.Errorf("dc %q (-want +got):\n%s", c.dc, diff)
		}
	}
}

func TestHTTPRefusesWhatIsNotTheArtifact(t *testing.T) {
	t.Parallel()
	data := packed(t, one)
	s := serve(t, map[string][]byte{"/app.tar.gz": data, "/app.zip": data})
	for _, c := range []struct{ url, sum, want string }{
		{s.URL + "/app.tar.gz", transporttest.Digest([]byte("other")), "has the SHA-256 " + transporttest.Digest(data) + ", and the plan says"},
		{s.URL + "/gone.tar.gz", transporttest.Digest(data), "404"},
		{"http://127.0.0.1:1/app.tar.gz", transporttest.Digest(data), "the artifact cannot be had"},
	} {
		h := transporttest.NewHost(t)
		err := load(h, kind(t, "http", map[string]any{"url": c.url, "sha256": c.sum}, nil), nil)
		if err == nil || !strings.Contains(transporttest.Told(err), c.want) {
			t.Errorf("%s: the error does not say %q: %s", c.url, c.want, transporttest.Told(err))
		}
		h.NothingLeft()
		if left, _ := filepath.Glob(h.Path("releases", "*")); len(left) > 0 {
			t.Errorf("releases appeared: %v", left)
		}
	}
	if _, err := transport.New("http", map[string]any{"url": s.URL + "/app.zip"}, nil); err == nil || !strings.Contains(err.Error(), "write unpack = false") {
		t.Errorf("a zip is taken: %v", err)
	}
}

func TestHTTPRefusesHostileArchives(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: "pwned"}
	}
	for name, archive := range map[string][]byte{
		"an absolute name":             pack(t, file(outside+"/absolute")),
		"a name that climbs":           pack(t, file("../../../../climbed")),
		"a name that climbs within":    pack(t, file("a/../../b")),
		"writing through a link":       pack(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: outside}, file("a/through")),
		"a line break":                 pack(t, file("a\nb")),
		"a fifo":                       pack(t, file("f"), tar.Header{Typeflag: tar.TypeFifo, Name: "pipe"}),
		"a hard link to elsewhere":     pack(t, tar.Header{Typeflag: tar.TypeLink, Name: "passwd", Linkname: "/etc/passwd"}),
		"nothing":                      pack(t),
		"something that is no archive": []byte("hello"),
	} {
		s := serve(t, map[string][]byte{"/a.tar.gz": archive})
		h := transporttest.NewHost(t)
		err := load(h, kind(t, "http", map[string]any{"url": s.URL + "/a.tar.gz", "sha256": transporttest.Digest(archive)}, nil), nil)
		if err == nil {
			t.Errorf("%s is taken: %v", name, transporttest.Files(t, h.Path("releases", "v-c1")))
		}
		if left, _ := filepath.Glob(h.Path("releases", "*")); len(left) > 0 {
			t.Errorf("%s: releases appeared: %v", name, left)
		}
		if left, _ := os.ReadDir(outside); len(left) > 0 {
			t.Errorf("%s: %v was written outside", name, left[0].Name())
		}
		if _, err := os.Stat(filepath.Join(h.Home, "climbed")); err == nil {
			t.Errorf("%s: climbed out", name)
		}
	}
	// A program that becomes another user is none any more.
	archive := pack(t, tar.Header{Typeflag: tar.TypeReg, Name: "su", Linkname: "#!/bin/sh\n", Mode: 0o4755})
	s := serve(t, map[string][]byte{"/a.tar.gz": archive})
	h := transporttest.NewHost(t)
	if err := load(h, kind(t, "http", map[string]any{"url": s.URL + "/a.tar.gz", "sha256": transporttest.Digest(archive)}, nil), nil); err != nil {
		t.Fatal(transporttest.Told(err))
	}
	if got := transporttest.Files(t, h.Path("releases", "v-c1"))["su"]; got != "-rwxr-xr-x #!/bin/sh\n" {
		t.Errorf("su is %q", got)
	}
}
