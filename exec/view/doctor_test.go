package view_test

import (
	"io"
	"testing"
	"time"

	"shipit/exec/plan"
	"shipit/exec/view"
)

func TestACheckupIsGrouped(t *testing.T) {
	t.Parallel()
	health := func(git string, wait time.Duration) *plan.Health {
		return &plan.Health{
			System: "Debian GNU/Linux 12 (bookworm)", Kernel: "Linux 6.1.0 x86_64", Login: "deploy", Key: "ssh-ed25519 SHA256:abc", Shell: "/bin/bash", Sh: "/usr/bin/dash",
			Versions: map[string]string{"git": git, "tar": "1.34"}, Dial: 40 * time.Millisecond, Answer: wait, Skew: wait / 10, Error: wait / 2, Used: 35,
		}
	}
	sudo := plan.Ailment{Kind: "sudo", Level: plan.Stops, Text: `deploy may not run "systemctl restart restbase" without a password`, Help: "install the lines that this prints:", Type: []string{"shipit sudoers restbase.hcl -e production"}}
	noise := plan.Ailment{Kind: "noise", Level: plan.Notes, Text: `its login shell says "Welcome\x1b[2J" by itself`}
	c := view.Checkup{
		Service: "restbase", Env: "production",
		Here: view.HereCheckup{
			Facts:    []view.HereFact{{Name: "git", Value: "2.43.0"}, {Name: "state", Value: "/home/me/.local/state"}},
			Ailments: []plan.Ailment{{Kind: "releases", Level: plan.Stops, Text: "deploy.git has no tag of the scheme v{semver}", Help: "correct scheme (restbase.hcl:12)"}},
		},
		Hosts: []view.HostCheckup{
			view.NewHostCheckup("rb1001", []plan.Ailment{noise}, health("2.39.5", 20*time.Millisecond)),
			view.NewHostCheckup("rb1002", []plan.Ailment{sudo}, health("2.39.5", 30*time.Millisecond)),
			view.NewHostCheckup("rb1003", []plan.Ailment{sudo, noise}, health("2.30.2", 20*time.Millisecond)),
			view.NewHostCheckup("rb1004", []plan.Ailment{{Kind: "unreachable", Level: plan.Stops, Text: "cannot be reached: connection refused", Help: "try: ssh deploy@rb1004 true"}}, nil),
			view.NewHostCheckup("rb1005", []plan.Ailment{{Kind: "clock", Level: plan.Warns, Text: "its clock is 12s before ours", Help: "check its time service"}}, health("2.39.5", 25*time.Millisecond)),
		},
	}
	golden(t, "doctor", func(w io.Writer, s view.Style) {
		view.PrintHere(w, c, s)
		view.PrintHosts(w, c, s)
	})
	well := view.Checkup{Service: "hello", Env: "default", Hosts: c.Hosts[:1]}
	golden(t, "doctor_well", func(w io.Writer, s view.Style) { view.PrintHosts(w, well, s) })
}
