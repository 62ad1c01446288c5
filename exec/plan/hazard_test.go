package plan

import (
	"slices"
	"strings"
	"testing"
)

// The hazards are those that deployers before this one had: see the numbers
// in the names.

func TestH1NoopNeverDrains(t *testing.T) {
	t.Parallel()
	def := definition(6, r1)
	for i := range def.Targets {
		def.Targets[i].Hooks = append(def.Targets[i].Hooks, hookAt("before_restart"), hookAt("before_stage"))
	}
	p := Make(deploy(def, fleet(6, r1), r1))
	if p.Changes() || len(p.Body.Batches) > 0 || len(p.Problems()) > 0 {
		t.Errorf("there is something to do: %v %v", p.Body.Batches, p.Problems())
	}
	for _, h := range p.Body.Hosts {
		all := slices.Concat(h.Stage, h.Switch, h.After, h.Undo, h.Prune)
		if h.Action != Keep || len(all) > 0 {
			t.Errorf("%s %s: %s", h.Action, h.Name, ids(all))
		}
	}
}

func TestH7CodeAndFilesGoBackTogether(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1)
	facts.Hosts[0].Files["/etc/web.conf"] = text("workers: 4\n")
	h := Make(deploy(definition(1, r2), facts, r2)).Host("web01")
	if got := ids(h.Undo); got != "drain restore:/etc/web.conf activate restart check.http.info undrain" {
		t.Errorf("the undo is %s", got)
	}
	if f := h.Undo[1].File; f.SHA256 != sum("workers: 4\n") || f.Mode != "0640" || f.Owner != "root" || !f.Root || h.Undo[1].SavedBy != "" {
		t.Errorf("the file does not go back to what it was: %+v", f)
	}
	if h.Undo[2].Release != r1.ID {
		t.Errorf("the release goes back to %s", h.Undo[2].Release)
	}
}

func TestH7RollbackRestoresTheFilesOfItsRelease(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1, r2)
	facts.Hosts[0].Saved["run1"] = map[string]FileFact{"/etc/web.conf": text("workers: 4\n"), "/etc/web.d/old": {}}
	facts.Hosts[0].Files["/etc/web.d/old"] = text("left over\n")
	h := Make(back(definition(1, r3), facts, "")).Host("web01")
	if got := ids(h.Switch); got != "drain restore:/etc/web.conf restore:/etc/web.d/old activate restart check.http.info undrain" {
		t.Fatalf("the rollback is %s", got)
	}
	if s := h.Switch[1]; s.SavedBy != "run1" || s.File.SHA256 != sum("workers: 4\n") {
		t.Errorf("restores %+v as %s left it", s.File, s.SavedBy)
	}
	if s := h.Switch[2]; !s.File.Absent {
		t.Errorf("a file that was not there stays: %+v", s.File)
	}
	if strings.Contains(h.Changes[2].Diff, "left over") {
		t.Error("a file that the definition does not know is shown: it may be sensitive")
	}
}

func TestH8UndoHasTheDrainPair(t *testing.T) {
	t.Parallel()
	h := Make(deploy(definition(1, r2), fleet(1, r1), r2)).Host("web01")
	first, last := h.Undo[0], h.Undo[len(h.Undo)-1]
	if first.Op != OpDrain || last.Op != OpUndrain || h.Undo[len(h.Undo)-2].Op != OpCheck {
		t.Errorf("the undo is %s", ids(h.Undo))
	}
}

func TestH9StagedReleaseIsNoTargetOfARollback(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1, r3)
	f := &facts.Hosts[0]
	f.Releases = append(f.Releases, r2.ID)
	f.History = append(f.History, Record{Time: 9000, Run: "run9", State: "staged", Release: r2.ID, Tag: r2.Tag})
	if h := Make(back(definition(1, r3), facts, "")).Host("web01"); h.To.ID != r1.ID {
		t.Errorf("the rollback goes to %s, which never ran", h.To.Name())
	}
}

func TestH10RollbackLeavesAloneWhatWasNeverTouched(t *testing.T) {
	t.Parallel()
	facts := fleet(4, r1)
	for i := range 2 {
		facts.Hosts[i] = host(facts.Hosts[i].Name, r1, r2)
	}
	p := Make(back(definition(4, r3), facts, ""))
	for i, want := range []Action{Update, Update, Keep, Keep} {
		if h := p.Body.Hosts[i]; h.Action != want || want == Keep && len(h.Switch) > 0 {
			t.Errorf("%s is %s %s, want %s", h.Name, h.Action, h.Problem, want)
		}
	}
	// Half of the way back is done: the same command goes the other half.
	facts.Hosts[0].Live = r1.ID
	facts.Hosts[0].History = append(facts.Hosts[0].History,
		Record{Time: 9000, Run: "run9", State: "live", Release: r1.ID}, Record{Time: 9001, Run: "run9", State: "good", Release: r1.ID})
	p = Make(back(definition(4, r3), facts, ""))
	if a, b := p.Host("web01"), p.Host("web02"); a.Action != Keep || b.Action != Update || b.To.ID != r1.ID {
		t.Errorf("after half a rollback: web01 %s to %s, web02 %s to %s", a.Action, a.To.Name(), b.Action, b.To.Name())
	}
}

func TestRollbackTwiceGoesFurtherBack(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1, r2, r3)
	f := &facts.Hosts[0]
	f.Live = r2.ID // after a rollback from r3
	f.History = append(f.History, Record{Time: 9000, Run: "run9", State: "live", Release: r2.ID}, Record{Time: 9001, Run: "run9", State: "good", Release: r2.ID})
	if h := Make(back(definition(1, r3), facts, "")).Host("web01"); h.To.ID != r1.ID {
		t.Errorf("the second rollback goes to %s", h.To.Name())
	}
}

func TestRollbackAfterFailedDeploySkipsTheBad(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"bad", "undone"} {
		facts := fleet(1, r1, r2, r3)
		f := &facts.Hosts[0]
		f.History = append(f.History, Record{Time: 9000, Run: "run9", State: state, Release: r2.ID})
		if h := Make(back(definition(1, r3), facts, "")).Host("web01"); h.To.ID != r1.ID {
			t.Errorf("%s: the rollback goes to %s", state, h.To.Name())
		}
	}
}

func TestRollbackWithOneReleaseIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	p := Make(back(definition(1, r3), fleet(1, r1), ""))
	problems := p.Problems()
	if p.Host("web01").Action != Refuse || len(problems) != 1 || !strings.Contains(problems[0], "no release before release/1 was good on it") {
		t.Errorf("%v", problems)
	}
}

func TestCleanupWithManyFailedReleasesKeepsTheGoodOne(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1)
	f := &facts.Hosts[0]
	for i := range 8 {
		id := "release-9-00000000000" + string(rune('0'+i))
		f.Releases = append(f.Releases, id)
		run := "failed" + id
		for _, state := range []string{"staged", "live", "bad"} {
			f.History = append(f.History, Record{Time: int64(5000 + i), Run: run, State: state, Release: id})
		}
		f.History = append(f.History, Record{Time: int64(5000 + i), Run: run, State: "live", Release: r1.ID})
		f.Saved[run] = nil
	}
	h := Make(deploy(definition(1, r2), facts, r2)).Host("web01")
	if len(h.Prune) != 1 {
		t.Fatal("nothing is pruned")
	}
	gone := h.Prune[0].Remove
	if slices.Contains(gone, r1.ID) || slices.Contains(gone, "run:run1") {
		t.Errorf("the only good release goes: %v", gone)
	}
	// keep is 3: the wanted, the good, and the newest of the failed.
	if len(gone) != 7+8 || gone[0] != "release-9-000000000000" || slices.Contains(gone, "release-9-000000000007") {
		t.Errorf("removes %v", gone)
	}
}

func TestDeployAfterALostRunIsDoneAgain(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1, r2)
	f := &facts.Hosts[0]
	f.History = f.History[:len(f.History)-1] // activated, and then the deployer died
	h := Make(deploy(definition(1, r2), facts, r2)).Host("web01")
	if h.Action != Update || h.Back.ID != r1.ID || ids(h.Stage) != "" || !strings.Contains(ids(h.Switch), "activate restart check") {
		t.Errorf("%s, back to %s: %s, %s", h.Action, h.Back.Name(), ids(h.Stage), ids(h.Switch))
	}
}

func TestHostThatWasUndoneIsAtRest(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1)
	f := &facts.Hosts[0]
	f.Releases = append(f.Releases, r2.ID)
	for _, rec := range []Record{{State: "staged", Release: r2.ID}, {State: "live", Release: r2.ID}, {State: "live", Release: r1.ID}, {State: "undone", Release: r2.ID}} {
		rec.Run = "run2"
		f.History = append(f.History, rec)
	}
	if h := Make(deploy(definition(1, r1), facts, r1)).Host("web01"); h.Action != Keep {
		t.Errorf("%s: a host that is back on its release is changed: %v", h.Action, h.Changes)
	}
}

func TestBadReleaseIsNothingToGoBackTo(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1, r2)
	f := &facts.Hosts[0]
	f.History = append(f.History, Record{Run: "run2", State: "bad", Release: r2.ID})
	f.Files["/etc/web.conf"] = text("workers: bad\n")
	f.Saved["run1"]["/etc/web.conf"] = text("workers: 1\n")
	def := definition(1, r3)
	h := Make(deploy(def, facts, r3)).Host("web01")
	if h.Back.ID != r1.ID {
		t.Fatalf("a failure goes back to %s", h.Back.Name())
	}
	if s := h.Undo[1]; s.Op != OpRestore || s.SavedBy != "run1" || s.File.SHA256 != sum("workers: 1\n") {
		t.Errorf("the files go back to those of the bad release: %s %+v", s.SavedBy, s.File)
	}
	def.Service.Rollback.To = "previous"
	if h := Make(deploy(def, facts, r3)).Host("web01"); h.Back.ID != r2.ID {
		t.Errorf("previous is %s", h.Back.Name())
	}
}

func TestCheckOfTheNewReleaseIsNotAskedOfAnUnknownOldOne(t *testing.T) {
	t.Parallel()
	facts := fleet(1, r1)
	facts.Hosts[0].History = nil // there before shipit
	p := Make(deploy(definition(1, r2), facts, r2))
	if got := ids(p.Host("web01").Undo); got != "drain activate restart undrain" {
		t.Errorf("the undo is %s", got)
	}
	if len(p.Body.Notes) != 1 || !strings.Contains(p.Body.Notes[0], "check.http.info") {
		t.Errorf("the plan does not say so: %q", p.Body.Notes)
	}
}
