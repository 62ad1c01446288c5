//go:build linux

// Command benchfleet gives shipit, its peers and the floor the same work on
// the same fleet, side by side, and writes down what it cost: `make
// bench-fleet` and, small, `make bench-guard`.
//
// The fleet is real: each host is an OpenSSH server in namespaces of its own
// (network, mounts, processes) with a root of its own on this machine. The
// deployer's tools run in a network namespace too; between it and the hosts
// is a cable that takes its time, where that is asked for. Nothing is left
// when the command ends, however it ends.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	var err error
	switch role := os.Getenv(roleVar); role {
	case "":
		err = outside()
	case "inside":
		err = inside()
	case "host":
		err = host()
	case "hold":
		select {} // a process that keeps a network namespace
	case "measure":
		err = measure(os.Args[1:])
	case "floor":
		err = floor(os.Args[1:])
	case "app":
		err = app()
	default:
		panic("internal error: there is no role " + role)
	}
	if err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(os.Stderr, "benchfleet:", err)
		}
		os.Exit(1)
	}
}

// roleVar tells a process of this program which part of the bench it is.
const roleVar = "BENCHFLEET_ROLE"

// options are what the command line asks for.
type options struct {
	hosts    []int
	rtts     []time.Duration
	cases    []string
	only     []string
	runs     int
	shipit   string
	data     string
	json     string
	markdown string
	guard    bool
	logs     string
	systemd  bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("benchfleet", flag.ContinueOnError)
	hosts := f.String("hosts", "10 50 100", "numbers of hosts")
	rtts := f.String("rtt", "0 20ms", "round-trip times that the cable adds")
	cases := f.String("cases", strings.Join(allCases, " "), "what to measure")
	only := f.String("contestants", "", "who takes part; default all that are installed")
	f.IntVar(&o.runs, "runs", 5, "how often each does each; they take turns")
	f.StringVar(&o.shipit, "shipit", "bin/shipit", "the program to measure")
	f.StringVar(&o.data, "data", "testdata/bench-fleet", "the contestants' playbooks and scripts")
	f.StringVar(&o.json, "json", "", "write all figures to this file")
	f.StringVar(&o.markdown, "markdown", "", "write the tables to this file, too")
	f.StringVar(&o.logs, "logs", "", "keep what the contestants printed in this directory")
	f.BoolVar(&o.guard, "guard", false, "compare with the floor and fail at 1.5 times the goal")
	f.BoolVar(&o.systemd, "systemd", false, "the hosts run systemd, and their service is a unit")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for _, w := range strings.Fields(*hosts) {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 || n > maxHosts {
			return o, fmt.Errorf("-hosts wants numbers from 1 to %d, not %q", maxHosts, w)
		}
		o.hosts = append(o.hosts, n)
	}
	for _, w := range strings.Fields(*rtts) {
		if w == "0" {
			w = "0s"
		}
		d, err := time.ParseDuration(w)
		if err != nil || d < 0 || d > 10*time.Second {
			return o, fmt.Errorf("-rtt wants times like 0 or 20ms, not %q", w)
		}
		o.rtts = append(o.rtts, d)
	}
	for _, c := range strings.Fields(*cases) {
		if !known(c) {
			return o, fmt.Errorf("there is no case %q; there are %s", c, strings.Join(allCases, ", "))
		}
		o.cases = append(o.cases, c)
	}
	o.only = strings.Fields(*only)
	for _, name := range o.only {
		if find(name) == nil {
			return o, fmt.Errorf("there is no contestant %q", name)
		}
	}
	if o.runs < 1 || len(o.hosts) == 0 || len(o.rtts) == 0 || len(o.cases) == 0 {
		return o, fmt.Errorf("there is nothing to measure: no runs, hosts, times or cases")
	}
	return o, nil
}
