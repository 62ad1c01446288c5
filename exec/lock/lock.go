// Package lock says who may change a service on a host.
//
// The host itself keeps the lock, in a directory below the service's path:
//
//	guard          the target of flock: who mutates or takes holds it
//	generation     a number that grows with every taking, and never goes back
//	run            the run that holds the lock; the lock is free without it
//	owner, since, reason
//	lease.<n>      boot id, uptime and length of the lease of generation n
//
// One exec takes the lock and stays open to keep the lease, so that a killed
// deployer is gone from the host as soon as its connection is, and after the
// lease in any case. A lease is judged by the clock of the host that wrote
// it. Each generation has a lease file of its own: a holder that was paused
// and wakes up cannot renew its successor's, and every script that mutates
// compares run and generation under the guard (remote.Fence) before it acts.
package lock

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"shipit/exec/remote"
)

//go:embed look.sh
var lookScript string

//go:embed take.sh
var takeScript string

//go:embed hold.sh
var holdScript string

// The times of a lock. A killed deployer's lock can be taken after Lease at
// the latest.
const (
	Lease    = 20 * time.Second // without a renewal the lock is anybody's
	Beat     = 5 * time.Second  // how often the deployer says that it lives
	Patience = 10 * time.Second // for a script of another run to end
)

// A Holder is who holds a lock on a host.
type Holder struct {
	Run    string
	Owner  string // user@machine
	Since  int64  // Unix seconds by the host's clock
	Reason string
	Alive  bool // its lease has not run out
}

// A HeldError is a lock that is another run's.
type HeldError struct {
	Holder Holder // zero where the holder has not yet said who it is
}

func (e *HeldError) Error() string {
	h := e.Holder
	if h.Run == "" {
		return "the lock is being taken by another run"
	}
	s := fmt.Sprintf("run %s of %s holds the lock since %s", h.Run, h.Owner, time.Unix(h.Since, 0).UTC().Format("2006-01-02 15:04:05 UTC"))
	if h.Reason != "" {
		s += ": " + h.Reason
	}
	return s
}

// Dir is the lock's directory of the service at path.
func Dir(path string) string { return strings.TrimRight(path, "/") + "/.shipit/lock" }

// Look is a step's shell that states who holds the lock in dir; it changes
// nothing.
func Look(dir string) string {
	return "d=" + remote.QuotePath(dir) + "\n" + lookScript + "look\n"
}

// Holds reads what Look stated; ok is false where nobody holds the lock.
func Holds(records []remote.Record) (h Holder, ok bool) {
	for _, r := range records {
		switch {
		case r.Kind != remote.Fact:
		case r.Key == "lock":
			lines := append(strings.Split(r.Text, "\n"), "", "", "", "")
			h.Run, h.Owner, h.Reason = lines[0], lines[1], lines[3]
			h.Since, _ = strconv.ParseInt(lines[2], 10, 64) // 0 says that nobody knows
			ok = h.Run != ""
		case r.Key == "lock_lease":
			h.Alive = r.Text == "alive"
		}
	}
	return h, ok
}
