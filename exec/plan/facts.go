package plan

import "time"

// Facts are what the hosts said when they were asked, in the order of the
// definition's targets. A host that could not be asked is a fact too.
type Facts struct {
	Hosts []HostFacts
}

// NoLimit stands for inodes on a file system that makes as many as there is
// room for, as btrfs does.
const NoLimit = -2

// HostFacts are the facts of one host.
type HostFacts struct {
	Name string
	// Unreachable is why the host could not be asked, "" if it was; Problem
	// sorts the reason (the words of remote.Problem).
	Unreachable string
	Problem     string
	Help        string // what to type or check next

	HostKey string // "ssh-ed25519 SHA256:…"
	Login   string // the user we are there
	UID     int
	BootID  string
	Missing []string // programs the plan may need that the host lacks: flock, git …

	// Path is the service's directory as the host resolves it; Denied is why
	// it cannot be written, "" if it can or if it can be made.
	Path       string
	Denied     string
	DeniedBy   string // who owns what cannot be written, and its mode: "deploy:web 755"; "" where nobody knows
	FreeKiB    int64  // -1 where the host does not say
	FreeInodes int64  // -1 where the host does not say, NoLimit where the file system counts none

	// Live is the id of the release that current points to, "" where there
	// is none. Odd says what is wrong with current where it is no link into
	// releases/ or points nowhere.
	Live string
	Odd  string
	// Link is what current says, where that is not as shipit leaves it: of a
	// release that another tool made, or by another path. A way back leaves
	// current exactly so.
	Link string
	// Adopted are the releases of another tool that ran when shipit came,
	// those still there: what current said, by id.
	Adopted map[string]string
	// Elder is what the tool that was here before has left, nil if nothing.
	Elder *Elder
	// Releases are the complete releases on the host, by id.
	Releases []string
	// History is what shipit did to the host, oldest first.
	History []Record

	Files map[string]FileFact // by the path of the definition
	Units map[string]Unit     // by the name of the unit
	// Sudo tells which command lines may run without a password: "sudo -n --
	// systemctl restart x" as root, or "sudo -n -u USER -- …".
	Sudo map[string]bool
	// Saved are the files as runs left them, for a rollback: by run, by path.
	Saved map[string]map[string]FileFact
	Lock  *Holder // who keeps others from changing the service there, nil if nobody
	// Drained is the run that took the host out of service and has not put it
	// back in, nil where there is none.
	Drained *Drain
	// Watchdog is what a run left to guard its change, nil if nothing.
	Watchdog *Watchdog

	// What follows is only known where the question was about drift.

	Incoming []string // runs whose release was on its way to the host
	Strays   []string // what lies below releases/ and shipit did not bring
}

// An Elder is what another tool has left below the service's directory.
type Elder struct {
	Marks    []string // what tells which tool it was: ".dep", "repo", "revisions.log", "scm", "revs"
	Revision string   // of what runs, as its REVISION file says
	Linked   []string // paths of the release that runs which lead into shared/
	Locks    []string // lock files: the path and, behind a line break, the first line
	Busy     []string // the same of files that may be there for other reasons
	Begun    string   // where a scap deploy that did not end points to
	Service  string   // what the link beside a scap directory says, "" where there is none
}

// A Watchdog takes a host back by itself where its run does not confirm it.
type Watchdog struct {
	State string // "armed", "firing", "failed"; "lost" where the host was rebooted before it was confirmed
	Run   string
	Left  time.Duration // of an armed one
	Step  string        // of a failed one
}

// A Drain is a run's mark that it took a host out of service.
type Drain struct {
	Run   string
	Since int64 // Unix seconds by the host's clock
}

// A Record is a line of a host's history: what happened to Release there.
// "begun" is written before a run changes anything that runs, "live" when
// current points to it, "good" when its checks passed,
// "bad" when a step of it failed, "undone" when a run left it again to go
// back to what was there before; "adopted" is written of a release that
// another tool brought, when the first run leaves it.
type Record struct {
	Time    int64  `json:"time"` // Unix seconds by the host's clock
	Run     string `json:"run"`
	State   string `json:"state"` // "staged", "begun", "live", "good", "bad", "undone", "adopted"
	Release string `json:"release"`
	By      string `json:"by,omitempty"`
	Tag     string `json:"tag,omitempty"`
	Commit  string `json:"commit,omitempty"`
}

// A FileFact is a file as it is on a host.
type FileFact struct {
	Exists  bool
	SHA256  string // lower-case hex
	Content string // what a diff needs; "" where Big or Problem
	Big     bool   // too large or not text
	Mode    string // four octal digits
	Owner   string
	Group   string
	Problem string // why it could not be read
}

// A Unit is the state of a systemd unit.
type Unit struct {
	Load   string // "loaded", "not-found", "masked"
	Active string // "active", "inactive", "failed"
	Since  string
	PID    int
	// Started is when the main process started, in Unix seconds by the host's
	// clock; 0 where nobody knows.
	Started int64
}

// A Holder is who holds a lock.
type Holder struct {
	Run    string
	Owner  string // user@machine
	Since  int64  // Unix seconds by the host's clock
	Reason string
	Alive  bool // its lease has not run out
	// Global is a lock on the whole host; Hold is one without a run, put
	// there by hand until Until by the host's clock.
	Global, Hold bool
	Until        int64
	Waiting      int // runs that wait for it
}
