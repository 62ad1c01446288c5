package view_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/view"
)

// account is a run over a fleet of which the canary failed, told up to the
// event of that type and, where there are several, of that text.
func account(t *testing.T, until event.Type, text string, alive bool) *view.Account {
	t.Helper()
	const canary, other = "restbase1001.eqiad.wmnet", "restbase1002.eqiad.wmnet"
	def := evaluated(t, fresh)
	in := deploy(def, fleet(def, old))
	in.Options.Without = []string{"restbase1009.eqiad.wmnet"}
	p := plan.Make(in)
	story := []event.Event{{Type: event.RunStarted, Text: "deploy of restbase to production started by me@deploy1001"}}
	for _, h := range p.Body.Hosts {
		if h.Action == plan.Update {
			story = append(story, event.Event{Type: event.HostStarted, Host: h.Name, Phase: event.Stage, Text: h.Name + ": stage"},
				event.Event{Type: event.HostDone, Host: h.Name, Phase: event.Stage, Text: h.Name + " has the release"})
		}
	}
	story = append(story, []event.Event{
		{Type: event.BatchStarted, Batch: "canary", Slice: 1, Text: "batch canary: " + canary},
		{Type: event.HostStarted, Host: canary, Phase: event.Switch, Text: canary + ": switch"},
		{Type: event.StepStarted, Host: canary, Phase: event.Switch, Step: "drain", Text: canary + ": drain: depool"},
		{Type: event.StepDone, Host: canary, Phase: event.Switch, Step: "drain", Text: canary + ": drain ended well"},
		{Type: event.StepStarted, Host: canary, Phase: event.Switch, Step: "check.http.info", Text: canary + ": check http.info"},
		{
			Type: event.StepFailed, Host: canary, Phase: event.Switch, Step: "check.http.info", At: "restbase.hcl:58",
			Text: canary + ": check http.info: status 500, wanted 200", Detail: []string{"HTTP/1.1 500", hostile},
		},
		{
			Type: event.HostFailed, Host: canary, Phase: event.Switch, Step: "check.http.info", Cause: event.Unhealthy, At: "restbase.hcl:58",
			Text: canary + ": check.http.info: status 500, wanted 200", Detail: []string{"HTTP/1.1 500", hostile},
		},
		{Type: event.HostStarted, Host: canary, Phase: event.Undo, Text: canary + ": undo"},
		{Type: event.HostDone, Host: canary, Phase: event.Undo, Text: canary + " is rolled back"},
		{Type: event.Paused, By: "them@deploy1002", Text: "paused by them@deploy1002: no new host starts"},
		{Type: event.Asked, Text: "batch canary is done; go on with the next? (continue, stop)"},
		{Type: event.Halted, Text: "no new host starts: batch canary: 1 host is unhealthy and max_unhealthy is 0"},
		{Type: event.RunFinished, Outcome: event.RolledBack, Text: "the run is over: rolled back"},
	}...)
	for i := range story {
		story[i].Seq, story[i].Time, story[i].Run = int64(i+1), noon.Add(time.Duration(i)*time.Second), "run9"
	}
	for i, e := range story {
		if e.Type == until && strings.Contains(e.Text, text) {
			h := journal.Header{Run: "20150612T120000Z-3kq7", Service: "restbase", By: "me@deploy1001", Time: noon, PID: 4711}
			return view.NewAccount(h, p, story[:i+1], alive)
		}
	}
	t.Fatal("the story has no such event")
	return nil
}

func TestExplain(t *testing.T) {
	t.Parallel()
	now := noon.Add(time.Minute)
	for name, test := range map[string]struct {
		until event.Type
		text  string
		alive bool
		hosts []string
	}{
		"explain-over":    {event.RunFinished, "", false, []string{"restbase1001.eqiad.wmnet", "restbase1002.eqiad.wmnet", "restbase1009.eqiad.wmnet"}},
		"explain-goes-on": {event.StepStarted, "check http.info", true, []string{"restbase1001.eqiad.wmnet", "restbase1005.eqiad.wmnet"}},
		"explain-died":    {event.StepStarted, "check http.info", false, []string{"restbase1001.eqiad.wmnet", "restbase1005.eqiad.wmnet"}},
		"explain-paused":  {event.Asked, "", true, []string{"restbase1005.eqiad.wmnet"}},
		"explain-begun":   {event.RunStarted, "", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := account(t, test.until, test.text, test.alive)
			golden(t, name, func(w io.Writer, s view.Style) {
				a.Run(w, now, s)
				for _, h := range test.hosts {
					io.WriteString(w, "\n----\n\n")
					if !a.Host(w, h, now, s) {
						t.Errorf("the run does not know %s", h)
					}
				}
			})
		})
	}
	if account(t, event.RunStarted, "", true).Host(&bytes.Buffer{}, "nobody", now, view.Style{}) {
		t.Error("it explains a host that is none of the run's")
	}
}
