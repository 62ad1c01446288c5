//go:build linux

package main

import (
	"os"
	"time"
)

// A relay is the cable between the deployer's interface and the hosts'
// switch. It hands on each frame after half of the round-trip time, whatever
// else is under way: it delays and has no width.
type relay struct {
	deployer, hosts *os.File
	half            time.Duration
	trips           *trips
}

// A frame on its way.
type frame struct {
	data []byte
	due  time.Time
}

// maxFrame is a segment of 64 KiB with its Ethernet and virtio headers.
const maxFrame = 1<<16 + 64

// run relays until the interfaces are closed.
func (r *relay) run() {
	go r.carry(r.deployer, r.hosts, func(b []byte, at time.Time) { r.trips.see(b, at, true) }, nil)
	go r.carry(r.hosts, r.deployer, nil, func(b []byte, at time.Time) { r.trips.see(b, at, false) })
}

// carry is one direction. Frames are looked at where the deployer is: as it
// sends them, or as it gets them.
func (r *relay) carry(from, to *os.File, entering, leaving func([]byte, time.Time)) {
	way := make(chan frame, 1<<16)
	go func() {
		for f := range way {
			if wait := time.Until(f.due); wait > 0 {
				time.Sleep(wait)
			}
			if leaving != nil {
				leaving(f.data, time.Now())
			}
			_, _ = to.Write(f.data) // a frame that an interface does not take is lost, as on any cable
		}
	}()
	defer close(way)
	buf := make([]byte, maxFrame)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		data := append([]byte(nil), buf[:n]...)
		if entering != nil {
			entering(data, now)
		}
		way <- frame{data, now.Add(r.half)}
	}
}

func (r *relay) close() {
	r.deployer.Close()
	r.hosts.Close()
}
