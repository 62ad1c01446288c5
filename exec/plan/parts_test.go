package plan

import (
	"slices"
	"strings"
	"testing"

	"shipit/lang"
)

func TestRenamePutsOneReleaseInThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	from := Release{ID: "v1-3-0123456789ab", Tag: "v1-3", Commit: "0123456789abcdef0123456789abcdef01234567"}
	to := Release{ID: "v1-2-ba9876543210", Tag: "v1-2", Commit: "ba98765432100123456789abcdef0123456789ab"}
	unknown := Release{ID: "adopted"}
	for _, c := range []struct {
		to       Release
		in, want string
		ok       bool
	}{
		{to, `"version":"v1-3"`, `"version":"v1-2"`, true},
		{to, "v1-3", "v1-2", true},
		{to, "v1-3-0123456789ab/x", "v1-2-ba9876543210/x", true},
		{to, "at 0123456 now", "at ba98765 now", true},
		{to, from.Commit, to.Commit, true},
		{to, "012345", "012345", true},     // too short to mean the commit
		{to, "0123456x", "0123456x", true}, // a word that only begins so
		{to, "xv1-3 v1-30 v1-3_", "xv1-3 v1-30 v1-3_", true},
		{to, "", "", true},
		{to, "nothing ü of it", "nothing ü of it", true},
		{unknown, "says v1-3", "says ", false},
		{unknown, "says 0123456789", "says ", false},
		{unknown, "in v1-3-0123456789ab", "in adopted", true},
		{unknown, "says nothing", "says nothing", true},
	} {
		if got, ok := (rename{from, c.to}).text(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q becomes %q, %t; want %q, %t", c.in, got, ok, c.want, c.ok)
		}
	}
	spec, ok := rename{from, to}.spec(map[string]any{
		"run": []any{"x", "v1-3"}, "words": []string{"v1-3"}, "deep": map[string]any{"a": "v1-3"}, "headers": map[string]string{"b": "v1-3"}, "n": int64(3),
	})
	if !ok || spec["run"].([]any)[1] != "v1-2" || spec["words"].([]any)[0] != "v1-2" || spec["n"] != int64(3) ||
		spec["deep"].(map[string]any)["a"] != "v1-2" || spec["headers"].(map[string]any)["b"] != "v1-2" {
		t.Errorf("attributes become %v", spec)
	}
}

func TestPatternsUnfold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"web[01-03].x":     "web01.x web02.x web03.x",
		"web[1,3-4]":       "web1 web3 web4",
		"rb1002..1004.x":   "rb1002.x rb1003.x rb1004.x",
		"a[1-2]b[8-9]":     "a1b8 a1b9 a2b8 a2b9",
		"web[09-11]":       "web09 web10 web11",
		"web[1-3]*":        "", // globs
		"web[012]":         "",
		"web*":             "",
		"web":              "",
		"web[3-1]":         "",
		"web[1-999999999]": "",
		"web..":            "",
	} {
		got, ok := unfold(in)
		if s := strings.Join(got, " "); s != want || ok != (want != "") {
			t.Errorf("%s: %q, %t", in, s, ok)
		}
	}
	if got, _ := unfold("[0-9999]x[0-9999]"); len(got) > mostUnfolded {
		t.Errorf("a range unfolds to %d names", len(got))
	}
}

func TestSharesRoundForSafety(t *testing.T) {
	t.Parallel()
	half := lang.Size{N: 50, Percent: true}
	if got := forgiven(half, 3); got != 1 {
		t.Errorf("50%% of 3 hosts may fail: %d", got)
	}
	def := definition(3, r2)
	def.Service.Batches = []lang.Batch{{Name: "all", Size: half, MaxFailed: lang.Size{N: 2}}}
	b := Make(deploy(def, fleet(3, r1), r2)).Body.Batches[0]
	if len(b.Slices[0]) != 2 || b.MaxFailed != 2 {
		t.Errorf("%v", b)
	}
}

func TestHostsThatNoBatchNamesAreNotForgotten(t *testing.T) {
	t.Parallel()
	def := definition(3, r2)
	def.Service.Batches = []lang.Batch{{Name: "canary", Hosts: []string{"web02"}}}
	batches := Make(deploy(def, fleet(3, r1), r2)).Body.Batches
	if len(batches) != 2 || len(batches[1].Slices) != 2 {
		t.Errorf("%v", batches)
	}
}

func TestVariablesAreKeptOrHashed(t *testing.T) {
	t.Parallel()
	def := definition(1, r1)
	def.Variables = []lang.Variable{
		{Name: "workers", JSON: "8", From: "default", Known: true},
		{Name: "password", JSON: `"hunter2"`, From: "--var", Sensitive: true, Known: true},
		{Name: "missing"},
	}
	p := Make(deploy(def, fleet(1, r1), r1))
	v := p.Body.Variables
	if v[0].Value != "8" || v[1].Value != "" || v[1].Hash != Hash(salt, `"hunter2"`) {
		t.Errorf("%+v", v)
	}
	if problems := p.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "--var missing=") {
		t.Errorf("%q", problems)
	}
}

func TestFailedAssertStandsAgainstThePlan(t *testing.T) {
	t.Parallel()
	def := definition(1, r2)
	def.Asserts = []lang.Assert{
		{Message: "two hosts are needed", Level: "error", Range: at(50)},
		{Message: "better have three", Level: "warn", Range: at(54)},
		{Message: "fine", Level: "error", OK: true},
	}
	p := Make(deploy(def, fleet(1, r1), r2))
	if got := p.Problems(); len(got) != 1 || got[0] != "an assert of the definition does not hold: two hosts are needed (web.hcl:50)" {
		t.Errorf("%q", got)
	}
	if !slices.Contains(p.Body.Notes, "better have three (web.hcl:54)") {
		t.Errorf("%q", p.Body.Notes)
	}
}

func TestManyHostsWithOneProblemAreToldOnce(t *testing.T) {
	t.Parallel()
	facts := fleet(8, r1)
	for i := range facts.Hosts {
		facts.Hosts[i].Unreachable = "connection refused"
	}
	got := Make(deploy(definition(8, r2), facts, r2)).Problems()
	want := "web[01-08] cannot be reached: connection refused (or go on with --without HOST for each of them)"
	if len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
}

func TestFactsOfAHostThatWasNotAskedAreAProblem(t *testing.T) {
	t.Parallel()
	p := Make(deploy(definition(2, r2), fleet(1, r1), r2))
	if h := p.Host("web02"); h.Action != Unreachable || len(p.Problems()) != 1 {
		t.Errorf("%s: %q", h.Action, p.Problems())
	}
	if p.Host("db01") != nil {
		t.Error("a host that is not in the plan was found")
	}
}

func TestCommitsAreKeptForWhereHostsStart(t *testing.T) {
	t.Parallel()
	in := deploy(definition(2, r3), fleet(2, r1), r3)
	in.Facts.Hosts[1] = host("web02", r1, r2)
	in.Logs = []Log{{From: r3.ID}, {From: r2.ID, Total: 1}, {From: r1.ID, Total: 2}}
	got := Make(in).Body.Commits
	if len(got) != 2 || got[0].From != r1.ID || got[1].From != r2.ID {
		t.Errorf("%+v", got)
	}
}

func TestRollbackPolicyOfARollbackIsEmpty(t *testing.T) {
	t.Parallel()
	p := Make(back(definition(1, r3), fleet(1, r1, r2), ""))
	if len(p.Body.Rollback.On) > 0 || len(p.Host("web01").Undo) > 0 || len(p.Host("web01").Stage) > 0 {
		t.Error("a rollback would be rolled back, or bring something")
	}
}

func TestDefinitionOfTheOtherReleaseIsWhatIsAskedThere(t *testing.T) {
	t.Parallel()
	old := definition(1, r1)
	old.Targets[0].Checks[0].Attrs["contains"] = "the old page" // no word of it can be guessed
	old.Targets[0].Drain.Out.Argv = []string{"old-pool", "out"}
	in := deploy(definition(1, r2), fleet(1, r1), r2)
	in.Others = map[string]*lang.Definition{r1.ID: old}
	h := Make(in).Host("web01")
	if h.Undo[0].Run.Argv[0] != "old-pool" || h.Undo[3].Spec["contains"] != "the old page" {
		t.Errorf("the undo asks %v", h.Undo[3].Spec)
	}
	if h.Switch[0].Run.Argv[0] != "pool" || h.Switch[3].Spec["contains"] != `"version":"release/2"` {
		t.Errorf("the switch asks %v", h.Switch[3].Spec)
	}
	old.Service.Hooks = []lang.Hook{{Name: "say", At: "finish", Run: lang.Command{Argv: []string{"say", "back on 1"}}}}
	in = back(definition(1, r3), fleet(1, r1, r2), "")
	in.Others = map[string]*lang.Definition{r1.ID: old}
	p := Make(in)
	if s := p.Host("web01").Switch[3]; s.Spec["contains"] != "the old page" {
		t.Errorf("the rollback asks %v", s.Spec)
	}
	if len(p.Body.Hooks) != 1 || p.Body.Hooks[0].Run.Argv[1] != "back on 1" {
		t.Errorf("the rollback announces %v", p.Body.Hooks)
	}
}
