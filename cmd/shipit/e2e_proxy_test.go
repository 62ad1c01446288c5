package main

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// proxyPort is where a proxy listens, on the address of the sshd that it
// stands before.
const proxyPort = 2223

// A proxy stands between the deployer and a host's sshd, and does to
// connections what networks do.
type proxy struct {
	to   string
	done chan struct{} // closed at the end of the test

	mu    sync.Mutex
	held  chan struct{} // while nothing gets through: closed when it does again
	delay time.Duration // of every packet
	rate  int           // bytes a second; 0 is no bound
	cut   cut
	conns map[*proxied]bool
	made  int
	up    int // bytes to the host
}

// A cut ends connections when so many bytes went to the host, or came from it.
type cut struct {
	up    bool
	after int
	hole  bool // nobody is told; else both ends are, at once
	times int  // how many connections still
}

// A proxied is a connection and what stands for it behind the proxy.
type proxied struct{ client, host *net.TCPConn }

// behindProxy lets the deployer reach the host only through a proxy.
func (h *host) behindProxy() *proxy {
	t := h.f.t
	t.Helper()
	p := &proxy{to: net.JoinHostPort(h.addr, strconv.Itoa(sshPort)), done: make(chan struct{}), conns: map[*proxied]bool{}}
	l, err := net.Listen("tcp", net.JoinHostPort(h.addr, strconv.Itoa(proxyPort)))
	if err != nil {
		t.Fatal(err)
	}
	h.port = proxyPort
	t.Cleanup(func() {
		l.Close()
		close(p.done)
		p.reset()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(c.(*net.TCPConn))
		}
	}()
	return p
}

func (p *proxy) serve(client *net.TCPConn) {
	host, err := net.Dial("tcp", p.to)
	if err != nil {
		client.Close()
		return
	}
	c := &proxied{client, host.(*net.TCPConn)}
	p.mu.Lock()
	p.conns[c] = true
	p.made++
	cut := p.cut
	if cut.times > 0 {
		p.cut.times--
	}
	p.mu.Unlock()
	go p.pump(c, c.host, c.client, cut, cut.times > 0 && cut.up)
	go p.pump(c, c.client, c.host, cut, cut.times > 0 && !cut.up)
}

// pump hands on what comes from one side, as the network of the moment does.
func (p *proxy) pump(c *proxied, to, from *net.TCPConn, cut cut, mine bool) {
	buf := make([]byte, 4096)
	for passed := 0; ; {
		n, err := from.Read(buf)
		if err != nil {
			p.end(c)
			return
		}
		p.mu.Lock()
		held, wait := p.held, p.delay
		if p.rate > 0 {
			wait += time.Duration(n) * time.Second / time.Duration(p.rate)
		}
		p.mu.Unlock()
		if held != nil {
			select {
			case <-held:
			case <-p.done:
				return
			}
		}
		time.Sleep(wait)
		if mine && passed+n >= cut.after {
			_, _ = to.Write(buf[:cut.after-passed])
			if !cut.hole {
				c.reset()
				p.end(c)
			}
			return // what else comes, nobody reads
		}
		passed += n
		if to == c.host {
			p.mu.Lock()
			p.up += n
			p.mu.Unlock()
		}
		if _, err := to.Write(buf[:n]); err != nil {
			p.end(c)
			return
		}
	}
}

// end closes both sides of a connection, unless it is to look as if nothing
// had happened.
func (p *proxy) end(c *proxied) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		delete(p.conns, c)
		c.client.Close()
		c.host.Close()
	}
}

func (c *proxied) reset() {
	for _, side := range []*net.TCPConn{c.client, c.host} {
		_ = side.SetLinger(0)
		side.Close()
	}
}

// hold makes a partition: what is sent does not arrive, and nobody is told.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = make(chan struct{})
}

// heal ends the partition; what was sent meanwhile arrives.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.held)
	p.held = nil
}

// reset resets all connections.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
		delete(p.conns, c)
	}
}

// slow makes every packet late, and bounds the bytes a second.
func (p *proxy) slow(delay time.Duration, rate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.rate = delay, rate
}

// cutNext cuts the next connections.
func (p *proxy) cutNext(c cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = c
}

// connections is how many were made so far.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}
