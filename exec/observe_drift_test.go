package exec

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

func TestDriftIsObserved(t *testing.T) {
	t.Parallel()
	f, home := local(t)
	put(t, home, map[string]string{
		"app/releases/v1/f": "", "app/releases/mine/f": "", "app/releases/.hidden": "", "app/releases/-n $(touch pwned)/": "",
		"app/.shipit/manifest/v1": "", "app/current": "-> releases/v1",
		"app/.shipit/drained":             "12\trun-2\n",
		"app/.shipit/incoming-run-3/f":    "",
		"app/.shipit/incoming-run-3.list": "",
		"app/.shipit/files/run-1/a.meta":  "file s1 644 me me\netc/x", "app/.shipit/files/run-1/a": "a secret",
		"etc/x": "by hand",
	})
	h := ask(t, f, Question{Path: "app", Drift: true, Files: []FileQ{{Path: "etc/x"}}})
	if diff := cmp.Diff([]string{"-n $(touch pwned)", "mine", ".hidden"}, h.Strays); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"run-3"}, h.Incoming); diff != "" {
		t.Errorf("on their way (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&plan.Drain{Run: "run-2", Since: 12}, h.Drained); diff != "" {
		t.Errorf("drained (-want +got):\n%s", diff)
	}
	saved := h.Saved["run-1"]["etc/x"]
	if saved.SHA256 != "s1" || saved.Content != "" || h.Files["etc/x"].Content != "" || h.Files["etc/x"].SHA256 == "" {
		t.Errorf("contents were sent, or no digests: %+v and %+v", saved, h.Files["etc/x"])
	}
	if h := ask(t, f, Question{Path: "app"}); h.Strays != nil || h.Incoming != nil || h.Saved != nil || h.Drained == nil {
		t.Errorf("a plan is told %+v", h)
	}
	if _, err := os.Stat(filepath.Join(home, "pwned")); err == nil {
		t.Error("a name was run")
	}
}

func TestTheStartOfAProcessIsObserved(t *testing.T) {
	t.Parallel()
	f, _ := local(t)
	conn, err := f.Conn(t.Context(), remote.Target{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	before := time.Now()
	err = conn.Run(t.Context(), remote.Command{
		Steps: []remote.Step{{ID: "look", Shell: "p=x\n" + observeScript + "started mine $$\nstarted nobody 99999999\nstarted odd self/../..\n"}},
		On:    func(r remote.Record) { said[r.Key] = r.Text },
	})
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(said["mine"], 10, 64)
	if err != nil || at < before.Unix()-5 || at > time.Now().Unix()+5 { // the kernel counts in hundredths, uptime in seconds
		t.Errorf("a shell that started after %d did so at %q", before.Unix(), said["mine"])
	}
	if said["nobody"] != "" || said["odd"] != "" {
		t.Errorf("what does not run started at %q, %q", said["nobody"], said["odd"])
	}
}

// A drain and its pair leave no mark; one whose pair did not run does.
func TestADrainLeavesAMarkUntilItsPair(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	const mark = "my app/.shipit/drained"
	s.host.Switch[0].Run.Shell += "; [ -s 'my app/.shipit/drained' ]" // it is there before the drain
	s.must(event.Switch, s.host.Switch)
	if _, err := os.Stat(filepath.Join(s.home, mark)); err == nil {
		t.Error("the mark is there after the pair")
	}
	s = newDesk(t)
	s.host.Switch[5].Spec["shell"], s.host.Switch[5].Within = "exit 1", lang.Duration(time.Second)
	if err := s.do(event.Switch, s.host.Switch); err == nil {
		t.Fatal("a check that says no is none")
	}
	if got := drained(s.read(mark)); got == nil || got.Run != s.run || got.Since == 0 {
		t.Errorf("the mark says %+v", got)
	}
	s.must(event.Undo, s.host.Undo)
	if _, err := os.Stat(filepath.Join(s.home, mark)); err == nil {
		t.Error("the mark is there after the undo")
	}
}

// What the engine leaves is what status calls in order, after a run that went
// well and after one that was undone; what a host that is stuck keeps is told.
func TestFindingsAfterARun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		broken []string
		code   event.Outcome
		want   map[string][]plan.Drift
	}{
		"done":   {nil, event.Done, map[string][]plan.Drift{}},
		"undone": {[]string{newRelease.ID}, event.RolledBack, map[string][]plan.Drift{"web2": {plan.Ready}}},
		"stuck": {[]string{newRelease.ID, oldRelease.ID}, event.Mixed, map[string][]plan.Drift{
			"web1": {plan.Unfinished, plan.Drained}, "web2": {plan.Ready},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDrill(t, 2)
				for _, id := range test.broken {
					s.fleet.Host("web1").Broken[id] = true
				}
				if res, err := s.run(); err != nil || res.Outcome != test.code {
					t.Fatal(res, err)
				}
				fleet := NewFleet(s.fleet)
				defer fleet.Close()
				found := map[string][]plan.Drift{}
				for _, h := range Observe(t.Context(), fleet, DriftQuestions(s.def, ""), nil).Hosts {
					for _, f := range h.Findings(nil) {
						found[h.Name] = append(found[h.Name], f.Kind)
					}
				}
				if diff := cmp.Diff(test.want, found); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Files that were undone say nothing against the release that stays.
func TestUndoneFilesLeaveTheReleaseGood(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	s.host.To, s.host.Back = s.host.From, s.host.From
	put(t, s.home, map[string]string{"my app/.shipit/history": "1\trun-1\tgood\tv1\tme\tv/1\tc1\n"})
	s.must(event.Undo, s.host.Undo[4:])
	h := plan.HostFacts{Live: "v1", Releases: []string{"v1"}, History: history(s.read("my app/.shipit/history"))}
	if n := len(h.History); n < 2 || h.History[n-1].State != "undone" {
		t.Fatalf("the history says %+v", h.History)
	}
	if h.Mark("v1") != "good" || len(h.Findings(nil)) > 0 {
		t.Errorf("v1 is %q: %+v", h.Mark("v1"), h.Findings(nil))
	}
}
