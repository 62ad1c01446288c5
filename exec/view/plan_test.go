package view_test

import (
	"io"
	"strings"
	"testing"

	"shipit/exec/plan"
	"shipit/exec/view"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, inputs := range map[string]func(*testing.T) plan.Inputs{
		"plan-deploy": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			return deploy(def, fleet(def, old))
		},
		"plan-first": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			facts := fleet(def)
			for i := range facts.Hosts {
				facts.Hosts[i].Files = map[string]plan.FileFact{"/etc/restbase/config.yaml": {}, "/etc/restbase/secret": {}}
			}
			in := deploy(def, facts)
			in.Logs, in.Options.Limit = nil, []string{"restbase10[01-03].eqiad.wmnet"}
			return in
		},
		"plan-nothing": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			return deploy(def, fleet(def, old, fresh))
		},
		"plan-files": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			facts := fleet(def, old, fresh)
			facts.Hosts[3].Files["/etc/restbase/config.yaml"] = present("name: by hand\nworkers: 2\n", "0644")
			facts.Hosts[4].Files["/etc/restbase/secret"] = present("password: swordfish\n", "0400")
			facts.Hosts[5].Files["/etc/restbase/config.yaml"] = plan.FileFact{
				Exists: true, SHA256: strings.Repeat("0", 64), Big: true, Mode: "0600", Owner: "deploy", Group: "deploy",
			}
			return deploy(def, facts)
		},
		"plan-refused": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			facts := fleet(def, old)
			for _, i := range []int{1, 2} {
				facts.Hosts[i] = plan.HostFacts{
					Name: facts.Hosts[i].Name, Unreachable: "10.0.0.1:22 refuses the connection", Problem: "unreachable", Help: "check that sshd runs there",
				}
			}
			facts.Hosts[5].FreeKiB = 0
			facts.Hosts[6].Denied = "cannot write /srv/deployment/restbase"
			facts.Hosts[7].Lock = &plan.Holder{Run: "run9", Owner: "them@deploy1002", Since: noon.Unix(), Reason: "T1234", Alive: true}
			in := deploy(def, facts)
			in.Git = plan.Git{Commit: strings.Repeat("a", 40), Dirty: true}
			return in
		},
		"plan-without": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			facts := fleet(def, old)
			facts.Hosts[1] = plan.HostFacts{Name: facts.Hosts[1].Name, Unreachable: "no answer", Problem: "timeout"}
			in := deploy(def, facts)
			in.Options.Without = []string{facts.Hosts[1].Name, facts.Hosts[2].Name}
			return in
		},
		"plan-mixed": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			facts := fleet(def, old)
			newer := plan.Release{ID: "release-2015-06-15-1-333333333333", Tag: "release/2015-06-15/1", Commit: strings.Repeat("3", 40)}
			for _, i := range []int{7, 8, 9} {
				facts.Hosts[i] = fleet(def, old, newer).Hosts[i]
			}
			in := deploy(def, facts)
			in.Logs = append(in.Logs,
				plan.Log{From: newer.ID, FromTag: newer.Tag, Back: true, Total: 1, Commits: []plan.Commit{{ID: newer.Commit, Subject: "break it", Author: "C Areless"}}},
				plan.Log{From: "by-hand", Problem: "nothing on the host says which commit it is"})
			return in
		},
		"plan-rollback": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			in := deploy(def, fleet(def, old, fresh))
			in.Kind, in.Release, in.Logs, in.As = plan.Rollback, plan.Release{}, nil, fresh
			return in
		},
		"plan-hostile": func(t *testing.T) plan.Inputs {
			def := evaluated(t, fresh)
			facts := fleet(def, old)
			facts.Hosts[0].Files["/etc/restbase/config.yaml"] = present(hostile+"\r+ fake", "0644")
			facts.Hosts[1] = plan.HostFacts{Name: facts.Hosts[1].Name, Unreachable: hostile, Help: hostile}
			facts.Hosts[2].Live, facts.Hosts[2].Odd = "", hostile
			facts.Hosts[3].Lock = &plan.Holder{Run: hostile, Owner: hostile, Reason: hostile, Alive: true}
			facts.Hosts[4].Denied = hostile
			facts.Hosts[5].History[0].Tag, facts.Hosts[5].History[1].Tag = hostile, hostile
			in := deploy(def, facts)
			in.Release.Subject = hostile
			in.Logs[0].Commits[0] = plan.Commit{ID: strings.Repeat("2", 40), Subject: hostile, Author: hostile}
			in.Logs = append(in.Logs, plan.Log{From: "x", FromTag: hostile, Problem: hostile})
			def.Service.Name, def.Env.Name = "restbase"+hostile, hostile
			return in
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan.Make(inputs(t))
			golden(t, name, func(w io.Writer, s view.Style) { view.Plan(w, p, s) })
		})
	}
}

func TestNoSecretIsInAPlan(t *testing.T) {
	t.Parallel()
	def := evaluated(t, fresh)
	facts := fleet(def)
	facts.Hosts[0].Files["/etc/restbase/secret"] = present("password: swordfish\n", "0400")
	var b strings.Builder
	view.Plan(&b, plan.Make(deploy(def, facts)), view.Style{})
	for _, secret := range []string{"hunter2", "swordfish"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the plan shows %s:\n%s", secret, b.String())
		}
	}
}
