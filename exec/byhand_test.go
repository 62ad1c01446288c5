package exec

import (
	"os"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang"
)

func TestTheWayBackByHandIsThatOfTheRollback(t *testing.T) {
	t.Parallel()
	drain := plan.Step{Op: plan.OpDrain, Run: &lang.Command{Argv: []string{"pool", "out", "a b"}}}
	undrain := plan.Step{Op: plan.OpUndrain, Run: &lang.Command{Shell: "pool in"}}
	activate := plan.Step{Op: plan.OpActivate, Release: "v1"}
	unit := plan.Step{Op: plan.OpRestart, Kind: "systemd", Spec: map[string]any{"unit": "web.service"}}
	etc := plan.Step{Op: plan.OpRestore, File: &plan.File{Path: "/etc/web", Owner: "root", Group: "adm", Mode: "0640", Root: true}}
	fresh := plan.Step{Op: plan.OpRestore, File: &plan.File{Path: "etc/fresh", Absent: true}}
	host := plan.Host{Name: "h", Undo: []plan.Step{drain, etc, fresh, activate, unit, undrain}}
	p := &plan.Plan{Body: plan.Body{Path: "srv/web", User: "web", Hosts: []plan.Host{host}}}
	stuck := rollout.Host{Name: "h", Status: rollout.Stuck, Touched: true}
	want := []string{
		"cd srv/web",
		"(cd && sudo -u web -- pool out 'a b')",
		"(cd && sudo install -o root -g adm -m 0640 -T -- srv/web/.shipit/files/run-2.before/" + slug("/etc/web") + " /etc/web)",
		"(cd && rm -f -- etc/fresh)",
		"ln -sfn releases/v1 .current-by-hand && mv -fT .current-by-hand current",
		"sudo systemctl --no-pager reset-failed web.service",
		"sudo systemctl --no-pager restart web.service",
		"(cd && sudo -u web -- /bin/sh -c 'pool in')",
	}
	if diff := cmp.Diff(want, ByHand(p, stuck, "run-2")); diff != "" {
		t.Error(diff)
	}
	for _, h := range []rollout.Host{{Name: "h", Status: rollout.Undone, Touched: true}, {Name: "h", Status: rollout.Stuck}, {Name: "x", Status: rollout.Stuck, Touched: true}} {
		if got := ByHand(p, h, "run-2"); got != nil {
			t.Errorf("%+v: %q", h, got)
		}
	}
	p.Body.Kind, p.Body.Hosts[0].Undo, p.Body.Hosts[0].Switch = plan.Rollback, nil, []plan.Step{activate}
	if got := ByHand(p, stuck, "run-2"); len(got) != 2 || !strings.HasPrefix(got[1], "ln ") {
		t.Errorf("the commands of a rollback that failed are %q", got)
	}
}

// What a person is told to type does what the rollback would have done.
func TestTheWayBackByHandWorks(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	s.must(event.Switch, s.host.Switch)
	for i := range s.host.Undo {
		if f := s.host.Undo[i].File; f != nil && !f.Absent {
			f.Mode = "0640"
		}
	}
	s.plan.Body.Hosts = []plan.Host{*s.host}
	lines := ByHand(s.plan, rollout.Host{Name: "h", Status: rollout.Stuck, Touched: true}, s.run)
	cmd := osexec.Command("sh", "-e")
	cmd.Dir, cmd.Env, cmd.Stdin = s.home, append(os.Environ(), "HOME="+s.home), strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, strings.Join(lines, "\n"))
	}
	s.want("live", s.live(), "releases/v1")
	s.want("file", s.read("etc/conf"), oldConf)
	if _, err := os.Stat(s.home + "/etc/fresh"); !os.IsNotExist(err) {
		t.Error("a file that was new is still there")
	}
	if log := s.read("log"); !strings.HasSuffix(log, "out\nrestart one \nin\n") {
		t.Errorf("it did:\n%s", log)
	}
}
