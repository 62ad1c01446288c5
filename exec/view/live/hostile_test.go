package live_test

import (
	"regexp"
	"testing"

	"shipit/exec/event"
	"shipit/exec/view/live"
	"shipit/lang/diag/diagtest"
)

// ours are the attributes of text that a screen without colours uses.
var ours = regexp.MustCompile(`\x1b\[[127]?m`)

// What a hostile program prints is inert on the screen, in the log of a host
// as among the failures, also where the journal that it stands in was not ours.
func TestHostileOutputIsInertOnTheScreen(t *testing.T) {
	t.Parallel()
	for _, sample := range diagtest.Hostile() {
		p := fleet(3)
		s := live.New(p, "run-1")
		host := p.Body.Hosts[0].Name
		for i, e := range []event.Event{
			{Type: event.RunStarted, Text: sample.Text, By: sample.Text},
			{Type: event.BatchStarted, Batch: "canary", Slice: 1, Text: sample.Text},
			{Type: event.HostStarted, Host: host, Phase: event.Switch, Text: sample.Text},
			{Type: event.StepStarted, Host: host, Phase: event.Switch, Step: "restart", Text: sample.Text},
			{Type: event.Output, Host: host, Phase: event.Switch, Step: "restart", Text: sample.Text},
			{Type: event.Note, Text: sample.Text, Detail: []string{sample.Text}},
			{Type: event.StepFailed, Host: host, Phase: event.Switch, Step: "restart", Text: sample.Text, Detail: []string{sample.Text, sample.Text}},
			{Type: event.HostFailed, Host: host, Phase: event.Switch, Step: "restart", Text: sample.Text, Cause: event.Failed},
			{Type: event.Asked, Text: sample.Text, Choices: []string{"continue", "stop"}, Safe: "stop", Until: noon},
		} {
			e.Seq, e.Time, e.Run = int64(i+1), noon, "run-1"
			s.Apply(e)
		}
		for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 12}} {
			c := &live.Screen{Width: size[0], Height: size[1], Now: noon, Look: live.Look{}}
			for _, key := range []string{"", "l"} {
				if key != "" {
					c.Press(s, key)
				}
				if why := diagtest.Problem(ours.ReplaceAllString(c.Draw(s), "")); why != "" {
					t.Errorf("%s at %v behind %q: %s", sample.Name, size, key, why)
				}
			}
		}
	}
}
