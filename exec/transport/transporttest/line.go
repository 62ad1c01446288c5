package transporttest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A Line is what the bytes of a source pass on their way to the hosts. It can
// be cut, it can fall silent, and it counts.
type Line struct {
	mu     sync.Mutex
	passed int64
	left   int64 // bytes that still pass; -1 is no end
	silent bool  // at the end nobody is told
	conns  map[net.Conn]bool
	end    chan struct{}
}

func newLine() *Line { return &Line{left: -1, conns: map[net.Conn]bool{}, end: make(chan struct{})} }

// Passed is how many bytes have come through since the last time it was asked.
func (l *Line) Passed() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.passed
	l.passed = 0
	return n
}

// Cut lets n more bytes through, and then ends each connection at once.
func (l *Line) Cut(n int64) { l.set(n, false) }

// Stall lets n more bytes through, and then none, on any connection.
func (l *Line) Stall(n int64) { l.set(n, true) }

// Mend ends the connections that there are; others will do.
func (l *Line) Mend() { l.set(-1, false) }

func (l *Line) set(left int64, silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.silent = left, silent
	close(l.end)
	l.end = make(chan struct{})
	for c := range l.conns {
		c.Close()
	}
}

var errCut = errors.New("the line is cut")

// take asks for room for n bytes and tells how many may pass. Where the line
// is silent it waits until that is over.
func (l *Line) take(n int) (int, error) {
	l.mu.Lock()
	if l.left >= 0 {
		n = int(min(int64(n), l.left))
		if n == 0 {
			silent, end := l.silent, l.end
			l.mu.Unlock()
			if silent {
				<-end
			}
			return 0, errCut
		}
		l.left -= int64(n)
	}
	l.passed += int64(n)
	l.mu.Unlock()
	return n, nil
}

// A lineReader is data that passes a line.
type lineReader struct {
	r io.Reader
	l *Line
}

func (r lineReader) Read(b []byte) (int, error) {
	n, err := r.l.take(len(b))
	if err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	m, err := io.ReadFull(r.r, b[:n])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	r.l.mu.Lock()
	r.l.passed -= int64(n - m)
	if r.l.left >= 0 {
		r.l.left += int64(n - m)
	}
	r.l.mu.Unlock()
	return m, err
}

// newCable makes a line to a server, which hosts reach at the address.
func newCable(t *testing.T, server string) (l *Line, address string) {
	t.Helper()
	l = newLine()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); l.Mend() })
	go func() {
		for {
			c, err := in.Accept()
			if err != nil {
				return
			}
			go l.serve(c, server)
		}
	}()
	return l, in.Addr().String()
}

func (l *Line) serve(host net.Conn, server string) {
	defer host.Close()
	source, err := net.DialTimeout("tcp", server, 5*time.Second)
	if err != nil {
		return
	}
	defer source.Close()
	l.mu.Lock()
	l.conns[host], l.conns[source] = true, true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.conns, host)
		delete(l.conns, source)
		l.mu.Unlock()
	}()
	go func() {
		_, _ = io.Copy(source, host)
		_ = source.(*net.TCPConn).CloseWrite()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := source.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			k, err := l.take(len(b))
			if err != nil {
				return
			}
			if _, err := host.Write(b[:k]); err != nil {
				return
			}
			b = b[k:]
		}
		if err != nil {
			return
		}
	}
}

// dry tells whether all is through that may pass.
func (l *Line) dry() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left == 0
}
