package plan

import "shipit/lang"

// A Step is one thing done on a host, as data. Everything that the engine
// needs to do it is in here and in Body.Contents.
type Step struct {
	ID   string `json:"id"` // unique within the host's phase: "file:/etc/x", "check.http.info"
	Op   Op     `json:"op"`
	Text string `json:"text"`         // a sentence for people: "restart systemd restbase.service"
	At   string `json:"at,omitempty"` // file:line of the block that asked for it

	Within  lang.Duration  `json:"within,omitzero"` // the step's deadline; 0 leaves it to the engine
	Release string         `json:"release,omitempty"`
	Link    string         `json:"link,omitempty"` // of activate: what current shall say, if not "releases/Release"
	Kind    string         `json:"kind,omitempty"` // of a transport, restart or check
	Spec    map[string]any `json:"spec,omitempty"` // of that kind; whole numbers are int64, others float64
	Run     *lang.Command  `json:"command,omitempty"`
	File    *File          `json:"file,omitempty"`
	Poll    *Poll          `json:"poll,omitempty"`
	From    string         `json:"from,omitempty"`   // "host" (default) or "deployer"
	Moment  string         `json:"moment,omitempty"` // of a check or hook: its at
	Once    bool           `json:"once,omitempty"`
	Go      bool           `json:"continue,omitempty"` // a failure of this hook does not count
	SavedBy string         `json:"saved_by,omitempty"` // of restore: the run that saved the file
	Proof   []string       `json:"proof,omitempty"`    // of restart: what proves that a new process answers afterwards
	Remove  []string       `json:"remove,omitempty"`   // of prune: release ids and "run:ID" of saved files
}

// An Op is what a step does. New ones bump Format.
type Op string

// The operations.
const (
	OpStage    Op = "stage"    // bring Release onto the host
	OpDrain    Op = "drain"    // out of service
	OpUndrain  Op = "undrain"  // in again
	OpFile     Op = "file"     // write File
	OpRestore  Op = "restore"  // put File back as SavedBy saved it, or as it was before this run
	OpActivate Op = "activate" // point current at Release
	OpRestart  Op = "restart"
	OpCheck    Op = "check"
	OpHook     Op = "hook"
	OpPrune    Op = "prune" // remove what keep no longer wants
	// Of a plan with a watchdog, which an older shipit refuses by its policy.
	OpArm     Op = "arm"     // leave a watchdog that does the host's undo
	OpConfirm Op = "confirm" // end it over a new connection; the host is good
)

// A File is a file that a step writes.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"` // of the content, in Body.Contents
	Hash   string `json:"hash,omitempty"`   // of a sensitive content: salted and slow; of restore it is made from the SHA-256, as fingerprints are
	Owner  string `json:"owner,omitempty"`
	Group  string `json:"group,omitempty"`
	Mode   string `json:"mode"`
	Absent bool   `json:"absent,omitempty"` // of restore: it was not there
	Root   bool   `json:"root,omitempty"`   // needs root: its owner is not the login user
}

// Is tells whether content is what an OpFile is to leave in the file.
func (f File) Is(content string, salt []byte) bool {
	if f.Hash != "" {
		return f.Hash == Hash(salt, content)
	}
	return f.SHA256 == sum(content)
}

// A Poll says how often a check asks.
type Poll struct {
	Every     lang.Duration `json:"every"`
	Timeout   lang.Duration `json:"timeout"`
	Successes int           `json:"successes"`
}
