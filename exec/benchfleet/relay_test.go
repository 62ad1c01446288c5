//go:build linux

package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair is a cable's end: what is written to one file is read from the other,
// frame by frame.
func pair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func TestTheCableTakesItsTimeBothWays(t *testing.T) {
	t.Parallel()
	const rtt = 40 * time.Millisecond
	deployer, a := pair(t)
	host, b := pair(t)
	r := &relay{deployer: a, hosts: b, half: rtt / 2, trips: newTrips(rtt)}
	r.run()
	question, answer := tcp(1, 2, 4000, 2, 0), tcp(2, 1, 4000, synAck, 0)
	began := time.Now()
	send(t, deployer, host, question)
	if took := time.Since(began); took < rtt/2 {
		t.Errorf("one way took %v, want %v at least", took, rtt/2)
	}
	send(t, host, deployer, answer)
	if took := time.Since(began); took < rtt {
		t.Errorf("both ways took %v, want %v at least", took, rtt)
	}
	if conns, trips := r.trips.take(); conns != 1 || trips != 1 {
		t.Errorf("%d connections with %d round trips, want one each", conns, trips)
	}
}

// send hands a frame in and waits for it at the other end.
func send(t *testing.T, in, out *os.File, frame []byte) {
	t.Helper()
	if _, err := in.Write(frame); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, maxFrame)
	n, err := out.Read(buf)
	if err != nil || !bytes.Equal(buf[:n], frame) {
		t.Errorf("%x came out as %x, %v", frame, buf[:n], err)
	}
}
