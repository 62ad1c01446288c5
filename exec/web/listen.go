package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// Bounds on connections.
const (
	mostConnections = 512
	headerWithin    = 5 * time.Second
	bodyWithin      = 20 * time.Second
	answerWithin    = time.Minute // of a page; streams set their own
	idleFor         = 2 * time.Minute
	mostHeader      = 16 << 10
	endWithin       = 5 * time.Second
)

// unixPrefix marks the address of a socket in the file system.
const unixPrefix = "unix:"

// Bind listens at an address: HOST:PORT, or unix:PATH. Beyond this machine it
// does so only where guarded says that TLS or a proxy stands before it.
func Bind(ctx context.Context, address string, guarded bool) (net.Listener, error) {
	var lc net.ListenConfig
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return bindUnix(ctx, path)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %q: an address is HOST:PORT or unix:PATH", address)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil && host != "":
		return nil, fmt.Errorf("cannot listen at %q: it is no IP address; --host says by which names browsers may ask", address)
	case (err != nil || !ip.IsLoopback()) && !guarded:
		return nil, fmt.Errorf("will not listen at %s, beyond this machine, as anybody there could read along and deploy: "+
			"use --tls-cert and --tls-key, or --trusted-proxy ADDR behind a proxy that knows its users", address)
	}
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	return &limited{Listener: l, places: make(chan struct{}, mostConnections)}, nil
}

// bindUnix listens on a socket that its owner and group may use. One that a
// server left behind is replaced.
func bindUnix(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("cannot listen at %s: another server does", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot listen: %w", err)
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	return &limited{Listener: l, places: make(chan struct{}, mostConnections)}, nil
}

// Serve answers at l until ctx ends, by TLS where there is a certificate.
func (s *Server) Serve(ctx context.Context, l net.Listener, certificate *Certificate) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerWithin, ReadTimeout: bodyWithin, WriteTimeout: answerWithin, IdleTimeout: idleFor,
		MaxHeaderBytes: mostHeader, ErrorLog: log.New(noted{s}, "", 0),
	}
	over := make(chan error, 1)
	go func() {
		if certificate != nil {
			server.TLSConfig = s.config(certificate)
			over <- server.ServeTLS(l, "", "")
			return
		}
		over <- server.Serve(l)
	}()
	var err error
	select {
	case err = <-over:
	case <-ctx.Done():
	}
	s.Close() // streams, which have no end of their own
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	_ = server.Shutdown(end)
	if err == nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("cannot answer browsers: %w", err)
}

// Quiet waits until no stream is open, so that readers get the end of a run,
// but not for long.
func (s *Server) Quiet(within time.Duration) {
	for end := time.Now().Add(within); len(s.streams) > 0 && time.Now().Before(end); {
		time.Sleep(lookEvery / 4)
	}
}

// noted is where the server of net/http writes.
type noted struct{ s *Server }

func (n noted) Write(p []byte) (int, error) {
	n.s.note(strings.TrimSpace(string(p)))
	return len(p), nil
}

// limited is a listener with a bound on open connections; more wait.
type limited struct {
	net.Listener
	places chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &held{Conn: c, free: sync.OnceFunc(func() { <-l.places })}, nil
}

type held struct {
	net.Conn
	free func()
}

func (c *held) Close() error {
	defer c.free()
	return c.Conn.Close()
}
