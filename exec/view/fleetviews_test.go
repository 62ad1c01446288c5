package view_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shipit/exec/plan"
	"shipit/exec/view"
)

var tags = []string{fresh.Tag, old.Tag}

func starts(string) []string { return []string{"restbase.service"} }

func next(f plan.Finding) []string { return []string{"about " + string(f.Kind)} }

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
	facts.Hosts[9].Drained = &plan.Drain{Run: hostile}
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
	small, large := good, good
	small.Hosts = slices.Clone(good.Hosts[:3])
	small.Hosts[2].Since -= 7200 // it went back, say, when the others had not
	large.Hosts = nil
	for i := range 500 {
		h := good.Hosts[i%10]
		h.Name = fmt.Sprintf("restbase%d.%s.wmnet", 1000+i, []string{"eqiad", "codfw", "esams"}[i%3])
		switch {
		case i == 77:
			h = odd.Hosts[3]
		case i%50 == 4:
			h.Findings = []plan.Finding{{Kind: plan.FileMoved, Text: "/etc/restbase/config.yaml (content changed; mode 0600, was 0644) since run run1", Path: "/etc/restbase/config.yaml"}}
		}
		large.Hosts = append(large.Hosts, h)
	}
	for name, st := range map[string]view.Status{"status-narrow-3": small, "status-narrow-500": large, "status-narrow-odd": odd} {
		golden(t, name, func(w io.Writer, s view.Style) {
			s.Width = 80
			var b strings.Builder
			view.PrintStatus(&b, st, next, noon, view.Style{Width: 80})
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
					t.Errorf("%s: a line has %d columns: %s", name, n, line)
				}
			}
			view.PrintStatus(w, st, next, noon, s)
		})
	}
}

func TestReleases(t *testing.T) {
	t.Parallel()
	facts, _ := mixed(t)
	list := []view.Release{
		{Tag: fresh.Tag, Commit: fresh.Commit, Author: "A U Thor", Subject: "rewrite the parser, and a subject that goes on and on and on", When: noon.Add(-3 * time.Hour)},
		{Tag: old.Tag, Commit: old.Commit, Author: hostile, Subject: hostile, When: noon.Add(-51 * time.Hour)},
		{Tag: "release/2013-01-01/1", Commit: strings.Repeat("0", 40), Author: "B Utter", Subject: "the first", When: noon.Add(-890 * 24 * time.Hour)},
	}
	ids := []string{fresh.ID, old.ID, "release-2013-01-01-1-000000000000"}
	in := func(asked ...view.Asked) []view.Release {
		rows := slices.Clone(list)
		for i := range rows {
			for _, a := range asked {
				ended := view.Presence{Env: a.Env}
				if i == 2 {
					ended.Ended, ended.Run = "rolled back", "run1"
				}
				rows[i].Add(ids[i], ended, a.Facts)
			}
		}
		return rows
	}
	one := []view.Asked{{Env: "production", Facts: facts}}
	golden(t, "releases", func(w io.Writer, s view.Style) { view.Releases(w, in(one...), one, noon, s) })
	golden(t, "releases-offline", func(w io.Writer, s view.Style) {
		view.Releases(w, in(view.Asked{Env: "production"})[2:], nil, noon, s)
	})
	few := plan.Facts{Hosts: []plan.HostFacts{
		{Name: "beta1", Live: fresh.ID, Releases: []string{fresh.ID, old.ID}},
		{Name: "beta2", Unreachable: "no route to host"},
	}}
	two := append(slices.Clone(one), view.Asked{Env: "beta", Facts: few})
	golden(t, "releases-environments", func(w io.Writer, s view.Style) {
		rows := in(two...)
		rows[0].Verified = &view.Verified{OK: true, By: "ada@example.org"}
		rows[1].Verified = &view.Verified{Why: "it is not signed"}
		view.Releases(w, rows, two, noon, s)
	})
}
