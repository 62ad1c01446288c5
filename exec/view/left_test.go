package view_test

import (
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/view"
)

// TestHostsThatWereLeftOutAreNoFailure: the verdict says that a person did it,
// unless something else went wrong as well.
func TestHostsThatWereLeftOutAreNoFailure(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Body: plan.Body{Service: "web", Release: plan.Release{Tag: "v2"}}}
	hosts := []rollout.Host{{Name: "a", Status: rollout.Done}, {Name: "b", Status: rollout.Done}, {Name: "c", Status: rollout.Skipped, Left: true}}
	if got, want := view.Verdict(p, hosts, event.Mixed), "Apply incomplete: web v2 runs on 2 hosts; 1 host left out by hand."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	hosts[1].Status = rollout.Stuck
	if got, want := view.Verdict(p, hosts, event.Mixed), "Apply failed and the hosts are mixed: 1 done, 1 stuck, 1 not started. A human is needed."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
