package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipit/exec/web"
)

// certify writes a certificate of its own for this machine, and its key.
func certify(t *testing.T, dir string, serial int64, made time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "web.pem"), filepath.Join(dir, "web.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(cert, made, made); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// TestTLS shakes hands with a server, before and after its certificate was
// renewed, and while the renewed one is not whole.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, secret := certify(t, dir, 1, noon)
	certificate, err := web.LoadCertificate(cert, secret)
	if err != nil {
		t.Fatal(err)
	}
	var seconds atomic.Int64 // that have passed
	s := newSite(t, func(o *web.Options) {
		o.Access.Secure = true
		o.Now = func() time.Time { return noon.Add(time.Duration(seconds.Load()) * time.Second) }
	})
	l, err := web.Bind(t.Context(), "127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- s.server.Serve(t.Context(), l, certificate) }()
	t.Cleanup(func() {
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	shake := func(newest uint16) (tls.ConnectionState, error) {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: newest}} //nolint:gosec // it looks at the certificate itself
		c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState(), nil
	}
	shows := func(serial int64) {
		t.Helper()
		state, err := shake(tls.VersionTLS13)
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("it shows certificate %d, want %d", got, serial)
		}
	}
	shows(1)
	if _, err := shake(tls.VersionTLS11); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	if _, err := shake(tls.VersionTLS12); err != nil {
		t.Errorf("it does not speak TLS 1.2: %v", err)
	}

	pool := x509.NewCertPool()
	data, err := os.ReadFile(cert)
	if err != nil || !pool.AppendCertsFromPEM(data) {
		t.Fatal(err)
	}
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		CheckRedirect: s.client.CheckRedirect,
	}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(url string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	answer := ask("https://" + l.Addr().String() + "/?token=" + (&web.Access{Key: key}).Token())
	if cookie := answer.Header.Get("Set-Cookie"); answer.StatusCode != http.StatusSeeOther || !strings.Contains(cookie, "Secure") {
		t.Errorf("by TLS the token is answered %s with the cookie %q", answer.Status, cookie)
	}
	if got := answer.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("browsers are not told to stay with TLS: %q", got)
	}
	if answer := ask("http://" + l.Addr().String() + "/"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS it answers %s", answer.Status)
	}

	if err := os.WriteFile(cert, []byte("half of"), 0o600); err != nil {
		t.Fatal(err)
	}
	seconds.Add(int64(web.RenewedWithin / time.Second))
	shows(1)
	certify(t, dir, 2, noon.Add(time.Hour))
	shows(1) // it looks again after a while only
	seconds.Add(int64(web.RenewedWithin / time.Second))
	shows(2)
	s.said.mu.Lock()
	defer s.said.mu.Unlock()
	if said := strings.Join(s.said.all, "\n"); strings.Count(said, "cannot use the certificate") != 1 || !strings.Contains(said, "the one before is shown") {
		t.Errorf("of the certificate that was not whole it says:\n%s", said)
	}
}
