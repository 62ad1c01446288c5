//go:build !linux

package remote

import "net"

// tune and quick are for options that only Linux has.
func tune(*net.TCPConn) {}

func quick(c *net.TCPConn) net.Conn { return c }
