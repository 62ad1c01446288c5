//go:build linux

package main

import (
	"encoding/binary"
	"testing"
	"time"
)

// tcp is a frame as a tap gives it.
func tcp(from, to byte, port uint16, flags byte, payload int) []byte {
	b := make([]byte, virtioHeader+14+20+20+payload)
	eth := b[virtioHeader:]
	binary.BigEndian.PutUint16(eth[12:], 0x0800)
	head := eth[14:]
	head[0], head[9] = 0x45, 6
	binary.BigEndian.PutUint16(head[2:], uint16(40+payload))
	copy(head[12:], []byte{10, 99, 0, from})
	copy(head[16:], []byte{10, 99, 0, to})
	t := head[20:]
	src, dst := port, uint16(22)
	if from != 1 {
		src, dst = dst, src
	}
	binary.BigEndian.PutUint16(t, src)
	binary.BigEndian.PutUint16(t[2:], dst)
	t[12], t[13] = 5<<4, flags
	return b
}

const (
	ack    = 16
	synAck = 2 | ack
)

func TestRoundTripsAreTheWaitsInARow(t *testing.T) {
	t.Parallel()
	const rtt = 20 * time.Millisecond
	type packet struct {
		at      int // ms
		sent    bool
		flags   byte
		payload int
	}
	for name, c := range map[string]struct {
		packets []packet
		want    int
	}{
		"a handshake":                     {[]packet{{0, true, 2, 0}, {20, false, synAck, 0}}, 1},
		"acknowledgements do not count":   {[]packet{{0, true, 2, 0}, {20, false, synAck, 0}, {21, true, ack, 0}, {41, false, ack, 0}}, 1},
		"a question":                      {[]packet{{0, true, 2, 0}, {20, false, synAck, 0}, {20, true, ack, 9}, {45, false, ack, 9}}, 2},
		"two at once are one":             {[]packet{{0, true, ack, 9}, {1, true, ack, 9}, {20, false, ack, 9}, {21, false, ack, 9}}, 1},
		"what was under way is no answer": {[]packet{{0, true, ack, 9}, {5, false, ack, 9}, {6, true, ack, 9}, {20, false, ack, 9}}, 1},
		"an answer in many pieces":        {[]packet{{0, true, ack, 9}, {20, false, ack, 9}, {21, false, ack, 9}, {22, true, ack, 9}, {43, false, ack, 9}}, 2},
	} {
		trips, t0 := newTrips(rtt), time.Unix(0, 0)
		for _, p := range c.packets {
			from, to := byte(1), byte(2)
			if !p.sent {
				from, to = to, from
			}
			trips.see(tcp(from, to, 4000, p.flags, p.payload), t0.Add(time.Duration(p.at)*time.Millisecond), p.sent)
		}
		if conns, got := trips.take(); conns != 1 || got != c.want {
			t.Errorf("%s: %d round trips on %d connections, want %d on 1", name, got, conns, c.want)
		}
		if conns, _ := trips.take(); conns != 0 {
			t.Errorf("%s: taken, %d connections are still there", name, conns)
		}
	}
}

func TestConnectionsAreToldApart(t *testing.T) {
	t.Parallel()
	trips := newTrips(0)
	for _, port := range []uint16{4000, 4001, 4001} {
		trips.see(tcp(1, 2, port, 2, 0), time.Now(), true)
	}
	trips.see(tcp(1, 3, 4000, 2, 0), time.Now(), true)
	if conns, _ := trips.take(); conns != 3 {
		t.Errorf("%d connections, want 3", conns)
	}
}

func TestWhatIsNoTCPIsNotCounted(t *testing.T) {
	t.Parallel()
	whole := tcp(1, 2, 4000, 2, 0)
	arp, udp, lies := append([]byte(nil), whole...), append([]byte(nil), whole...), append([]byte(nil), whole...)
	binary.BigEndian.PutUint16(arp[virtioHeader+12:], 0x0806)
	udp[virtioHeader+14+9] = 17
	lies[virtioHeader+14] = 0x4f // a header longer than the frame
	for name, b := range map[string][]byte{"nothing": nil, "short": whole[:40], "ARP": arp, "UDP": udp, "a header that lies": lies} {
		if s, ok := parseSegment(b); ok {
			t.Errorf("%s is taken for %+v", name, s)
		}
	}
}
