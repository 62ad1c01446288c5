//go:build linux

package main

import (
	"encoding/binary"
	"sync"
	"time"
)

// trips counts TCP connections and their round trips on the cable, seen from
// the deployer: a round trip begins with something that it sends and ends
// with the first that comes so much later that it can be the answer. What is
// sent meanwhile waits for nothing and costs no round trip of its own. So
// the count is that of the waits in a row, which no bandwidth shortens.
type trips struct {
	rtt time.Duration

	mu    sync.Mutex
	conns map[conn]*trip
}

// A conn is the addresses and ports of a connection, the deployer's first.
type conn [12]byte

type trip struct {
	count   int
	waiting bool
	since   time.Time
}

func newTrips(rtt time.Duration) *trips {
	return &trips{rtt: rtt, conns: map[conn]*trip{}}
}

// A segment is what matters here of a TCP segment.
type segment struct {
	src, dst [6]byte // address and port
	syn      bool
	payload  bool
}

// virtioHeader is what stands before a frame of a tap with IFF_VNET_HDR.
const virtioHeader = 10

// parseSegment reads a frame; false where it is no IPv4 TCP segment.
func parseSegment(b []byte) (segment, bool) {
	var s segment
	if len(b) < virtioHeader+14+20 {
		return s, false
	}
	b = b[virtioHeader:]
	if binary.BigEndian.Uint16(b[12:]) != 0x0800 {
		return s, false
	}
	b = b[14:]
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if b[0]>>4 != 4 || b[9] != 6 || len(b) < head+20 || total < head+20 {
		return s, false
	}
	tcp := b[head:]
	copy(s.src[:4], b[12:16])
	copy(s.dst[:4], b[16:20])
	copy(s.src[4:], tcp[:2])
	copy(s.dst[4:], tcp[2:4])
	const syn = 2
	s.syn = tcp[13]&syn != 0
	s.payload = total > head+int(tcp[12]>>4)*4
	return s, true
}

// see counts a frame that passes the deployer's end of the cable.
func (t *trips) see(b []byte, at time.Time, sent bool) {
	s, ok := parseSegment(b)
	if !ok || !s.syn && !s.payload {
		return
	}
	var key conn
	if sent {
		copy(key[:6], s.src[:])
		copy(key[6:], s.dst[:])
	} else {
		copy(key[:6], s.dst[:])
		copy(key[6:], s.src[:])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.conns[key]
	if c == nil {
		c = &trip{}
		t.conns[key] = c
	}
	switch {
	case sent && !c.waiting:
		c.waiting, c.since = true, at
	case !sent && c.waiting && at.Sub(c.since) >= t.rtt:
		c.waiting = false
		c.count++
	}
}

// take gives the connections and the most round trips of one, and forgets
// them.
func (t *trips) take() (conns, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		most = max(most, c.count)
	}
	conns = len(t.conns)
	clear(t.conns)
	return conns, most
}
