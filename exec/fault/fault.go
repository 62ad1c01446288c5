// Package fault names the places where a deployer is killed by tests.
//
// In an ordinary build a Point is nothing at all. Built with the tag
// faultpoints, a program kills itself with SIGKILL at the place that
// SHIPIT_FAULT names, "lock.after" or, for the third time that it passes
// there, "lock.after#3"; and it writes each place that it passes to the file
// that SHIPIT_FAULT_LOG names, so that a test sees that all of them exist.
package fault

// A Point is a place that a deployer passes.
type Point string

// The places, in the order in which a run passes them first.
const (
	JournalMade     Point = "journal.made"     // the journal is there, the plan is not
	PlanSaved       Point = "plan.saved"       // both are, nothing was begun
	DialBefore      Point = "dial.before"      // of a host
	DialAfter       Point = "dial.after"       //
	LockBefore      Point = "lock.before"      // of a host
	LockAfter       Point = "lock.after"       // the host is ours, the others are not yet
	Locked          Point = "locked"           // all hosts are ours
	PreflightBefore Point = "preflight.before" // the checks before the first change, on a host
	PreflightAfter  Point = "preflight.after"  //
	JournalBefore   Point = "journal.before"   // an event is not yet written
	JournalAfter    Point = "journal.after"    // it is, and nobody has acted upon it
	StageBefore     Point = "stage.before"     // the exec of a phase was not begun
	StageData       Point = "stage.data"       // the release is on its way
	StageAfter      Point = "stage.after"      // the exec has ended, which nobody has noted yet
	SwitchBefore    Point = "switch.before"    //
	StepBegan       Point = "step.began"       // a host said so
	StepEnded       Point = "step.ended"       //
	SwitchAfter     Point = "switch.after"     //
	AfterBefore     Point = "after.before"     //
	AfterAfter      Point = "after.after"      //
	UndoBefore      Point = "undo.before"      //
	UndoAfter       Point = "undo.after"       //
	PruneBefore     Point = "prune.before"     //
	PruneAfter      Point = "prune.after"      //
	HookBefore      Point = "hook.before"      // of the run, on a host
	HookAfter       Point = "hook.after"       //
	LocalBefore     Point = "local.before"     // what runs on the deployer
	LocalAfter      Point = "local.after"      //
	GateOpen        Point = "gate.open"        // the run waits
	FinishBefore    Point = "finish.before"    // all is done, and nothing says so
	FinishAfter     Point = "finish.after"     // the journal says so, and the locks are held
	Unlocked        Point = "unlocked"         // the locks are given back
)

// Points are all places.
func Points() []Point {
	return []Point{
		JournalMade, PlanSaved, DialBefore, DialAfter, LockBefore, LockAfter, Locked,
		PreflightBefore, PreflightAfter, JournalBefore, JournalAfter,
		StageBefore, StageData, StageAfter, SwitchBefore, StepBegan, StepEnded, SwitchAfter, AfterBefore, AfterAfter,
		UndoBefore, UndoAfter, PruneBefore, PruneAfter, HookBefore, HookAfter, LocalBefore, LocalAfter, GateOpen,
		FinishBefore, FinishAfter, Unlocked,
	}
}
