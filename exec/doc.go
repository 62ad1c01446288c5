// Package exec does to hosts what a plan says: it owns every goroutine of a
// run.
//
// Observe asks all hosts what they are, so that a plan can be made of it.
// Apply walks a finished plan: it locks the hosts, looks whether they still
// are as the plan found them, and then starts whatever the rollout allows,
// writing each event to the journal before it believes it. Nothing is decided
// here that the plan or the rollout could decide, and no definition is read.
//
// Cancelling a context means "stop now". Stopping after the steps in flight
// is not a cancellation but an event: Options.Abort.
package exec
