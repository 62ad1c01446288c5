//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A bench is one run of the command, in its namespaces.
type bench struct {
	options
	dir      string
	fleet    *fleet
	releases []*release
	n        int // hosts that are used
	rtt      time.Duration
	log      string
}

// A figure is what one contestant took for one case, once.
type figure struct {
	Contestant string        `json:"contestant"`
	Case       string        `json:"case"`
	Hosts      int           `json:"hosts"`
	RTT        time.Duration `json:"rtt_ns"`
	Run        int           `json:"run"`
	Wall       float64       `json:"wall_s"`
	CPU        float64       `json:"deployer_cpu_s"`
	HostsCPU   float64       `json:"hosts_cpu_s"`
	Foreign    float64       `json:"foreign_share"` // of the machine's CPUs that went to neither
	RSS        int64         `json:"deployer_rss_bytes"`
	Sent       int64         `json:"sent_bytes"`
	Packets    int64         `json:"sent_packets"`
	Conns      int64         `json:"connections"`
	Trips      int           `json:"round_trips,omitempty"` // of the connection with the most; only where the cable takes time
	Error      string        `json:"error,omitempty"`
}

// inside is the bench itself.
func inside() error {
	o, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	b := &bench{options: o, dir: os.Getenv("BENCHFLEET_DIR")}
	for _, path := range []*string{&b.shipit, &b.data} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if err := b.mounts(); err != nil {
		return err
	}
	if b.releases, err = makeReleases(b.dir, 3); err != nil {
		return err
	}
	if b.fleet, err = newFleet(b.dir, slices.Max(o.hosts), o.systemd); err != nil {
		return err
	}
	if o.guard {
		return b.guardRun()
	}
	all, absent, err := b.measureAll(b.everybody())
	if err != nil {
		return err
	}
	return b.report(all, absent)
}

// mounts gives the bench a directory in memory and a /proc of its own.
func (b *bench) mounts() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := syscall.Mount("bench", b.dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("cannot mount a directory in memory: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	b.log = filepath.Join(b.dir, "contestant.log")
	return nil
}

// everybody who was asked for.
func (b *bench) everybody() []*contestant {
	if len(b.only) == 0 {
		return contestants
	}
	var some []*contestant
	for _, name := range b.only {
		some = append(some, find(name))
	}
	return some
}

// measureAll does everything, and tells who could not take part and why. In
// each run everybody has a turn, so that what disturbs the machine for a
// while disturbs all.
func (b *bench) measureAll(who []*contestant) (all []figure, absent map[string]string, err error) {
	absent = map[string]string{}
	var there []*contestant
	for _, c := range who {
		if why := c.absent(); why != "" {
			absent[c.name] = why
			fmt.Printf("%s is absent: %s\n", c.name, why)
			continue
		}
		there = append(there, c)
	}
	for _, b.n = range b.options.hosts {
		for _, b.rtt = range b.rtts {
			if err := b.fleet.cable(b.rtt); err != nil {
				return nil, nil, err
			}
			if err := b.prepare(); err != nil {
				return nil, nil, err
			}
			for run := range b.runs {
				for i := range there { // who begins changes, too
					f, err := b.turn(there[(i+run)%len(there)], run)
					if err != nil {
						return nil, nil, err
					}
					all = append(all, f...)
				}
			}
		}
	}
	return all, absent, nil
}

// turn has one contestant do all cases, from a clean fleet. After one that
// failed its other cases mean nothing.
func (b *bench) turn(c *contestant, run int) ([]figure, error) {
	hosts := b.fleet.hosts[:b.n]
	if err := reset(hosts); err != nil {
		return nil, err
	}
	var out []figure
	for _, what := range allCases {
		if slices.Contains(c.cannot, what) && !(what == delta && slices.Contains(c.cannot, canary)) {
			continue
		}
		if !b.needed(what) {
			continue
		}
		f, err := b.once(c, what, run, hosts)
		if err != nil {
			return nil, err
		}
		if slices.Contains(b.cases, what) {
			out = append(out, f)
		}
		if f.Error != "" {
			fmt.Printf("%3d hosts %5s %-7s %-16s run %d: FAILED: %s\n", b.n, b.rtt, what, c.name, run+1, f.Error)
			if what == micro { // nothing builds on it
				continue
			}
			break
		}
		fmt.Printf("%3d hosts %5s %-7s %-16s run %d: %7.3f s, CPU %6.3f s (hosts %6.2f s), %4d MiB, %9d bytes, %d connections, %d round trips, foreign %.0f%%\n",
			b.n, b.rtt, what, c.name, run+1, f.Wall, f.CPU, f.HostsCPU, f.RSS>>20, f.Sent, f.Conns, f.Trips, 100*f.Foreign)
	}
	return out, nil
}

// needed tells whether a case is measured or leads to one that is.
func (b *bench) needed(what string) bool {
	if what == micro {
		return slices.Contains(b.cases, micro)
	}
	at := slices.Index(allCases, what)
	return slices.ContainsFunc(b.cases, func(c string) bool { return slices.Index(allCases, c) >= at })
}

// once does one case and looks at what it did.
func (b *bench) once(c *contestant, what string, run int, hosts []*member) (figure, error) {
	f := figure{Contestant: c.name, Case: what, Hosts: b.n, RTT: b.rtt, Run: run}
	at, want := oldRelease, (*release)(nil)
	switch what {
	case full:
		want = b.releases[0]
	case delta:
		at, want = b.releases[0].tag, b.releases[1]
	case noop:
		at, want = b.releases[1].tag, b.releases[1]
	case canary:
		at, want = b.releases[1].tag, b.releases[2]
	}
	before, err := live(hosts, at, 0)
	if err != nil {
		return f, err
	}
	there, machine, began := len(others()), used(), time.Now()
	cost, err := b.job(c, what)
	if err != nil {
		return f, err
	}
	settled(there, time.Second)
	spent := used().since(machine)
	f.Wall, f.CPU, f.RSS, f.Sent, f.Packets, f.Conns, f.Error = cost.Wall, cost.CPU, cost.RSS, cost.Sent, cost.Packets, cost.Conns, cost.Error
	f.HostsCPU = spent.hosts
	f.Foreign = max(0, spent.busy-spent.ours) / (time.Since(began).Seconds() * cpus())
	if b.fleet.relay != nil {
		_, f.Trips = b.fleet.relay.trips.take()
	}
	if f.Error == "" && want != nil {
		if err := verify(hosts, want, before, what == noop); err != nil {
			f.Error = "it said that all is well, but " + err.Error()
		}
	}
	return f, b.keepLog(f)
}

// job runs a contestant in the deployer's network.
func (b *bench) job(c *contestant, what string) (cost, error) {
	j := job{
		Argv: c.argv(b, what), Dir: filepath.Join(b.dir, "work"), Env: b.environ(what), Home: filepath.Join(b.dir, "home"),
		Log: b.log, Limit: 15 * time.Minute,
	}
	if c.prepare {
		j.Prepare = c.argv(b, "prepare")
	}
	text, err := json.Marshal(j)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	if err := os.Truncate(b.log, 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return cost{}, err
	}
	report, theirs, err := os.Pipe()
	if err != nil {
		return cost{}, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer report.Close()
	cmd := b.fleet.role("measure", syscall.CLONE_NEWPID|syscall.CLONE_NEWNS)
	cmd.Args = append(cmd.Args, string(text))
	cmd.ExtraFiles = []*os.File{theirs}
	err = inNetwork(b.fleet.hold.Process.Pid, cmd.Start)
	theirs.Close()
	if err != nil {
		return cost{}, fmt.Errorf("cannot start %s: %w", c.name, err)
	}
	var answer cost
	if _, err = io.ReadFull(report, make([]byte, 1)); err == nil {
		if b.fleet.relay != nil {
			b.fleet.relay.trips.take() // what the preparation did
		}
		err = json.NewDecoder(report).Decode(&answer)
	}
	if ended := cmd.Wait(); ended != nil || err != nil {
		answer.Error = fmt.Sprintf("it could not be measured: %v", errors.Join(ended, err))
	}
	if answer.Error != "" {
		answer.Error += ": " + tail(b.log)
	}
	return answer, nil
}

// tail is the end of a file, on one line.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text = text[max(0, len(text)-600):]
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "?")), " ")
}

// keepLog keeps what a contestant printed, where that was asked for. It is
// outside of our own directory, which nobody sees.
func (b *bench) keepLog(f figure) error {
	if b.logs == "" {
		return nil
	}
	text, err := os.ReadFile(b.log)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s-%d-%s-%d.log", f.Contestant, f.Case, f.Hosts, f.RTT, f.Run+1)
	return write(filepath.Join(b.logs, name), string(text), 0o644)
}
