// Package remote runs steps on hosts. What can hang, fail or lie sits behind
// Runner; nothing in this package knows what a release or a service is.
//
// A Command is one exec: a list of steps in POSIX sh that run in order under
// one fence and one deadline and report as they go. A kind of Runner that
// runs no shell (the simulated fleet) acts the steps out from Op and Args.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Runner runs commands on one host.
type Runner interface {
	// Run runs cmd's steps in order and stops at the first that fails.
	//
	// It returns nil when every step ended with 0; a *StepError when one did
	// not; ErrFenced when the host no longer recognises the run; an error
	// wrapping ErrUnknown when it cannot say whether remote processes are
	// still running or how they ended; and any other error when nothing ran.
	// When ctx ends, Run stops the remote process group and returns ctx's
	// error once that is gone, or ErrUnknown if the host does not say so
	// within cmd.Grace.
	//
	// Calls may overlap; a Runner queues what the host would refuse.
	Run(ctx context.Context, cmd Command) error
}

// A Conn is a Runner with a connection that is closed when the run is over.
type Conn interface {
	Runner
	io.Closer
	// Info says what was learnt while connecting.
	Info() Info
}

// An Actor is a Runner without a shell: it acts steps out from Op and Args.
// Who makes steps for one may leave out their Shell, which nobody would read.
type Actor interface {
	Runner
	Acts() bool
}

// Acts tells whether r acts steps out instead of running their Shell.
func Acts(r Runner) bool {
	a, ok := r.(Actor)
	return ok && a.Acts()
}

// A Dialer connects to hosts. The error of a host that cannot be used is a
// *DialError.
type Dialer interface {
	Dial(ctx context.Context, t Target) (Conn, error)
}

// A Target is where and how to connect. Empty fields are decided by
// ~/.ssh/config and the defaults of SSH.
type Target struct {
	Name       string   // how people call it; what known_hosts is asked for
	Address    string   // what is dialled
	Port       int      // 0: configuration or 22
	User       string   // "": configuration or the local user
	Jump       []string // user@host:port each, first hop first
	KnownHosts []string // files that replace the user's and the system's
	Identity   string   // path of a private key, or of a public half that an agent holds
	Via        string   // OpenSSH: the program ssh logs in; "": we ourselves
	Legacy     bool     // algorithms of old devices too; not for the jump hosts
	At         string   // file:line of the definition, for messages
}

// OpenSSH is the Via of a host that is reached by the program ssh.
const OpenSSH = "openssh"

// Info is what a connection knows about its host.
type Info struct {
	User    string // login name
	Address string // host:port that was dialled
	HostKey string // "ssh-ed25519 SHA256:…"
	// PublicKey is all of it, "ssh-ed25519 AAAA…"; "" where the program ssh
	// looked after that, and of a Runner that has none.
	PublicKey string
	Key       string // fingerprint of the key that logged in; the audit trail
}

// A Command is one exec on a host.
type Command struct {
	Name  string // of the phase: "observe", "lock", "stage", "switch", "undo", "check", "hook"
	Steps []Step
	// RunAs is the Unix user for whom steps "run user": "" is the login user.
	RunAs string
	// Own are assignments in sh, on one line, of what differs from host to host.
	// Where no step says such things, the scripts of many hosts are the same but
	// for this line, and are packed once.
	Own string
	// Fence, if set, holds the host's guard while the steps run and refuses
	// to run any when the host is no longer this run's.
	Fence *Fence
	// Data is sent when a step calls the shell function data, which may be
	// done once, in any step; if none does, Data is not read, unless it is so
	// little that it goes with the script. DataSize is its exact length: a
	// step whose data was short fails.
	Data     io.Reader
	DataSize int64
	// Hold is streamed to the host after the script for as long as it lasts;
	// the steps read it from file descriptor 5, and its end ends their input.
	// It is how a lock is kept. A read under way when Run returns is left
	// behind. Data and Hold exclude each other.
	Hold io.Reader
	// Keep tells that other commands follow soon, and that the steps leave
	// nothing behind that could go on printing: the shell may run those
	// commands, too, which spares the host a session and us a round trip.
	Keep bool
	// Two tells that two commands follow at once, so that the host may start a
	// second shell while this one runs.
	Two bool
	// Beside tells that another command runs at the same time, and has the
	// shell that waits.
	Beside bool
	// On is called for every record in the order of arrival, from one
	// goroutine at a time. It must not block for long. May be nil.
	On func(Record)
	// Noise is called for the lines that a login shell says by itself, before
	// the script or on standard error: of an rc file, a banner. May be nil.
	Noise func(line string)
	// Grace bounds the wait for the remote process group to go after ctx
	// ended. 0 is 10 s.
	Grace time.Duration

	early bool // the script need not be sent again, so that little Data may go with it
}

// A Step is one thing done in a Command.
type Step struct {
	ID    string            // printable, without white space: "activate", "check.http.info"
	Op    string            // what a Runner without a shell acts out: "activate"
	Args  map[string]string // of Op
	Shell string            // POSIX sh, run under set -e in its own subshell; see Prelude for what it may call
	// Shared are parts of Shell, as they stand there, that do nothing but define
	// functions, under names that no other shared part and no program of a script
	// has. A shell is told each once, for all steps and all scripts that it runs.
	Shared []string
	Later  []Step // what Shell leaves behind to be done by a watchdog, for a Runner without a shell
}

// A Fence names the lock that must be held on the host for a command to run.
type Fence struct {
	Dir        string // the lock's directory on the host
	Run        string
	Generation int64
}

// A Record is something a command said while it ran.
type Record struct {
	Kind RecordKind
	Step string // the step it belongs to
	Key  string // of a Fact
	// Text is the line of an Output, the value of a Fact, raw as the host
	// sent it: hostile until cleaned.
	Text string
	Code int // of an End
}

// A RecordKind tells what a Record is.
type RecordKind string

// The kinds of records: a step began, ended with Code, printed a line
// (standard output and standard error together), stated a fact.
const (
	Begin  RecordKind = "begin"
	End    RecordKind = "end"
	Output RecordKind = "output"
	Fact   RecordKind = "fact"
)

// ErrUnknown means that nobody can say what the host did or still does; only
// observing it again can.
var ErrUnknown = errors.New("the host did not say how it ended")

// ErrFenced means that the host belongs to another run now, and that nothing
// was changed.
var ErrFenced = errors.New("another run has taken over this host")

// A StepError is a step that ran and said no.
type StepError struct {
	Step   string
	Code   int
	Output []string // its last lines, raw, bounded
}

func (e *StepError) Error() string { return fmt.Sprintf("%s: exit status %d", e.Step, e.Code) }

// A DialError is a host that cannot be used, with the reason sorted.
type DialError struct {
	Host string
	Kind Problem
	Err  error
	Help string // what to type or check next
}

func (e *DialError) Error() string { return fmt.Sprintf("cannot reach %s: %v", e.Host, e.Err) }

func (e *DialError) Unwrap() error { return e.Err }

// A Problem sorts the reasons for a host that cannot be used.
type Problem string

// The problems a dial can end with.
const (
	Unreachable Problem = "unreachable" // no route, refused, no name
	TimedOut    Problem = "timeout"     // connected or not, it stayed silent
	HostKey     Problem = "host-key"    // unknown, changed or revoked
	Auth        Problem = "auth"        // no key was accepted
	Config      Problem = "config"      // ~/.ssh/config or an identity file cannot be used
	Protocol    Problem = "protocol"    // it does not speak SSH as we do
)
