package web

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// A Certificate is what a server shows by TLS. One that is renewed in its files
// is taken up while the server goes on.
type Certificate struct {
	cert, key string

	mu     sync.Mutex
	pair   *tls.Certificate
	made   time.Time // the file of it
	looked time.Time
}

// renewedWithin is how long a renewed certificate may wait to be seen.
const renewedWithin = 10 * time.Second

// LoadCertificate reads a certificate and its key.
func LoadCertificate(cert, key string) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// read takes up what is in the files.
func (c *Certificate) read() error {
	info, err := os.Stat(c.cert)
	if err != nil {
		return fmt.Errorf("cannot use the certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("cannot use the certificate: %w", err)
	}
	c.pair, c.made = &pair, info.ModTime()
	return nil
}

// now is the certificate for a connection. Of one that was renewed and cannot be
// used, perhaps as its key is not there yet, the error is returned beside the
// one before.
func (c *Certificate) now(at time.Time) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Sub(c.looked) < renewedWithin {
		return c.pair, nil
	}
	c.looked = at
	if info, err := os.Stat(c.cert); err == nil && info.ModTime().Equal(c.made) {
		return c.pair, nil
	}
	err := c.read()
	return c.pair, err
}

// config is how the server speaks TLS.
func (s *Server) config(c *Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := c.now(s.o.Now())
			if err != nil {
				s.note(err.Error() + "; the one before is shown")
			}
			return pair, nil
		},
	}
}
