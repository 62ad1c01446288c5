//go:build linux

package main

import (
	"errors"
	"strconv"
	"strings"
)

// parseCounters reads /proc/net/dev and /proc/net/snmp.
func parseCounters(dev, snmp string) (counters, error) {
	var c counters
	found := false
	for line := range strings.Lines(dev) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if f := strings.Fields(rest); name == "eth0" && len(f) > 9 {
			c.sent, c.packets, found = number(f[8]), number(f[9]), true
		}
	}
	if !found {
		return c, errors.New("there is no eth0 in /proc/net/dev")
	}
	var names []string
	for line := range strings.Lines(snmp) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, name := range names {
			if i < len(f) && (name == "ActiveOpens" || name == "PassiveOpens") {
				c.conns += number(f[i])
			}
		}
	}
	if names == nil {
		return c, errors.New("there is no TCP in /proc/net/snmp")
	}
	return c, nil
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
