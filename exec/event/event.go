// Package event is the vocabulary of what can happen in a run.
//
// There is one Event type for every consumer: the journal stores it, the
// rollout folds it, views print it. Events are written by one writer, in the
// order of Seq, before what they announce is believed.
package event

import "time"

// Schema is the version of the JSON form. A reader ignores fields it does not
// know, shows Text for types it does not know, and refuses another major
// version.
const Schema = "1.0"

// An Event is one thing that happened. Text is a sentence for people and
// stands alone; the other fields are for programs. Text and Detail are clean:
// they hold nothing that moves a cursor, and no secret.
type Event struct {
	Seq     int64     `json:"seq"` // from 1, without gaps
	Time    time.Time `json:"time"`
	Run     string    `json:"run"`
	Type    Type      `json:"type"`
	Host    string    `json:"host,omitempty"`
	Phase   Phase     `json:"phase,omitempty"`
	Step    string    `json:"step,omitempty"`
	Steps   []string  `json:"steps,omitempty"` // of HostStarted: the steps this phase will do
	Batch   string    `json:"batch,omitempty"`
	Slice   int       `json:"slice,omitempty"` // from 1
	Text    string    `json:"text"`
	Detail  []string  `json:"detail,omitempty"` // last lines of output, bounded
	At      string    `json:"at,omitempty"`     // file:line of the block that asked
	Cause   Cause     `json:"cause,omitempty"`
	Answer  Answer    `json:"answer,omitempty"`  // of a check that did not pass
	By      string    `json:"by,omitempty"`      // who aborted, answered, resumed, skipped
	Choice  string    `json:"choice,omitempty"`  // of Answered
	Choices []string  `json:"choices,omitempty"` // of Asked
	Safe    string    `json:"safe,omitempty"`    // of Asked and Paused: what happens where nobody says anything
	Until   time.Time `json:"until,omitzero"`    // of Asked and Paused: when it does
	Intent  int64     `json:"intent,omitempty"`  // the number of the wish that this answers
	Plan    string    `json:"plan,omitempty"`    // of RunStarted: the digest
	Outcome Outcome   `json:"outcome,omitempty"` // of RunFinished
	Level   Level     `json:"level,omitempty"`   // of Output: "" is Info
	Dropped int       `json:"dropped,omitempty"` // of Output: so many lines are left out here
}

// A Type says what happened.
type Type string

// The types of events.
const (
	RunStarted   Type = "run.started"   // the plan is accepted, the locks are held, nothing is changed yet
	RunResumed   Type = "run.resumed"   // By goes on with a run whose process ended; what was in flight is in doubt
	HostStarted  Type = "host.started"  // intent: Phase with Steps begins on Host
	StepStarted  Type = "step.started"  // the host began Step
	StepDone     Type = "step.done"     // the host ended Step well
	StepFailed   Type = "step.failed"   // Step said no
	HostDone     Type = "host.done"     // Phase ended well on Host
	HostFailed   Type = "host.failed"   // Phase ended badly on Host, for Cause
	BatchStarted Type = "batch.started" // slice Slice of Batch may start
	BatchDone    Type = "batch.done"    // slice Slice of Batch is at rest and checked
	GateOpened   Type = "gate.opened"   // the run waits: soak or confirm after Batch
	GatePassed   Type = "gate.passed"
	GateRefused  Type = "gate.refused" // a soak check failed, or the answer was no
	HostSkipped  Type = "host.skipped" // By wants Host, which was not begun, left out
	HostRetried  Type = "host.retried" // By wants Host, which failed and is as it was, or was left out, tried again
	HookStarted  Type = "hook.started" // a run hook (Step) begins
	HookDone     Type = "hook.done"
	HookFailed   Type = "hook.failed"
	Asked        Type = "asked"            // a question to a person
	Answered     Type = "answered"         // Choice, by By; the first answer wins
	Paused       Type = "paused"           // By wants no new host to start for now
	Continued    Type = "continued"        // By wants the paused run to go on
	Aborted      Type = "aborted"          // no new host starts
	Halted       Type = "run.halted"       // no new host starts: a budget is spent, or the like
	RollingBack  Type = "rollback.started" // what the policy's scope touched goes back
	LockLost     Type = "lock.lost"        // Host is another run's now; this run changes nothing more there
	Note         Type = "note"             // nothing to fold: for the reader
	Output       Type = "output"           // Text is a line that Step printed, on Host or where the run is driven
	RunFinished  Type = "run.finished"     // Outcome
)

// LogStep is the step of an Output that is a line of the service's own log, read
// while a batch soaks.
const LogStep = "log"

// A Phase is a part of a host's way through a run.
type Phase string

// The phases.
const (
	Stage  Phase = "stage"  // bring the release, touch nothing that runs
	Switch Phase = "switch" // drain, files, activate, restart, check, undrain
	After  Phase = "after"  // checks at batch and at finish
	Undo   Phase = "undo"   // back to where the host was
	Prune  Phase = "prune"  // remove old releases
)

// A Cause sorts failures; budgets count them apart.
type Cause string

// The causes of a HostFailed.
const (
	Failed      Cause = "failed"      // a step said no
	Unhealthy   Cause = "unhealthy"   // a check said no, or could not say yes
	Lost        Cause = "unreachable" // the connection is gone; nothing of the phase ran
	Unknown     Cause = "unknown"     // nobody can say what the host did
	Stale       Cause = "stale"       // the host is not as the plan found it
	Fenced      Cause = "fenced"      // the host is another run's
	Interrupted Cause = "interrupted" // stopped by the second Ctrl-C; its processes are gone
)

// An Answer is what a check that did not pass said.
type Answer string

// The answers that are not yes. Neither is a pass.
const (
	No       Answer = "no"
	NotKnown Answer = "unknown" // it could not be asked, or nothing followed from what came
)

// An Outcome is how a run ended: what runs now, not what was tried.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"
	Nothing    Outcome = "nothing to do"
	RolledBack Outcome = "rolled back" // everything touched is back
	Mixed      Outcome = "mixed"       // a human is needed
	Abort      Outcome = "aborted"     // stopped by a person; what was done stands, nothing is broken
	Refused    Outcome = "refused"     // before any change
)

// A Sink takes events in order. Append returns when the event is as safe as
// the sink makes it; an error of the journal ends the run, one of a view does
// not.
type Sink interface {
	Append(Event) error
}
