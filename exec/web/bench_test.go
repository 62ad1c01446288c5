package web

import (
	"fmt"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// BenchmarkDraw draws the page of a run of 500 hosts once, for one kind of
// reader; a server does that at most ten times a second, for any number.
func BenchmarkDraw(b *testing.B) {
	p := &plan.Plan{}
	var names []string
	for i := range 500 {
		name := fmt.Sprintf("rb%04d", i)
		names = append(names, name)
		p.Body.Hosts = append(p.Body.Hosts, plan.Host{Name: name, Action: plan.Update, Switch: []plan.Step{{ID: "check.http.info", Op: plan.OpCheck}}})
	}
	p.Body.Batches = []plan.Batch{{Name: "all", Slices: [][]string{names}}}
	f, v := newFold(p, "r"), viewer{deploys: true}
	now := time.Unix(0, 0)
	for i, name := range names {
		f.take(event.Event{Seq: int64(i + 1), Time: now, Type: event.HostStarted, Phase: event.Switch, Host: name, Text: "switch on " + name})
	}
	s := &Server{}
	for b.Loop() {
		s.sections(f.scene(now, v), v, true, 0)
	}
}
