package main

import (
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
)

// recordedAt is when recorded runs began.
var recordedAt = time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)

// record records a deploy of a service, which is driven until the journal is
// closed. The events are numbered here, and all of one instant.
func record(t testing.TB, dir, run, service string, hosts []string, events ...event.Event) *journal.Journal {
	t.Helper()
	p := &plan.Plan{Format: plan.Format}
	b := &p.Body
	b.Kind, b.Service, b.Env, b.Definition = plan.Deploy, service, "production", service+".hcl"
	b.Batches = []plan.Batch{{Name: "all", Slices: [][]string{hosts}}}
	for _, name := range hosts {
		b.Hosts = append(b.Hosts, plan.Host{Name: name, Action: plan.Update})
	}
	data, err := plan.Encode(p)
	if err == nil {
		p, err = plan.Decode(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Create(dir, run, journal.Header{
		Service: service, Env: "production", Kind: "deploy", By: "anna@desk", Plan: p.Digest, Time: recordedAt,
	})
	if err == nil {
		err = journal.SavePlan(dir, run, data)
	}
	for i := range events {
		events[i].Seq, events[i].Run, events[i].Time = int64(i+1), run, recordedAt
	}
	if err == nil {
		err = j.AppendAll(events)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}
