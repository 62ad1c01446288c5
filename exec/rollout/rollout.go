// Package rollout is the state machine of one run. It is pure: Apply folds
// an event in, Next says what may start now, and what it can do is decided by
// the plan it was given. The engine, status, attach and crash recovery all
// call the same Apply, so that replaying a journal gives the live state at
// every prefix.
package rollout

import (
	"time"

	"shipit/exec/event"
)

// A Status is where a host stands.
type Status string

// The statuses. A host at rest (Ready) needs no more work.
const (
	Waiting Status = "waiting"     // not started
	Staging Status = "staging"     // the release is on its way; nothing that runs is touched
	Staged  Status = "staged"      // the release is there and verified
	Doing   Status = "doing"       // between drain and undrain
	Cut     Status = "interrupted" // the process of the run ended while it was at work there; it is done again, or undone
	Done    Status = "done"        // runs the new release, checked
	Failed  Status = "failed"      // a step said no; its undo is due, unless nothing was touched
	Undoing Status = "undoing"
	Undone  Status = "rolled back" // runs what it ran before, checked
	Stuck   Status = "stuck"       // touched, and neither done nor undone: a human is needed
	Unknown Status = "unknown"     // nobody can say; counts as out of service
	Skipped Status = "not started" // the run ended before its turn
	Kept    Status = "unchanged"   // the plan had nothing to do there
)

// An Action is something that may start now. The engine announces it with
// an event before it does it: HostStarted, HookStarted, GateOpened or, for
// Record, the event itself. Once that event is applied, Next no longer
// returns the action.
type Action struct {
	Kind   ActionKind
	Host   string      // of RunPhase
	Phase  event.Phase // of RunPhase
	Moment string      // of After: "batch" or "finish"; Steps tells which steps that are
	Batch  int         // index into the plan's batches; -1 before and after them
	Slice  int         // index into the batch's slices; -1 where there is none
	Hook   string      // of RunHook: id of the step in the plan's hooks
	Type   event.Type  // of Record: BatchStarted, BatchDone, Halted or RollingBack
	Text   string      // of Record: why, a sentence for people
}

// An ActionKind tells what an Action is about.
type ActionKind string

// The kinds of actions.
const (
	Record   ActionKind = "record" // append an event of Type; nothing is done anywhere
	RunPhase ActionKind = "phase"  // do Phase on Host
	RunHook  ActionKind = "hook"   // run a hook of the run
	OpenGate ActionKind = "gate"   // soak and confirm after Batch
	Finish   ActionKind = "finish" // nothing is left to do: write RunFinished
)

// A Host is a host's state in a run.
type Host struct {
	Name    string
	Status  Status
	Batch   int
	Slice   int
	Step    string      // the step it is at or failed at
	Phase   event.Phase // the phase it is in or failed in
	Reason  string      // why it failed, is stuck or unknown
	Detail  []string
	At      string // file:line of the block whose step failed
	Cause   event.Cause
	Touched bool          // something that runs was or may have been changed
	Drained bool          // out of service, as far as anybody knows
	Left    bool          // a person wants it left out of the run
	Fenced  bool          // another run's since: nobody here can say what runs now
	Took    time.Duration // at work there on what runs: its switch, checks and undo together
}
