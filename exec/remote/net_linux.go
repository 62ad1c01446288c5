package remote

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tune bounds how long the kernel keeps trying to send to a host that does
// not answer.
func tune(c *net.TCPConn) {
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int((30 * time.Second).Milliseconds()))
		})
	}
}

// A quickConn acknowledges at once what it reads. Without that each command
// waits 40 ms: sshd leaves Nagle's algorithm on for sessions without a
// terminal, so its second small packet waits for our delayed acknowledgement
// of the first. The kernel drops the setting by itself, hence after each read.
type quickConn struct {
	*net.TCPConn
	raw syscall.RawConn
	set func(fd uintptr)
}

func quick(c *net.TCPConn) net.Conn {
	raw, err := c.SyscallConn()
	if err != nil {
		return c
	}
	return &quickConn{c, raw, func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	}}
}

func (c *quickConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 {
		c.raw.Control(c.set)
	}
	return n, err
}
