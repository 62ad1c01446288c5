// Package plan says what would change on every host, and why.
//
// Make is a pure function of a definition, facts and a request: no I/O, no
// clock, no goroutine. A Plan is finished data that apply walks: everything
// that will be done stands in it, so that who read it knows it all.
package plan

import (
	"time"

	"shipit/lang"
)

// Format is the version of the saved form. A plan of another format is
// refused.
const Format = 1

// A Plan is what was reviewed and what will be done. The digest covers Body;
// Meta and Approvals are outside of it.
type Plan struct {
	Format    int        `json:"format"`
	Digest    string     `json:"digest"` // "sha256:…" of Body's canonical JSON
	Body      Body       `json:"body"`
	Meta      Meta       `json:"meta"`
	Approvals []Approval `json:"approvals"`
}

// Meta is when and by whom a plan was made.
type Meta struct {
	Created time.Time `json:"created"`
	By      string    `json:"by"` // user@machine
}

// An Approval is an SSH signature over the digest.
type Approval struct {
	By        string `json:"by"`
	Signature string `json:"signature"`
}

// A Body is the digested part of a plan: no clock, nothing random but Salt.
type Body struct {
	Kind       Kind          `json:"kind"`
	Version    string        `json:"shipit_version"`
	Definition string        `json:"definition"`
	Service    string        `json:"service"`
	Env        string        `json:"environment"`
	Protected  bool          `json:"protected"`
	Sources    []lang.Source `json:"sources"`
	Git        Git           `json:"git"`
	Variables  []Variable    `json:"variables"`
	Salt       string        `json:"salt"` // hex; of the hashes of sensitive values

	Release Release `json:"release"` // what the hosts will run; of a rollback to each host's own, empty
	Repo    string  `json:"repo"`
	Path    string  `json:"path"`
	User    string  `json:"user,omitempty"`

	Hosts    []Host            `json:"hosts"` // in the definition's order
	Batches  []Batch           `json:"batches"`
	Budget   Budget            `json:"budget,omitzero"` // of the whole run
	Rollback Policy            `json:"rollback"`
	Windows  []Window          `json:"windows,omitempty"` // when the run may start slices; none: always
	Lock     Lock              `json:"lock"`
	Hooks    []Step            `json:"hooks"` // at start, batch, finish, failure
	Notify   []Notify          `json:"notify,omitempty"`
	Contents map[string]string `json:"contents"` // of files, by SHA-256, without the sensitive ones
	Commits  []Log             `json:"commits"`  // between the releases, by where a host starts
	Request  Options           `json:"request"`
	Policy   []lang.Assert     `json:"policy"`
	Notes    []string          `json:"notes"`             // what a reader should know: warnings, whole sentences
	Against  []string          `json:"against,omitempty"` // why the plan as a whole cannot be applied; see Problems
}

// A Kind tells a deploy from a rollback.
type Kind string

// The kinds of plans.
const (
	Deploy   Kind = "deploy"
	Rollback Kind = "rollback"
)

// Git is the state of the repository that holds the definition.
type Git struct {
	Commit string `json:"commit,omitempty"`
	Dirty  bool   `json:"dirty"`
}

// A Variable is a variable of the definition as the plan keeps it.
type Variable struct {
	Name      string `json:"name"`
	Value     string `json:"value,omitempty"` // JSON; "" of a sensitive one
	Hash      string `json:"hash,omitempty"`  // salted slow hash of a sensitive one
	From      string `json:"from"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// A Release is a version of the service.
type Release struct {
	ID      string `json:"id"` // of its directory under releases/, as a rule
	Tag     string `json:"tag"`
	Commit  string `json:"commit,omitempty"`
	Tree    string `json:"tree,omitempty"`
	Digest  string `json:"digest,omitempty"` // of a release from a directory or an archive: SHA-256 of its manifest
	Subject string `json:"subject,omitempty"`
	Date    string `json:"date,omitempty"`   // of the tag scheme
	N       int    `json:"n,omitempty"`      // of the tag scheme
	Link    string `json:"link,omitempty"`   // what current says of one that shipit did not bring; "" is "releases/ID"
	Signer  string `json:"signer,omitempty"` // of the tag, where the definition asks for one and it was verified
}

// A Commit is a commit between two releases.
type Commit struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Author  string `json:"author"`
}

// A Log is what lies between a host's release and the wanted one. Back tells
// that the wanted one is the older.
type Log struct {
	From    string   `json:"from"` // release id
	FromTag string   `json:"from_tag"`
	Back    bool     `json:"back,omitempty"`
	Commits []Commit `json:"commits"`
	Total   int      `json:"total"` // Commits may be cut
	Problem string   `json:"problem,omitempty"`
}

// A Host is what a plan says of one host.
type Host struct {
	Name    string            `json:"name"`
	Address string            `json:"address"`
	Port    int               `json:"port,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	SSH     lang.SSH          `json:"ssh"`
	Action  Action            `json:"action"`
	Problem string            `json:"problem,omitempty"` // why Action is Refuse or Unreachable, and what to do
	Login   string            `json:"login,omitempty"`

	From Release `json:"from"` // what it runs; ID "" where nothing
	To   Release `json:"to"`
	Back Release `json:"back"` // where a failure takes it; ID "" where there is nothing to go back to

	Fingerprint Fingerprint `json:"fingerprint"`
	Changes     []Change    `json:"changes"` // for the reader: what differs

	Before []Step `json:"before,omitempty"` // checks that must pass before anything is changed anywhere
	// Instances are what the host is called in the series of the checks that
	// compare, by their ids.
	Instances map[string]string `json:"instances,omitempty"`

	Stage  []Step `json:"stage"`  // before anything that runs is touched
	Switch []Step `json:"switch"` // in the host's slice, in order
	After  []Step `json:"after"`  // checks at batch and finish
	Undo   []Step `json:"undo"`   // the rollback, in order; empty where Back.ID is ""
	Prune  []Step `json:"prune"`  // once the run is over
}

// A Notify is somebody who is told what happens.
type Notify struct {
	Kind string         `json:"kind"`
	Spec map[string]any `json:"spec"` // of the kind, with "on": which moments
	At   string         `json:"at,omitempty"`
}

// An Action is what happens to a host; the rune is what is printed.
type Action string

// The actions.
const (
	Create      Action = "+" // nothing of the service is there yet
	Update      Action = "~"
	Keep        Action = "=" // nothing to do: no drain, no restart
	Unreachable Action = "?" // could not be asked
	Refuse      Action = "!" // was asked, and cannot be changed as it is
)

// A Fingerprint is what planning read on a host and apply reads again.
// Sensitive contents are in it as salted slow hashes.
type Fingerprint struct {
	HostKey string            `json:"host_key"`
	Live    string            `json:"live"`
	Files   map[string]string `json:"files"` // path → "sha256 mode owner:group" or "absent"
	Units   map[string]string `json:"units"` // name → load state and active state
}

// A Change is one thing that differs on a host.
type Change struct {
	Mark      Action `json:"mark"`
	Kind      string `json:"kind"`           // "release", "file"
	Name      string `json:"name"`           // of a file, its path
	Text      string `json:"text"`           // "release/2015-06-10/1 -> release/2015-06-10/2"
	Diff      string `json:"diff,omitempty"` // unified, without file headers
	Sensitive bool   `json:"sensitive,omitempty"`
}

// A Batch is a declared batch with its slices: host names in order.
type Batch struct {
	Name           string        `json:"name"`
	Slices         [][]string    `json:"slices"`
	Parallel       int           `json:"parallel,omitempty"` // hosts out of service at once; 0: a whole slice
	Spread         string        `json:"spread,omitempty"`   // the label that the order goes round by
	Soak           lang.Duration `json:"soak,omitzero"`
	Confirm        bool          `json:"confirm,omitempty"`
	ConfirmWithin  lang.Duration `json:"confirm_within,omitzero"` // then the answer is no
	MaxFailed      int           `json:"max_failed"`              // hosts of the batch
	MaxUnhealthy   int           `json:"max_unhealthy,omitempty"`
	MaxUnreachable int           `json:"max_unreachable"` // hosts of the batch
	At             string        `json:"at,omitempty"`
}

// Allowed is how many hosts may be out of service at once in a slice, from 0:
// as many as the largest slice so far. A last slice that is smaller is what was
// left, not a narrower allowance.
func (b *Batch) Allowed(slice int) int {
	n := 0
	for _, s := range b.Slices[:slice+1] {
		n = max(n, len(s))
	}
	if b.Parallel > 0 {
		n = min(n, b.Parallel)
	}
	return n
}

// A Budget is what the whole run forgives, in hosts. Nil is not counted.
type Budget struct {
	MaxFailed      *int   `json:"max_failed,omitempty"`
	MaxUnhealthy   *int   `json:"max_unhealthy,omitempty"`
	MaxUnreachable *int   `json:"max_unreachable,omitempty"`
	At             string `json:"at,omitempty"`
}

// A Policy is what happens when a step fails.
type Policy struct {
	On    []string `json:"on"`
	Scope string   `json:"scope"`
	To    string   `json:"to"`
	// Watchdog is how long a host waits to be confirmed before it goes back
	// by itself; 0 is for ever.
	Watchdog lang.Duration `json:"watchdog,omitzero"`
	At       string        `json:"at,omitempty"`
}

// A Lock is what the run excludes.
type Lock struct {
	Name   string        `json:"name"`            // of the service, or "global"
	Global bool          `json:"global,omitzero"` // every other run on its hosts, of whatever service
	Host   string        `json:"host,omitempty"`
	Wait   lang.Duration `json:"wait,omitzero"`
}

// Options are the run-time choices that were made when planning.
type Options struct {
	Limit      []string `json:"limit,omitempty"`
	Without    []string `json:"without,omitempty"`
	BatchSize  string   `json:"batch_size,omitempty"`
	Parallel   string   `json:"parallel,omitempty"`
	PauseAfter string   `json:"pause_after,omitempty"` // a batch, or a number of hosts
	Outside    string   `json:"outside,omitempty"`     // why it is applied outside of its windows
	To         string   `json:"to,omitempty"`          // of a rollback
	Run        string   `json:"run,omitempty"`         // of a rollback: the run that is taken back
	// IgnorePreflight goes on where the checks before the first change do
	// not pass; the run tells which did not.
	IgnorePreflight bool `json:"ignore_preflight,omitempty"`
}
