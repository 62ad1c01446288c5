// Package lang turns HCL text into a Definition and diagnostics.
//
// It is the language and nothing else: it reads through an fs.FS that its
// caller opened at the root of the definition's repository, and it never
// dials a host, starts a process, reads the environment or asks the clock.
//
// Load parses the files once; Config.Evaluate resolves every expression for
// one environment and all of its hosts. There is one interpolation language
// and one time at which it is resolved, so a Definition holds no expression
// and nothing "known after apply".
package lang

import "shipit/lang/diag"

// A Definition is one service, evaluated for one environment: plain data.
type Definition struct {
	// File is the path of the definition below the root, slash-separated.
	File string
	Env  Environment
	// Release is what release.* stood for, which in a validation or for a
	// rollback is only an example.
	Release Release
	// Service holds what is the same on every host.
	Service Service
	// Targets are the service's hosts in declared order, each with what
	// expressions that mention host gave there.
	Targets []Target
	// Sources are the files that were read, by path, with their digests.
	Sources []Source
	// Variables in the order of their declaration.
	Variables []Variable
	// Asserts that were evaluated; a failed one at level "error" is also a
	// diagnostic.
	Asserts []Assert
}

// DefaultEnv is the name of the environment where the definition declares
// none: nobody needs to read it.
const DefaultEnv = "default"

// An Environment is a named choice of hosts and values.
type Environment struct {
	Name      string
	Protected bool
}

// A Source is a file that took part in the definition.
type Source struct {
	Path   string `json:"path"`   // below the root, slash-separated
	SHA256 string `json:"sha256"` // lower-case hex
}

// A Variable is a declared variable with the value it has in this
// evaluation and where that came from.
type Variable struct {
	Name      string
	JSON      string // the value as JSON; the text of a sensitive one must not leave the process
	From      string // "default", "environment beta", "SHIPIT_VAR_workers", "--var", "prod.vars:3"
	Sensitive bool
	Known     bool // false where a required variable was given no value (validate only)
}

// A Service is the part of the service block that does not depend on a host.
type Service struct {
	Name        string
	Description string
	Owners      []string
	// User is the Unix user that owns the release and runs the service's
	// commands; "" is the login user.
	User      string
	Release   ReleaseSpec
	Transport Transport
	Batches   []Batch  // never empty: without a batch block, one host and then the rest one by one
	Budget    *Budget  `json:",omitempty"`
	Windows   []Window `json:",omitempty"` // when deploys may start; none: always
	Rollback  Rollback
	Lock      Lock
	// Hooks at run points (start, batch, finish, failure), which do not
	// know a host.
	Hooks  []Hook
	Notify []Spec
	Range  diag.Range
}

// A Target is one host of the service with everything evaluated for it.
type Target struct {
	Host    Host
	Files   []File
	Drain   *Drain // nil where the service declares none
	Restart Restart
	Checks  []Check
	Hooks   []Hook // at host points: before_stage, after_stage, before_restart, after_restart
}

// A Host is a machine reached by SSH.
type Host struct {
	Name    string
	Address string // what is dialled; the name where nothing else is given
	Port    int    // 0 where neither the definition nor ssh says: ~/.ssh/config or 22 decides
	Labels  map[string]string
	Group   string
	SSH     SSH
	Range   diag.Range
}

// SSH says how hosts of a group are reached. Empty fields leave the choice
// to ~/.ssh/config.
type SSH struct {
	User       string   `json:"user,omitempty"`
	Jump       []string `json:"jump,omitempty"`        // user@host:port each, first hop first
	KnownHosts string   `json:"known_hosts,omitempty"` // below the root
	Identity   string   `json:"identity,omitempty"`    // path of a private key or of its public half (then an agent signs)
	Via        string   `json:"via,omitempty"`         // "openssh": the program ssh; "" or "builtin": we ourselves
	Legacy     bool     `json:"legacy_algorithms,omitempty"`
}

// ReleaseSpec says what a version of the service is.
type ReleaseSpec struct {
	Repo   string  // URL or path of the git repository
	Scheme string  // "release/{date}/{n}", "v{semver}"
	Keep   int     // releases kept on a host, at least 2
	Verify *Verify `json:",omitempty"` // nil where tags need no signature
	Range  diag.Range
}

// Verify says whose signature a tag needs.
type Verify struct {
	Signers string // the file that lists who may sign, below the root
	Text    []byte `json:"-"` // what stands in it
	Range   diag.Range
}

// A Release stands for release.* in expressions.
type Release struct {
	Tag    string
	Commit string
	Date   string // of the tag scheme, YYYY-MM-DD; "" where it has none
	N      int    // of the tag scheme; 0 where it has none
}

// A Spec is the decoded body of a kind: what `check "http" "info"` says
// beyond the attributes that every check has. Attrs are JSON values (string,
// bool, int64, float64, []any, map[string]any) under the names of the schema
// table.
type Spec struct {
	Kind  string
	Name  string
	Attrs map[string]any
	Range diag.Range
}

// A Transport says how the bytes of a release reach a host.
type Transport struct {
	Spec
	Path   string   // the service's directory on a host; relative to the login's home unless absolute
	Shared []string // paths below the release that live across releases
}

// A Batch takes its hosts together. Exactly one of Hosts, Size and Ramp is
// set.
type Batch struct {
	Name           string
	Hosts          []string // names, in declared order
	Size           Size
	Ramp           []Size `json:",omitempty"` // sizes of its slices; the last repeats
	Parallel       Size   `json:",omitzero"`  // how many of a slice at once; zero: all
	Spread         string `json:",omitempty"` // a label: hosts are taken from its values in turn
	Soak           Duration
	Confirm        bool
	ConfirmWithin  Duration `json:",omitempty"`
	By             string   // a label: a slice never mixes two of its values
	MaxFailed      Size
	MaxUnhealthy   Size `json:",omitzero"`
	MaxUnreachable Size
	Range          diag.Range
}

// A Budget is what the whole run forgives. Nil is not counted.
type Budget struct {
	MaxFailed      *Size `json:",omitempty"`
	MaxUnhealthy   *Size `json:",omitempty"`
	MaxUnreachable *Size `json:",omitempty"`
	Range          diag.Range
}

// A Window is when deploys may start.
type Window struct {
	Days  []string // "mon" to "sun", on which it opens
	Hours string   // "09:00-17:00"; one that ends before it begins ends on the next day
	Zone  string   // IANA name
	Range diag.Range
}

// A Drain is the pair of commands around a change: out of service, in again.
type Drain struct {
	Out, In Command
	Within  Duration
	Range   diag.Range
}

// A Command is run on a host (or, for hooks and checks that say so, on the
// deployer): Argv, never through a shell, or Shell, a script for /bin/sh.
type Command struct {
	Argv  []string `json:"run,omitempty"`
	Shell string   `json:"shell,omitempty"`
}

// A Restart says how the service takes up a new release.
type Restart struct {
	Spec
	Within Duration
}

// A Check is a question about a host or its service with the answers pass,
// fail and unknown.
type Check struct {
	Spec
	At        string // "host", "batch" or "finish"
	From      string // "host" or "deployer"
	Within    Duration
	Every     Duration
	Timeout   Duration
	Successes int
	Preflight bool // also asked before the first change
}

// Address is how a check is named in plans, events and messages.
func (c Check) Address() string { return "check." + c.Kind + "." + c.Name }

// A Rollback is the policy for a failed step.
type Rollback struct {
	On    []string // which failures: "check", "restart", "activate", "drain", "hook", "batch"; empty: never
	Scope string   // "host", "batch" or "run"
	To    string   // "last_good" or "previous"
	// Watchdog is how long a host waits for the deployer to confirm it before
	// it goes back by itself; 0 is for ever.
	Watchdog Duration
	Range    diag.Range
}

// A Hook is a command at a named moment.
type Hook struct {
	Name      string
	At        string
	From      string // "host" or "deployer"
	Run       Command
	Once      bool   // once per run, on the first host
	OnFailure string // "stop" or "continue"
	Within    Duration
	Range     diag.Range
}

// Address is how a hook is named in plans, events and messages.
func (h Hook) Address() string { return "hook." + h.Name }

// A Lock says what a run excludes and how long it waits for another.
type Lock struct {
	Scope string // "service" or "global"
	Host  string // a host that is locked before all others; "" is none
	Wait  Duration
	Range diag.Range
}

// A File is a rendered file on a host, outside the release.
type File struct {
	Path      string // relative to the login's home unless absolute
	Content   string
	Owner     string // "" is the login user
	Group     string // "" is the owner's group
	Mode      string // four octal digits
	Sensitive bool   // its content depends on a sensitive value
	Restart   bool   // whether a change implies the restart
	Range     diag.Range
}

// An Assert is a policy next to the code.
type Assert struct {
	Message string
	Level   string // "error" or "warn"
	OK      bool
	Range   diag.Range
}
