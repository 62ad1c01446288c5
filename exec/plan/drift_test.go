package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/plan"
)

// asLeft is a host on which run r1 left release a good, and what it left.
func asLeft() plan.HostFacts {
	file := plan.FileFact{Exists: true, SHA256: "s1", Mode: "0644", Owner: "deploy", Group: "deploy"}
	return plan.HostFacts{
		Name: "h", Live: "a", Releases: []string{"a", "b"},
		History: []plan.Record{
			{Time: 100, Run: "r1", State: "staged", Release: "a", Tag: "v/1", By: "me@desk"},
			{Time: 101, Run: "r1", State: "live", Release: "a", Tag: "v/1", By: "me@desk"},
			{Time: 105, Run: "r1", State: "good", Release: "a", Tag: "v/1", By: "me@desk"},
		},
		Files: map[string]plan.FileFact{"etc/x": file},
		Saved: map[string]map[string]plan.FileFact{"r1": {"etc/x": file}},
		Units: map[string]plan.Unit{"x.service": {Load: "loaded", Active: "active", PID: 7, Started: 103}},
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	began := func(h *plan.HostFacts, run, release string, states ...string) {
		for _, s := range states {
			h.History = append(h.History, plan.Record{Time: 200, Run: run, State: s, Release: release, Tag: "v/2"})
		}
	}
	for name, test := range map[string]struct {
		change func(h *plan.HostFacts)
		want   []string
	}{
		"as the run left it": {func(*plan.HostFacts) {}, nil},
		"unreachable":        {func(h *plan.HostFacts) { *h = plan.HostFacts{Unreachable: "no route"} }, []string{"unreachable: unreachable: no route"}},
		"odd":                {func(h *plan.HostFacts) { h.Live, h.Odd = "", "current is not a symbolic link" }, []string{"odd_current: current is not a symbolic link"}},
		"by hand": {func(h *plan.HostFacts) { h.Live, h.Strays = "mine", []string{"mine", "other"} }, []string{
			"unknown_release: current points to releases/mine, which no run brought here",
			"stray: releases/other was not brought by shipit",
		}},
		"another tool's": {func(h *plan.HostFacts) {
			h.Live, h.Link, h.Elder = "12", "releases/12", &plan.Elder{Marks: []string{".dep"}}
			h.Strays = []string{"11", "12", "13", "mine"}
		}, []string{
			"unknown_release: 12 was brought by Deployer, not by shipit",
			"beside (note): 2 releases of Deployer left beside shipit's ([11,13]); prune leaves them alone, so remove them by hand once nobody goes back there",
			"stray: releases/mine was not brought by shipit",
		}},
		"back on another tool's": {func(h *plan.HostFacts) {
			h.Live, h.Link, h.Elder = "12", "releases/12", &plan.Elder{Marks: []string{".dep"}}
			h.History = append(h.History, plan.Record{Time: 200, Run: "r2", State: "good", Release: "12"})
			h.Saved["r2"] = h.Saved["r1"]
		}, nil},
		"no manifest": {func(h *plan.HostFacts) { h.Releases = nil }, []string{
			"incomplete: v/1 has lost its manifest: nobody can say whether it is complete",
		}},
		"content": {func(h *plan.HostFacts) { f := h.Files["etc/x"]; f.SHA256 = "s2"; h.Files["etc/x"] = f }, []string{"changed_file: etc/x (content changed) since run r1"}},
		"mode":    {func(h *plan.HostFacts) { f := h.Files["etc/x"]; f.Mode = "0600"; h.Files["etc/x"] = f }, []string{"changed_file: etc/x (mode 0600, was 0644) since run r1"}},
		"removed": {func(h *plan.HostFacts) { h.Files["etc/x"] = plan.FileFact{} }, []string{"changed_file: etc/x was removed since run r1"}},
		"a secret": {func(h *plan.HostFacts) {
			h.Files["etc/x"] = plan.FileFact{Exists: true, Problem: "etc/x cannot be read by me"}
		}, []string{"unread_file: etc/x cannot be read by me"}},
		"new in the definition": {func(h *plan.HostFacts) {
			h.Files["etc/y"] = plan.FileFact{Exists: true, SHA256: "s9"}
		}, nil},
		"an old process":     {func(h *plan.HostFacts) { u := h.Units["x.service"]; u.Started = 50; h.Units["x.service"] = u }, []string{"old_process: the process of x.service is older than its release"}},
		"rounding":           {func(h *plan.HostFacts) { u := h.Units["x.service"]; u.Started = 100; h.Units["x.service"] = u }, nil},
		"nobody knows since": {func(h *plan.HostFacts) { u := h.Units["x.service"]; u.Started = 0; h.Units["x.service"] = u }, nil},
		"down":               {func(h *plan.HostFacts) { h.Units["x.service"] = plan.Unit{Load: "loaded", Active: "failed"} }, []string{"not_running: x.service is failed"}},
		"no such unit":       {func(h *plan.HostFacts) { h.Units["x.service"] = plan.Unit{Load: "not-found", Active: "inactive"} }, nil},
		"activated and lost": {func(h *plan.HostFacts) { began(h, "r2", "b", "staged", "begun", "live"); h.Live = "b" }, []string{
			"unfinished_run: run r2 began to take it to v/2 and did not finish here",
			"old_process: the process of x.service is older than its release",
		}},
		"lost in the undo": {func(h *plan.HostFacts) { began(h, "r2", "b", "staged", "begun", "live", "begun", "bad"); h.Live = "b" }, []string{
			"unfinished_run: run r2 began to take it to v/2 and did not finish here",
			"old_process: the process of x.service is older than its release",
		}},
		"undone": {func(h *plan.HostFacts) {
			began(h, "r2", "b", "live", "bad")
			began(h, "r2", "a", "live")
			began(h, "r2", "b", "undone")
			h.Units = nil
		}, nil},
		"lost, and mended": {func(h *plan.HostFacts) {
			began(h, "r2", "b", "live")
			began(h, "r3", "a", "live", "good")
			h.Units = nil
			h.Saved = nil
		}, nil},
		"failed, and current": {func(h *plan.HostFacts) { began(h, "r2", "a", "undone") }, []string{"bad_release: v/2 failed or was undone when it last ran here"}},
		"lost before it changed a thing": {func(h *plan.HostFacts) { began(h, "r2", "b", "begun") }, []string{
			"unfinished_run: run r2 began to take it to v/2 and did not finish here",
		}},
		"half a release": {func(h *plan.HostFacts) { h.Incoming = []string{"r2"} }, []string{
			"unfinished_run: run r2 was bringing a release and did not finish here",
		}},
		"a dead lock": {func(h *plan.HostFacts) { h.Lock = &plan.Holder{Run: "r2", Owner: "me@desk"} }, []string{
			"unfinished_run: run r2 did not give its lock back",
		}},
		"a run at work": {func(h *plan.HostFacts) {
			h.Lock = &plan.Holder{Run: "r2", Owner: "me@desk", Alive: true}
			h.Incoming, h.Drained = []string{"r2"}, &plan.Drain{Run: "r2"}
			began(h, "r2", "b", "begun", "live")
			h.Live, h.Files["etc/x"] = "b", plan.FileFact{}
		}, []string{"locked (note): locked by me@desk, run r2"}},
		"a hold": {func(h *plan.HostFacts) {
			h.Lock = &plan.Holder{Run: "hold-1", Owner: "me@desk", Alive: true, Hold: true, Until: 1434132000, Reason: "switchover", Waiting: 2}
		}, []string{"locked (note): held by hand by me@desk until 2015-06-12 18:00 UTC: switchover (2 waiting)"}},
		"left out of service": {func(h *plan.HostFacts) { h.Drained = &plan.Drain{Run: "r1"} }, []string{
			"open_drain: run r1 took it out of service and did not put it back in",
		}},
		"staged": {func(h *plan.HostFacts) { began(h, "r2", "b", "staged") }, []string{"staged (note): v/2 is staged"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := asLeft()
			test.change(&h)
			var got []string
			for _, f := range h.Findings([]string{"x.service"}) {
				note := ""
				if f.Note {
					note = " (note)"
				}
				got = append(got, fmt.Sprintf("%s%s: %s", f.Kind, note, f.Text))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
