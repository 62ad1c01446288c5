package live_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/view/live"
	"shipit/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)

const hostile = "\x1b]0;owned\a\x1b[2Jevil\tin\u202e\r\n\x9b31m \xff 世界"

// fleet is a deploy to n hosts: a canary that soaks and is confirmed, then a
// quarter, then the rest.
func fleet(n int) *plan.Plan {
	p := &plan.Plan{Digest: "sha256:1"}
	b := &p.Body
	b.Kind, b.Service, b.Env = plan.Deploy, "restbase", "production"
	b.Release = plan.Release{ID: "release-2015-06-12-1", Tag: "release/2015-06-12/1"}
	step := func(id string, op plan.Op, text string, within time.Duration) plan.Step {
		return plan.Step{ID: id, Op: op, Text: text, At: "restbase.hcl:58", Within: lang.Duration(within)}
	}
	var names []string
	for i := range n {
		name := fmt.Sprintf("restbase%04d.eqiad.wmnet", 1001+i)
		names = append(names, name)
		b.Hosts = append(b.Hosts, plan.Host{
			Name: name, Action: plan.Update, From: plan.Release{ID: "old", Tag: "release/2015-06-10/1"}, To: b.Release, Back: plan.Release{ID: "old"},
			Stage: []plan.Step{step("stage", plan.OpStage, "stage release/2015-06-12/1 by push", time.Minute)},
			Switch: []plan.Step{
				step("drain", plan.OpDrain, "drain: depool", 30*time.Second),
				step("activate", plan.OpActivate, "activate release/2015-06-12/1", 0),
				step("restart", plan.OpRestart, "restart systemd restbase.service", time.Minute),
				step("check.http.info", plan.OpCheck, "check http.info", 30*time.Second),
				step("undrain", plan.OpUndrain, "undrain: pool", 30*time.Second),
			},
			Undo: []plan.Step{step("undo.activate", plan.OpActivate, "activate release/2015-06-10/1", 0)},
		})
	}
	quarter := 1 + (n+3)/4
	b.Batches = []plan.Batch{
		{Name: "canary", Slices: [][]string{names[:1]}, Soak: lang.Duration(5 * time.Minute), Confirm: true},
		{Name: "quarter", Slices: [][]string{names[1:quarter]}, Soak: lang.Duration(time.Minute), Parallel: max(1, n/10), MaxUnhealthy: 1},
		{Name: "rest", Slices: [][]string{names[quarter:]}, Parallel: max(1, n/5), MaxUnhealthy: 1, MaxFailed: n},
	}
	b.Rollback = plan.Policy{On: []string{"check", "restart"}, Scope: "run"}
	return p
}

// A stage is a run on its way: the state that a reader has, and the rollout
// that says what a deployer would do next.
type stage struct {
	*live.State
	roll  *rollout.Rollout
	plan  *plan.Plan
	now   time.Time
	seq   int64
	fails map[string]string // by host: the step at which it fails
}

func newStage(n int) *stage {
	p := fleet(n)
	return &stage{State: live.New(p, "20150612T120000Z-3kq7"), roll: rollout.New(p), plan: p, now: noon, fails: map[string]string{}}
}

// say appends events, a second apart.
func (s *stage) say(events ...event.Event) {
	for _, e := range events {
		s.seq++
		s.now = s.now.Add(time.Second)
		e.Seq, e.Time, e.Run = s.seq, s.now, "20150612T120000Z-3kq7"
		s.roll.Apply(e)
		s.Apply(e)
	}
}

// begin is a run of n hosts that may start.
func begin(n int) *stage {
	s := newStage(n)
	s.say(event.Event{Type: event.RunStarted, By: "me@deploy1001", Text: "deploy of restbase in production started by me@deploy1001"})
	return s
}

// until does what comes next until an event of a type was written; where
// holds tells for which one.
func (s *stage) until(t event.Type, holds func(event.Event) bool) *stage {
	hit := false
	say := func(e event.Event) bool {
		s.say(e)
		hit = hit || e.Type == t && (holds == nil || holds(e))
		return hit
	}
	for range 100_000 {
		moved := false
		for _, a := range s.roll.Next() { // all that may begin, begins
			moved = true
			begun := event.Event{Type: event.HostStarted, Host: a.Host, Phase: a.Phase, Text: a.Host + ": " + string(a.Phase)}
			if a.Kind == rollout.RunPhase && say(begun) || a.Kind != rollout.RunPhase && s.do(a, say) {
				return s
			}
		}
		for _, a := range s.roll.InFlight() {
			moved = true
			if a.Kind == rollout.RunPhase && s.do(a, say) {
				return s
			}
		}
		if !moved {
			panic("nothing comes next")
		}
	}
	panic("it never happened")
}

func (s *stage) do(a rollout.Action, say func(event.Event) bool) (hit bool) {
	batch, slice := "", 0
	if a.Batch >= 0 {
		batch, slice = s.plan.Body.Batches[a.Batch].Name, a.Slice+1
	}
	e := event.Event{Host: a.Host, Phase: a.Phase, Batch: batch, Slice: slice, Text: a.Text}
	as := func(t event.Type, text string) event.Event {
		e := e
		e.Type, e.Text = t, text
		return e
	}
	switch a.Kind {
	case rollout.Record:
		if e.Text == "" {
			e.Text = "batch " + batch
		}
		e.Type = a.Type
		return say(e)
	case rollout.OpenGate:
		return say(as(event.GateOpened, "wait after batch "+batch)) || say(as(event.GatePassed, "batch "+batch+" holds"))
	case rollout.Finish:
		e = as(event.RunFinished, "the run is over")
		e.Outcome = s.roll.Outcome()
		return say(e)
	}
	for _, step := range s.roll.Steps(a) {
		e := as(event.StepStarted, a.Host+": "+step.Text)
		e.Step = step.ID
		if say(e) {
			return true
		}
		if s.fails[a.Host] == step.ID {
			e.Type, e.Text, e.At = event.StepFailed, a.Host+": "+step.ID+": status 500, wanted 200", step.At
			e.Detail = []string{"HTTP/1.1 500 Internal Server Error", "{\"error\": \"out of memory\"}"}
			hit := say(e)
			e.Type, e.Cause = event.HostFailed, event.Unhealthy
			return say(e) || hit
		}
		e.Type = event.StepDone
		if say(e) {
			return true
		}
	}
	return say(as(event.HostDone, a.Host+" is done"))
}

func at(host int, step string) func(event.Event) bool {
	return func(e event.Event) bool {
		return e.Host == fmt.Sprintf("restbase%04d.eqiad.wmnet", 1000+host) && (step == "" || e.Step == step)
	}
}

// scenes are the situations in which a run can be.
var scenes = map[string]func(n int) *stage{
	"locking": func(n int) *stage {
		s := newStage(n)
		s.Apply(event.Event{Type: event.Note, Time: noon, Text: "restbase1001.eqiad.wmnet: waiting for the lock of run 20150612T115900Z-77aa by you@deploy1001"})
		return s
	},
	"staging":   func(n int) *stage { return begin(n).until(event.StepStarted, at(2, "stage")) },
	"canary":    func(n int) *stage { return begin(n).until(event.StepStarted, at(1, "restart")) },
	"soaking":   func(n int) *stage { return begin(n).until(event.GateOpened, nil) },
	"question":  func(n int) *stage { return question(begin(n).until(event.GateOpened, nil)) },
	"switching": func(n int) *stage { return begin(n).until(event.StepStarted, at(3, "check.http.info")) },
	"failing":   failing,
	"back": func(n int) *stage {
		s := failing(n)
		s.say(event.Event{Type: event.Aborted, By: "me@deploy1001", Text: "aborted by me@deploy1001: no new host starts; the steps in flight end first"},
			event.Event{Type: event.Answered, By: "me@deploy1001", Choice: "rollback", Text: "me@deploy1001 answered: rollback"})
		return s.until(event.HostStarted, func(e event.Event) bool { return e.Phase == event.Undo && !at(3, "")(e) })
	},
	"mixed": func(n int) *stage {
		s := failing(n)
		s.say(event.Event{Type: event.Aborted, By: "me@deploy1001", Text: "aborted by me@deploy1001: no new host starts; the steps in flight end first"},
			event.Event{Type: event.RunFinished, Outcome: event.Mixed, Text: "the run is over: mixed"})
		return s
	},
	"paused": func(n int) *stage {
		s := begin(n).until(event.StepStarted, at(3, "restart"))
		s.say(event.Event{Type: event.Paused, By: "you@desk", Until: noon.Add(12 * time.Hour), Safe: "stop", Text: "paused by you@desk: no new host starts until somebody continues the run"})
		return s
	},
	"stopped": func(n int) *stage {
		s := begin(n).until(event.HostDone, func(e event.Event) bool { return e.Phase == event.Switch && at(2, "")(e) })
		s.say(event.Event{Type: event.Aborted, By: "me@deploy1001", Text: "aborted by me@deploy1001: no new host starts; the steps in flight end first"},
			event.Event{
				Type: event.Asked, Choices: []string{"rollback", "leave", "continue"}, Safe: "leave", Until: noon.Add(time.Hour),
				Text: "the run is stopped and nothing is under way; what now? (rollback, leave, continue; without an answer until 13:00:00 UTC: leave)",
			})
		return s
	},
	"lost": func(n int) *stage {
		s := begin(n).until(event.StepStarted, at(1, "activate"))
		s.say(event.Event{Type: event.LockLost, Host: "restbase1002.eqiad.wmnet", Text: "another run has taken restbase1002.eqiad.wmnet"})
		return s
	},
	"hostile": func(n int) *stage {
		s := failing(n)
		s.say(event.Event{Type: event.Note, Host: "restbase1002.eqiad.wmnet", Text: hostile, Detail: []string{hostile}},
			event.Event{Type: event.Asked, Choices: []string{hostile, "stop"}, Safe: hostile, Text: hostile, Batch: hostile})
		return s
	},
	"done": func(n int) *stage { return begin(n).until(event.RunFinished, nil) },
}

// failing is a run whose third host fails its check and is rolled back.
func failing(n int) *stage {
	s := begin(n)
	s.fails["restbase1003.eqiad.wmnet"] = "check.http.info"
	return s.until(event.HostFailed, nil)
}

func question(s *stage) *stage {
	s.now = s.now.Add(5 * time.Minute)
	s.say(event.Event{
		Type: event.Asked, Batch: "canary", Choices: []string{"continue", "stop"}, Safe: "stop", Until: s.now.Add(time.Hour),
		Text: "batch canary is done; go on with the next? (continue, stop; without an answer until 13:07:00 UTC: stop)",
	})
	return s
}

func (s *stage) screen(w, h int) *live.Screen {
	return &live.Screen{Width: w, Height: h, Now: s.now.Add(2500 * time.Millisecond), Can: func(a live.Action) string {
		if a == live.Detach || a == live.Retry || a == live.Skip {
			return "this run cannot be told so"
		}
		return ""
	}}
}

// golden compares a file of testdata/view with what was drawn.
func golden(t *testing.T, name string, ar *txtar.Archive) {
	t.Helper()
	file := filepath.Join("../../../testdata/view", "live-"+name+".txtar")
	if *update {
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(ar))); diff != "" {
		t.Errorf("it looks different (-want +got; go test -update writes it):\n%s", diff)
	}
}

func drawn(name, screen string) txtar.File {
	return txtar.File{Name: name, Data: []byte(strings.ReplaceAll(screen, "\x1b", "␛") + "\n")}
}

// uncoloured is what a screen may hold besides text.
var uncoloured = regexp.MustCompile("\x1b\\[[0-9;]*m")

// fits insists on a screen's size, and that nothing in it can move a cursor.
func fits(t interface {
	Helper()
	Errorf(string, ...any)
}, screen string, w, h int,
) {
	t.Helper()
	rows := strings.Split(uncoloured.ReplaceAllString(screen, ""), "\n")
	if len(rows) != h {
		t.Errorf("it has %d rows, want %d:\n%s", len(rows), h, screen)
	}
	for _, row := range rows {
		if n := wide(row); n > w {
			t.Errorf("a row is %d columns wide, want at most %d: %q", n, w, row)
		}
		if i := strings.IndexFunc(row, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\ufffd' }); i >= 0 {
			t.Errorf("a row holds what moves a cursor: %q", row)
		}
	}
}

// wide is how many columns a row takes: two for the wide characters that these
// tests use.
func wide(row string) int {
	n := 0
	for _, r := range row {
		n++
		if r >= 0x1100 && r <= 0xffdc && (r < 0x2000 || r > 0x2fff) {
			n++
		}
	}
	return n
}

func TestScenes(t *testing.T) {
	t.Parallel()
	for name, play := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(12)
			ar := &txtar.Archive{}
			for _, size := range [][2]int{{80, 24}, {40, 12}} {
				screen := s.screen(size[0], size[1]).Draw(s.State)
				fits(t, screen, size[0], size[1])
				ar.Files = append(ar.Files, drawn(fmt.Sprintf("%dx%d", size[0], size[1]), screen))
			}
			golden(t, name, ar)
		})
	}
}

// TestSizes: every fleet fits every terminal, and whatever the run does.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 30, 100, 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			ar := &txtar.Archive{}
			s := begin(n)
			s.fails["restbase1003.eqiad.wmnet"] = "check.http.info"
			s.until(event.StepStarted, at(min(n, 200), "restart"))
			for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}, {200, 60}} {
				screen := s.screen(size[0], size[1]).Draw(s.State)
				fits(t, screen, size[0], size[1])
				ar.Files = append(ar.Files, drawn(fmt.Sprintf("%dx%d", size[0], size[1]), screen))
			}
			golden(t, fmt.Sprintf("fleet-%d", n), ar)
			if n > 100 {
				return // a run of so many takes the tests too long
			}
			for name, play := range scenes {
				s := play(n)
				for _, size := range [][2]int{{80, 24}, {40, 12}, {1, 1}, {20, 5}, {30, 9}} {
					fits(t, s.screen(size[0], size[1]).Draw(s.State), max(size[0], 10), max(size[1], 4))
				}
				if t.Failed() {
					t.Fatal("in the scene " + name)
				}
			}
		})
	}
}

// TestLooks: colour says nothing that a sign does not say, and a terminal that
// knows only ASCII gets nothing else.
func TestLooks(t *testing.T) {
	t.Parallel()
	s := failing(12)
	colour, ascii := s.screen(80, 24), s.screen(80, 24)
	colour.Look.Color, ascii.Look.ASCII = true, true
	screen := ascii.Draw(s.State)
	if i := strings.IndexFunc(screen, func(r rune) bool { return r > '~' }); i >= 0 {
		t.Errorf("not ASCII: %q", screen[i:i+10])
	}
	golden(t, "looks", &txtar.Archive{Files: []txtar.File{drawn("colour", colour.Draw(s.State)), drawn("ascii", screen)}})
}
