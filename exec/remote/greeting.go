package remote

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
)

// firstWords is a connection that remembers how the other side began. It is
// buffered, since x/crypto reads the version byte by byte.
type firstWords struct {
	net.Conn
	buf   *bufio.Reader
	words atomic.Pointer[[]byte]
}

const firstBytes = 200

func (c *firstWords) Read(b []byte) (int, error) {
	n, err := c.buf.Read(b)
	old := c.words.Load()
	switch {
	case n == 0 || old != nil && len(*old) >= firstBytes:
	case old == nil:
		w := bytes.Clone(b[:min(n, firstBytes)])
		c.words.Store(&w)
	default:
		w := append(bytes.Clone(*old), b[:min(n, firstBytes-len(*old))]...)
		c.words.Store(&w)
	}
	return n, err
}

func (c *firstWords) text() string {
	if c == nil {
		return ""
	}
	if w := c.words.Load(); w != nil {
		return string(*w)
	}
	return ""
}

// ssh tells whether the other side has said its version.
func (c *firstWords) ssh() bool {
	t := c.text()
	return strings.HasPrefix(t, "SSH-") || strings.Contains(t, "\nSSH-")
}

// greeting is what the other side said instead of its version.
func (c *firstWords) greeting() string {
	if c == nil || c.ssh() || c.busy() {
		return ""
	}
	line, _, _ := strings.Cut(c.text(), "\n")
	return strings.TrimSpace(line)
}

// busy tells whether sshd says that it has too many logins under way.
func (c *firstWords) busy() bool { return strings.Contains(c.text(), "Exceeded MaxStartups") }

// dropped tells whether err is a connection that sshd dropped: before it
// said anything else, or while it was short of places.
func (c *firstWords) dropped(err error) bool {
	if c.greeting() != "" {
		return false
	}
	return c.busy() || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
