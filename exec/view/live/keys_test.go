package live_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"shipit/exec/event"
	"shipit/exec/view/live"
)

// press presses keys, and gives the wishes that came of them.
func press(c *live.Screen, s *stage, keys ...string) (wishes []live.Wish) {
	for _, k := range keys {
		if w, ok := c.Press(s.State, k); ok {
			wishes = append(wishes, w)
		}
	}
	return wishes
}

func TestKeys(t *testing.T) {
	t.Parallel()
	const first, third = "restbase1001.eqiad.wmnet", "restbase1003.eqiad.wmnet"
	able := func(live.Action) string { return "" }
	for name, test := range map[string]struct {
		scene  string
		can    func(live.Action) string
		keys   string
		want   []live.Wish
		notice string
	}{
		"pause":                             {"switching", nil, "p", []live.Wish{{Do: live.Pause}}, ""},
		"continue":                          {"paused", nil, "c", []live.Wish{{Do: live.Continue}}, ""},
		"abort asks once":                   {"switching", nil, "a", nil, ""},
		"abort, and yes":                    {"switching", nil, "a a", []live.Wish{{Do: live.Abort}}, ""},
		"abort, and something else":         {"switching", nil, "a down a", nil, ""},
		"abort of what is stopped":          {"stopped", nil, "a a", nil, "is stopped already"},
		"abort of what is over":             {"done", nil, "a a", nil, "the run is over"},
		"confirm":                           {"question", nil, "y", []live.Wish{{Do: live.Answer, Choice: "continue", Batch: "canary"}}, ""},
		"nothing to confirm":                {"switching", nil, "y", nil, "nothing is to be confirmed"},
		"yes is no answer to what now":      {"stopped", nil, "y", nil, "nothing is to be confirmed"},
		"no":                                {"question", nil, "2 enter", []live.Wish{{Do: live.Answer, Choice: "stop", Batch: "canary"}}, ""},
		"the rollback":                      {"stopped", nil, "1 enter", []live.Wish{{Do: live.Answer, Choice: "rollback"}}, ""},
		"a change of mind":                  {"stopped", nil, "1 3 enter", []live.Wish{{Do: live.Answer, Choice: "continue"}}, ""},
		"a choice that is taken back":       {"stopped", nil, "1 p enter", nil, ""},
		"no such choice":                    {"stopped", nil, "4 enter 0 enter", nil, ""},
		"enter alone":                       {"stopped", nil, "enter", nil, ""},
		"retry the first that failed":       {"failing", able, "r", []live.Wish{{Do: live.Retry, Host: third}}, ""},
		"skip the chosen one":               {"failing", able, "right left left s", []live.Wish{{Do: live.Skip, Host: first}}, ""},
		"retry nothing":                     {"locking", able, "r", nil, "no host is chosen"},
		"retry where that cannot be":        {"failing", nil, "r", nil, "retry is not available: this run cannot be told so"},
		"detach":                            {"switching", able, "d", []live.Wish{{Do: live.Detach}}, ""},
		"search":                            {"switching", able, "/ 1 0 0 1 enter s", []live.Wish{{Do: live.Skip, Host: first}}, ""},
		"search backwards":                  {"switching", able, "/ 9 backspace 1 0 0 1 enter s", []live.Wish{{Do: live.Skip, Host: first}}, ""},
		"search for nobody":                 {"switching", able, "/ x", nil, "no host has \"x\" in its name"},
		"the next that matches":             {"switching", able, "/ 1 0 0 enter n s", []live.Wish{{Do: live.Skip, Host: "restbase1004.eqiad.wmnet"}}, ""},
		"keys of the run sleep in a search": {"switching", able, "/ a a p q esc", nil, ""},
		"and in the help":                   {"switching", able, "? a a p esc", nil, ""},
		"and in a log":                      {"switching", able, "l a a p up down pgup pgdown right left esc", nil, ""},
		"q in the help goes back":           {"switching", able, "? q", nil, ""},
		"leave":                             {"switching", nil, "q", []live.Wish{{Do: live.Leave}}, ""},
		"interrupt, wherever":               {"switching", nil, "ctrl+c / ctrl+c esc ? ctrl+z", []live.Wish{{Do: live.Interrupt}, {Do: live.Interrupt}, {Do: live.Suspend}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scenes[test.scene](12)
			c := s.screen(80, 24)
			if test.can != nil {
				c.Can = test.can
			}
			got := press(c, s, strings.Fields(test.keys)...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("other wishes (-want +got):\n%s", diff)
			}
			if !strings.Contains(c.Notice, test.notice) || test.notice == "" && c.Notice != "" {
				t.Errorf("it says %q, want %q", c.Notice, test.notice)
			}
			fits(t, c.Draw(s.State), 80, 24)
		})
	}
}

// TestParts: what keys make the screen show.
func TestParts(t *testing.T) {
	t.Parallel()
	ar := &txtar.Archive{}
	for _, part := range []struct{ name, scene, keys string }{
		{"help", "failing", "?"},
		{"log of the first that failed", "failing", "l"},
		{"the log before", "failing", "l up up up up up up up up"},
		{"search", "failing", "/ 1 0 1"},
		{"chosen", "failing", "right right"},
		{"abort", "switching", "a"},
		{"answer", "stopped", "1"},
		{"not available", "switching", "d"},
	} {
		s := scenes[part.scene](12)
		c := s.screen(80, 24)
		press(c, s, strings.Fields(part.keys)...)
		screen := c.Draw(s.State)
		fits(t, screen, 80, 24)
		ar.Files = append(ar.Files, drawn(part.name, screen))
	}
	golden(t, "keys", ar)
}

// TestAnythingFits: whatever a journal says, whatever is pressed, and whatever
// the size: a screen is a screen.
func TestAnythingFits(t *testing.T) {
	t.Parallel()
	types := []event.Type{
		event.RunStarted, event.RunResumed, event.HostStarted, event.StepStarted, event.StepDone, event.StepFailed, event.HostDone, event.HostFailed,
		event.BatchStarted, event.BatchDone, event.GateOpened, event.GatePassed, event.GateRefused, event.HookStarted, event.HookDone, event.HookFailed,
		event.Asked, event.Answered, event.Paused, event.Continued, event.Aborted, event.Halted, event.RollingBack, event.LockLost, event.Note,
		event.RunFinished, "moon.rose",
	}
	keys := strings.Fields("p c y a r s d l / n ? q 1 2 enter esc tab shift+tab left right up down pgup pgdown backspace x ü ctrl+c f1")
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(rapid.SampledFrom([]int{3, 30}).Draw(rt, "hosts"))
		c := s.screen(0, 0)
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			s.say(event.Event{
				Type: rapid.SampledFrom(types).Draw(rt, "type"), Host: rapid.SampledFrom([]string{"", "nobody", "restbase1001.eqiad.wmnet", "restbase1002.eqiad.wmnet"}).Draw(rt, "host"),
				Phase: rapid.SampledFrom([]event.Phase{"", event.Stage, event.Switch, event.After, event.Undo, event.Prune}).Draw(rt, "phase"),
				Step:  rapid.SampledFrom([]string{"", "stage", "restart", "gone"}).Draw(rt, "step"),
				Batch: rapid.SampledFrom([]string{"", "canary", "quarter", "gone"}).Draw(rt, "batch"), Slice: rapid.IntRange(0, 3).Draw(rt, "slice"),
				Text: rapid.SampledFrom([]string{"", "something", hostile, strings.Repeat("世", 300)}).Draw(rt, "text"), Detail: []string{hostile},
				Outcome: event.Mixed,
				Choices: rapid.SampledFrom([][]string{nil, {"continue", "stop"}}).Draw(rt, "choices"),
			})
			if s.Finished() && s.Sentence(s.now) == "" {
				rt.Fatal("a run is over and nothing says so")
			}
			press(c, s, rapid.SampledFrom(keys).Draw(rt, "key"))
			c.Width, c.Height = rapid.IntRange(-1, 130).Draw(rt, "width"), rapid.IntRange(-1, 50).Draw(rt, "height")
			c.Look.Color = rapid.Bool().Draw(rt, "colour")
			screen := c.Draw(s.State)
			fits(rt, screen, c.Width, c.Height)
		}
	})
}
