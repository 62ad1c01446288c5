package plan

import (
	"slices"
	"strings"
	"testing"
)

// begun is a host that a run began to take to a release, and how far it came.
func begun(f HostFacts, r Release, states ...string) HostFacts {
	for _, state := range append([]string{"begun"}, states...) {
		f.History = append(f.History, Record{Time: 9000, Run: "run9", State: state, Release: r.ID, By: "me@here", Tag: r.Tag, Commit: r.Commit})
	}
	if !slices.Contains(f.Releases, r.ID) {
		f.Releases = append(f.Releases, r.ID)
	}
	if slices.Contains(states, "live") {
		f.Live = r.ID
	}
	return f
}

// A host that was perhaps drained and never put back is never "unchanged",
// whatever release it shall run.
func TestAHostInBetweenIsTakenToACheckedEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		facts  HostFacts
		want   Release
		action Action
	}{
		{"drained, and the old one is wanted", begun(host("web01", r1), r2), r1, Update},
		{"drained, and the new one is wanted", begun(host("web01", r1), r2), r2, Update},
		{"activated", begun(host("web01", r1), r2, "live"), r2, Update},
		{"a change of files only", begun(host("web01", r1), r1), r1, Update},
		{"ended well", begun(host("web01", r1), r2, "live", "good"), r2, Keep},
		{"undone", begun(host("web01", r1), r2, "undone"), r1, Keep},
	} {
		def := definition(1, c.want)
		for i := range def.Targets[0].Checks {
			def.Targets[0].Checks[i].Preflight = true
		}
		p := Make(deploy(def, Facts{Hosts: []HostFacts{c.facts}}, c.want))
		h := p.Host("web01")
		if h.Action != c.action {
			t.Errorf("%s: the action is %s, want %s", c.name, h.Action, c.action)
		}
		if h.Action == Update && ids(h.Switch) != "drain activate restart check.http.info undrain" {
			t.Errorf("%s: the steps are %s", c.name, ids(h.Switch))
		}
		if h.Action == Update && len(h.Before) > 0 {
			t.Errorf("%s: what a dead run left half done is asked whether it is well: %s", c.name, ids(h.Before))
		}
		noted := slices.ContainsFunc(p.Body.Notes, func(n string) bool { return strings.Contains(n, "shipit resume run9") })
		if noted != (c.action == Update) {
			t.Errorf("%s: the notes are %q", c.name, p.Body.Notes)
		}
	}
}

// While a run is at work, what it has not ended is nobody else's business.
func TestARunAtWorkIsNotCalledInterrupted(t *testing.T) {
	t.Parallel()
	f := begun(host("web01", r1), r2)
	f.Lock = &Holder{Run: "run9", Owner: "me@here", Alive: true}
	p := Make(deploy(definition(1, r2), Facts{Hosts: []HostFacts{f}}, r2))
	if slices.ContainsFunc(p.Body.Notes, func(n string) bool { return strings.Contains(n, "resume") }) {
		t.Errorf("the notes are %q", p.Body.Notes)
	}
}

// A rollback leaves what the interrupted run was bringing, also where that was
// not activated anywhere yet, and never the release before.
func TestARollbackAfterAnInterruptedRunGoesBackOnce(t *testing.T) {
	t.Parallel()
	facts := Facts{Hosts: []HostFacts{begun(host("web01", r1, r2), r3), host("web02", r1, r2)}}
	p := Make(back(definition(2, r3), facts, ""))
	if h := p.Host("web01"); h.Action != Update || h.To.ID != r2.ID {
		t.Errorf("web01: %s to %s, want it on %s again", h.Action, h.To.Tag, r2.Tag)
	}
	if h := p.Host("web02"); h.Action != Keep {
		t.Errorf("web02, which the run never reached, goes to %s", h.To.Tag)
	}
}

// Wherever a run was cut off, a deploy or a rollback, the rollback that
// follows leads to one release, and the host ends whole and in service.
func TestARollbackLeadsWhereTheCutOffOneWasGoing(t *testing.T) {
	t.Parallel()
	again := begun(host("web01", r1, r2, r1), r2)
	half := begun(host("web01", r1, r2, r3), r2)
	flipped := begun(host("web01", r1, r2, r3), r2, "live")
	undoing := begun(begun(host("web01", r1, r2), r3), r2, "bad")
	undoing.History[len(undoing.History)-1].Release = r3.ID
	drained := host("web01", r1, r2)
	drained.Drained = &Drain{Run: "run9"}
	for _, c := range []struct {
		name  string
		facts []HostFacts
		want  Release
	}{
		{"a release brought again", []HostFacts{again}, r1},
		{"a rollback, before it activated", []HostFacts{half}, r2},
		{"a rollback, activated", []HostFacts{flipped}, r2},
		{"a rollback, and the other host is back", []HostFacts{flipped, host("web02", r1, r2, r3, r2)}, r2},
		{"an undo", []HostFacts{undoing}, r2},
		{"left by another run, and the deploy was elsewhere", []HostFacts{begun(host("web01", r1, r2), r2), host("web02", r2, r3)}, r2},
		{"only the mark is left", []HostFacts{drained, host("web02", r2, r3)}, r2},
	} {
		p := Make(back(definition(len(c.facts), r3), Facts{Hosts: c.facts}, ""))
		if h := p.Host("web01"); h.Action != Update || h.To.ID != c.want.ID || ids(h.Switch) != "drain activate restart check.http.info undrain" {
			t.Errorf("%s: %s to %s (%s %s)", c.name, h.Action, h.To.Tag, ids(h.Switch), h.Problem)
		}
		if h := p.Host("web02"); h != nil && h.To.ID != r2.ID {
			t.Errorf("%s: web02 goes to %s", c.name, h.To.Tag)
		}
	}
}

func TestWhatARunDidIsTakenBack(t *testing.T) {
	t.Parallel()
	plan := Make(deploy(definition(1, r2), fleet(1, r1), r2))
	done := begun(host("web01", r1), r2, "live", "good")
	other := done
	other.History = append(slices.Clone(done.History), Record{Run: "run10", State: "begun", Release: r3.ID, By: "you@there"})
	home := begun(host("web01", r1), r2, "live", "good")
	for _, state := range []string{"begun", "live", "good"} {
		home.History = append(home.History, Record{Run: "run10", State: state, Release: r1.ID, By: "you@there"})
	}
	home.Live = r1.ID
	again := home
	again.History = home.History[:len(home.History)-1]
	gone := HostFacts{Name: "web01", Unreachable: "no route", Help: "is it up?"}
	for _, c := range []struct {
		name    string
		facts   HostFacts
		action  Action
		problem string
	}{
		{"done", done, Update, ""},
		{"in the middle", begun(host("web01", r1), r2), Update, ""},
		{"undone by the run itself", begun(host("web01", r1), r2, "live", "bad", "undone"), Keep, ""},
		{"never reached", host("web01", r1), Keep, ""},
		{"another run's since", other, Refuse, "run run10 of you@there changed it since; take that back first: shipit rollback run10"},
		{"back already", home, Keep, ""},
		{"a rollback that was interrupted", again, Update, ""},
		{"gone", gone, Unreachable, "no route; is it up?"},
	} {
		p := TakeBack{
			Plan: plan, Run: "run9", Begun: func(string) bool { return true },
			Facts: Facts{Hosts: []HostFacts{c.facts}}, Version: "test",
		}.Make()
		h := p.Host("web01")
		if h.Action != c.action || h.Problem != c.problem {
			t.Errorf("%s: %s %q, want %s %q", c.name, h.Action, h.Problem, c.action, c.problem)
		}
		if h.Action == Update && (h.To.ID != r1.ID || ids(h.Switch) != "drain activate restart check.http.info undrain") {
			t.Errorf("%s: to %s by %s", c.name, h.To.Tag, ids(h.Switch))
		}
		if data, err := Encode(p); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if _, err := Decode(data); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	first := Make(deploy(definition(1, r2), fleet(1), r2))
	p := TakeBack{Plan: first, Run: "run9", Begun: func(string) bool { return true }, Facts: Facts{Hosts: []HostFacts{begun(host("web01"), r2, "live", "good")}}}.Make()
	if h := p.Host("web01"); h.Action != Refuse || !strings.Contains(h.Problem, "there is nothing to go back to") {
		t.Errorf("a first deploy: %s %q", h.Action, h.Problem)
	}
}
