//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

// cable connects the deployer to the switch: by a pair of interfaces, or by
// a relay that makes each round trip take rtt longer.
func (f *fleet) cable(rtt time.Duration) error {
	pid := f.hold.Process.Pid
	if f.relay != nil {
		f.relay.close()
		f.relay = nil
	} else {
		_ = ip("link del d0") // there is none before the first
	}
	if rtt == 0 {
		if err := ip(fmt.Sprintf("link add d0 type veth peer name eth0 netns %d", pid)); err != nil {
			return err
		}
	} else {
		r := &relay{half: rtt / 2, trips: newTrips(rtt)}
		var err error
		if r.hosts, err = openTap("d0"); err != nil {
			return err
		}
		if err := inNetwork(pid, func() (err error) { r.deployer, err = openTap("eth0"); return err }); err != nil {
			r.hosts.Close()
			return err
		}
		f.relay = r
		r.run()
	}
	if err := ip("link set d0 master br0 up"); err != nil {
		return err
	}
	return inNetwork(pid, func() error {
		return ip("link set lo up", "link set eth0 address "+deployerMAC, "addr add "+deployerAddress+"/16 dev eth0", "link set eth0 up")
	})
}

// counters are what went through the deployer's interface so far. They are
// read in its namespace.
type counters struct {
	sent, packets int64 // bytes and packets
	conns         int64 // TCP connections, made or accepted
}

func readCounters() (counters, error) {
	var c counters
	dev, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return c, fmt.Errorf("cannot read the interface's counters: %w", err)
	}
	snmp, err := os.ReadFile("/proc/self/net/snmp")
	if err != nil {
		return c, fmt.Errorf("cannot count connections: %w", err)
	}
	return parseCounters(string(dev), string(snmp))
}
