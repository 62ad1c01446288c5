package view_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"shipit/exec/plan"
	"shipit/exec/view"
)

var tags = []string{fresh.Tag, old.Tag}

func starts(string) []string { return []string{"restbase.service"} }

func next(f plan.Finding) string { return "about " + string(f.Kind) }

// mixed is a fleet of which every host says something else.
func mixed(t *testing.T) (plan.Facts, view.Status) {
	t.Helper()
	def := evaluated(t, fresh)
	facts := fleet(def, old)
	for _, i := range []int{1, 2, 3} {
		facts.Hosts[i] = fleet(def, old, fresh).Hosts[i]
	}
	facts.Hosts[3].History = append(facts.Hosts[3].History, plan.Record{Time: noon.Unix(), Run: "run3", State: "bad", Release: fresh.ID, Tag: fresh.Tag})
	facts.Hosts[4] = plan.HostFacts{Name: facts.Hosts[4].Name, Unreachable: "10.64.0.5:22 refuses the connection", Help: "check that sshd runs there"}
	facts.Hosts[5].Live, facts.Hosts[5].Odd = "", "current is a directory"
	facts.Hosts[6].Lock = &plan.Holder{Run: "run9", Owner: "them@deploy1002", Since: noon.Unix(), Alive: true}
	facts.Hosts[7].Live, facts.Hosts[7].Releases = "by-hand", []string{"by-hand"}
	facts.Hosts[8].Live, facts.Hosts[8].History = "", nil
	facts.Hosts[9].Odd = hostile
	facts.Hosts[9].History[0].By, facts.Hosts[9].History[1].By = hostile, hostile
	return facts, view.StatusOf(def, facts, tags, starts)
}

func TestStatus(t *testing.T) {
	t.Parallel()
	_, odd := mixed(t)
	def := evaluated(t, fresh)
	good := view.StatusOf(def, fleet(def, old), tags[1:], starts)
	for name, st := range map[string]view.Status{"status-good": good, "status-mixed": odd} {
		golden(t, name, func(w io.Writer, s view.Style) { view.PrintStatus(w, st, next, noon, s) })
	}
}

func TestReleases(t *testing.T) {
	t.Parallel()
	facts, _ := mixed(t)
	list := []view.Release{
		{Tag: fresh.Tag, Commit: fresh.Commit, Author: "A U Thor", Subject: "rewrite the parser, and a subject that goes on and on and on", When: noon.Add(-3 * time.Hour), Live: []string{"a", "b", "c"}, Staged: 3, Good: 2, Bad: 1},
		{Tag: old.Tag, Commit: old.Commit, Author: hostile, Subject: hostile, When: noon.Add(-51 * time.Hour), Live: []string{"a"}, Staged: 8},
		{Tag: "release/2013-01-01/1", Commit: strings.Repeat("0", 40), Author: "B Utter", Subject: "the first", When: noon.Add(-890 * 24 * time.Hour)},
	}
	golden(t, "releases", func(w io.Writer, s view.Style) { view.Releases(w, list, facts, noon, s) })
	golden(t, "releases-offline", func(w io.Writer, s view.Style) { view.Releases(w, list[2:], plan.Facts{}, noon, s) })
}
