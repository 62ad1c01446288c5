// Package lock says who may change a service on a host, or anything at all
// there.
//
// The host itself keeps the lock, in a directory below the service's path:
//
//	guard          the target of flock: who mutates or takes holds it
//	generation     a number that grows with every taking, and never goes back
//	run            the run that holds the lock; the lock is free without it
//	owner, since, reason
//	lease.<n>      boot id, uptime and length of the lease of generation n;
//	               for a hold also its end by the wall clock
//
// What the locks of a host have in common is in the login's home:
//
//	guard          who takes a lock has it: shared for a service's, alone for
//	               the whole host
//	services       the directories of locks that were ever taken here
//	global         directory, run and generation of the lock that has the
//	               whole host; void unless that lock is still that run's
//	queue/<n>.run  a run that waits, with a lease of its own
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
var lookSource string

var lookScript = remote.Code(lookSource)

//go:embed write.sh
var writeSource string

var writeScript = remote.Code(writeSource)

//go:embed take.sh
var takeSource string

var takeScript = remote.Code(takeSource)

//go:embed hold.sh
var holdSource string

var holdScript = remote.Code(holdSource)

//go:embed break.sh
var breakSource string

var breakScript = remote.Code(breakSource)

// The times of a lock. A killed deployer's lock can be taken after Lease at
// the latest.
const (
	Lease    = 20 * time.Second // without a renewal the lock is anybody's
	Beat     = 5 * time.Second  // how often the deployer says that it lives
	Patience = 10 * time.Second // for a script of another run to end
)

// Host is the directory for what a host's locks have in common, below the
// login's home.
const Host = ".shipit/host"

// Shared is what the scripts of locks have in common; see remote.Step.
func Shared() []string { return []string{lookScript, writeScript} }

// Dir is the lock's directory of the service at path.
func Dir(path string) string { return strings.TrimRight(path, "/") + "/.shipit/lock" }

// A Holder is who holds a lock on a host.
type Holder struct {
	Run    string // or the id of a hold
	Owner  string // user@machine
	Since  int64  // Unix seconds by the host's clock
	Reason string
	Alive  bool // its lease has not run out
	// Global is a lock on the whole host, Hold one that a person put there:
	// no process stands behind it.
	Global, Hold bool
	Left         time.Duration // of the lease
	Now          int64         // by the host's clock, when it was asked
	Dir          string        // where the lock is
}

// Until is when the lease ends by the host's clock, in Unix seconds; 0 where
// it has ended.
func (h Holder) Until() int64 {
	if !h.Alive {
		return 0
	}
	return h.Now + int64(h.Left/time.Second)
}

// String says who holds the lock, since when and until when, and why.
func (h Holder) String() string {
	if h.Run == "" {
		return "another run is taking the lock"
	}
	what := "the lock"
	if h.Global {
		what = "the whole host"
	}
	s := fmt.Sprintf("run %s of %s holds %s since %s", h.Run, h.Owner, what, utc(h.Since))
	if h.Hold {
		s = fmt.Sprintf("%s holds %s by hand since %s until %s", h.Owner, what, utc(h.Since), utc(h.Until()))
	}
	if h.Reason != "" {
		s += ": " + h.Reason
	}
	return s
}

func utc(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04:05 UTC") }

// A HeldError is a lock that is another's.
type HeldError struct {
	Holder Holder // zero where the holder has not yet said who it is
	Before int    // how many wait for it already
}

func (e *HeldError) Error() string {
	s := e.Holder.String()
	if e.Before > 0 {
		s += fmt.Sprintf(" (%d waiting)", e.Before)
	}
	return s
}

// A Ticket is a run that waits for a lock on a host.
type Ticket struct {
	Run    string
	Owner  string
	Since  int64 // Unix seconds by the host's clock
	Reason string
	For    string // the lock's directory, or "global"
}

// Look is a step's shell that states who holds the lock in dir, or the whole
// host, and who waits on the host; it changes nothing.
func Look(dir string) string {
	return fmt.Sprintf("d=%s all=%s\n%slook_all\nwatched_by\n", remote.QuotePath(dir), Host, lookScript)
}

// Holds reads what Look stated: who keeps others from taking the lock, or
// else whose lease has run out. ok is false where there is neither.
func Holds(records []remote.Record) (h Holder, ok bool) {
	for _, r := range records {
		if r.Kind != remote.Fact || r.Key != "lock" || ok && h.Alive {
			continue
		}
		if now := holder(r.Text); now.Run != "" && (!ok || now.Alive) {
			h, ok = now, true
		}
	}
	return h, ok
}

// holder reads what the shell function look says.
func holder(text string) Holder {
	lines := append(strings.Split(text, "\n"), make([]string, 9)...)
	h := Holder{
		Run: lines[0], Owner: lines[1], Since: number(lines[2]), Reason: lines[3],
		Global: lines[4] != "", Hold: lines[5] != "", Alive: lines[6] != "",
		Left: time.Duration(min(number(lines[6]), maxSeconds)) * time.Second, Now: number(lines[7]), Dir: lines[8],
	}
	return h
}

const maxSeconds = int64(100 * 365 * 24 * time.Hour / time.Second)

// number is a host's number; 0 says that nobody knows.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// Tickets reads who waits, in the order of their turn, from what Look stated.
func Tickets(records []remote.Record) []Ticket {
	var out []Ticket
	for _, r := range records {
		if r.Kind == remote.Fact && r.Key == "ticket" {
			lines := append(strings.Split(r.Text, "\n"), make([]string, 5)...)
			out = append(out, Ticket{Run: lines[0], Owner: lines[1], Since: number(lines[2]), Reason: lines[3], For: lines[4]})
		}
	}
	return out
}

// Concerns tells whether a ticket is for the lock in dir, too.
func (t Ticket) Concerns(dir string) bool { return t.For == dir || t.For == "global" }
