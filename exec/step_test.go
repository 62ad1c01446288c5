package exec

import (
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

// A desk is one host with two complete releases, v1 live, and a plan to v2.
type desk struct {
	t    *testing.T
	home string
	conn remote.Conn
	plan *plan.Plan
	host *plan.Host
	raw  map[string]string
	run  string

	fence  *remote.Fence             // of a lock that is held
	change func(shell string) string // of a step, nil for none
}

const oldConf, newConf = "old\n", "new 'quoted' $(touch pwned)\n\n"

func newDesk(t *testing.T) *desk {
	t.Helper()
	s := &desk{t: t, home: t.TempDir(), run: "run-2"}
	var err error
	if s.conn, err = remote.NewLocal(s.home).Dial(t.Context(), remote.Target{Name: "h"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	put(t, s.home, map[string]string{
		"my app/releases/v1/name": "one\n", "my app/releases/v2/name": "two\n",
		"my app/.shipit/manifest/v1": "", "my app/.shipit/manifest/v2": "",
		"my app/current": "-> releases/v1", "etc/conf": oldConf, "etc/kept": "kept\n",
	})
	v1, v2 := plan.Release{ID: "v1", Tag: "v/1", Commit: "c1"}, plan.Release{ID: "v2", Tag: "v/2", Commit: "c2"}
	s.plan = &plan.Plan{Body: plan.Body{Kind: plan.Deploy, Service: "app", Env: "test", Path: "my app", Release: v2}}
	s.plan.Body.Contents = map[string]string{digest(newConf): newConf}
	conf := &plan.File{Path: "etc/conf", SHA256: digest(newConf), Mode: "0600"}
	fresh := &plan.File{Path: "etc/fresh", SHA256: digest(newConf), Mode: "0644"}
	say := func(id string, op plan.Op, text string) plan.Step {
		return plan.Step{ID: id, Op: op, Run: &lang.Command{Shell: "echo " + text + " >>log"}}
	}
	restart := plan.Step{ID: "restart", Op: plan.OpRestart, Kind: "command", Spec: map[string]any{
		"shell": `echo "restart $(cat 'my app/current/name') $SHIPIT_TAG" >>log`,
	}}
	check := plan.Step{ID: "check.command.up", Op: plan.OpCheck, Kind: "command", Spec: map[string]any{"shell": `echo "check $SHIPIT_HOST $SHIPIT_ADDRESS" >>log`}}
	s.host = &plan.Host{
		Name: "h", Address: "it's 10.0.0.1", From: v1, To: v2, Back: v1,
		Fingerprint: plan.Fingerprint{Files: map[string]string{"etc/conf": "", "etc/fresh": "", "etc/kept": ""}},
		Switch: []plan.Step{
			say("drain", plan.OpDrain, "out"),
			{ID: "file:etc/conf", Op: plan.OpFile, File: conf},
			{ID: "file:etc/fresh", Op: plan.OpFile, File: fresh},
			{ID: "activate", Op: plan.OpActivate, Release: "v2"},
			restart, check, say("undrain", plan.OpUndrain, "in"),
		},
		Undo: []plan.Step{
			say("drain", plan.OpDrain, "out"),
			{ID: "restore:etc/conf", Op: plan.OpRestore, File: &plan.File{Path: "etc/conf", Mode: "0644"}},
			{ID: "restore:etc/fresh", Op: plan.OpRestore, File: &plan.File{Path: "etc/fresh", Absent: true}},
			{ID: "activate", Op: plan.OpActivate, Release: "v1"},
			restart, say("undrain", plan.OpUndrain, "in"),
		},
	}
	s.raw = map[string]string{"etc/conf": digest(oldConf), "etc/fresh": "absent"}
	return s
}

// do runs steps as a phase and tells what went wrong as its last output.
func (s *desk) do(phase event.Phase, steps []plan.Step) error {
	s.t.Helper()
	fence := remote.Fence{}
	if s.fence != nil {
		fence = *s.fence
	}
	cmd, err := Command(s.host, phase, steps, Context{
		Fence: fence, Plan: s.plan, Run: s.run, By: "ann@desk", Raw: s.raw, First: true, Last: s.fence == nil || phase == event.Undo || confirms(steps),
		Content: func(f *plan.File) (string, error) { return s.plan.Body.Contents[f.SHA256], nil },
		Release: func(id string) plan.Release {
			for _, r := range []plan.Release{s.host.From, s.host.To} {
				if r.ID == id {
					return r
				}
			}
			return plan.Release{ID: id}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if !confirms(steps) {
		cmd.Fence = s.fence
	}
	if s.change != nil {
		for i := range cmd.Steps {
			cmd.Steps[i].Shell = s.change(cmd.Steps[i].Shell)
		}
	}
	err = s.conn.Run(s.t.Context(), cmd)
	var no *remote.StepError
	if errors.As(err, &no) {
		return fmt.Errorf("%s: %s", no.Step, strings.Join(no.Output, "\n"))
	}
	return err
}

func (s *desk) must(phase event.Phase, steps []plan.Step) {
	s.t.Helper()
	if err := s.do(phase, steps); err != nil {
		s.t.Fatal(err)
	}
}

func (s *desk) read(path string) string {
	b, err := os.ReadFile(filepath.Join(s.home, path))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (s *desk) live() string { l, _ := os.Readlink(filepath.Join(s.home, "my app/current")); return l }

// states are the host's history: state and release of each line.
func (s *desk) states() []string {
	var out []string
	for _, r := range history(s.read("my app/.shipit/history")) {
		out = append(out, r.State+" "+r.Release)
	}
	return out
}

func (s *desk) want(what, got, want string) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s:\n%s", what, diff)
	}
}

func TestSwitchAndUndo(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	s.must(event.Switch, s.host.Switch)
	s.want("log", s.read("log"), "out\nrestart two v/2\ncheck h it's 10.0.0.1\nin\n")
	s.want("current", s.live(), "releases/v2")
	s.want("conf", s.read("etc/conf"), newConf)
	info, err := os.Stat(filepath.Join(s.home, "etc/conf"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	s.want("history", strings.Join(s.states(), ", "), "begun v2, live v2, good v2")
	f := ask(t, NewFleet(remote.NewLocal(s.home)), Question{Path: "my app", Saved: true})
	var kept []string
	for path := range f.Saved["run-2"] {
		kept = append(kept, path)
	}
	slices.Sort(kept)
	if diff := cmp.Diff([]string{"etc/conf", "etc/fresh", "etc/kept"}, kept); diff != "" {
		t.Error("files that the run left: " + diff)
	}

	// H7: code and files both go back.
	s.must(event.Undo, s.host.Undo)
	s.want("current", s.live(), "releases/v1")
	s.want("conf", s.read("etc/conf"), oldConf)
	if _, err := os.Lstat(filepath.Join(s.home, "etc/fresh")); err == nil {
		t.Error("a file that was not there before is still there")
	}
	if info, _ := os.Stat(filepath.Join(s.home, "etc/conf")); info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, want the one before", info.Mode())
	}
	s.want("log", s.read("log"), "out\nrestart two v/2\ncheck h it's 10.0.0.1\nin\nout\nrestart one v/1\nin\n")
	s.want("history", strings.Join(s.states(), ", "), "begun v2, live v2, good v2, begun v1, bad v2, live v1, undone v2")
	if _, err := os.Stat(filepath.Join(s.home, "pwned")); err == nil {
		t.Error("a content was run")
	}
	for _, p := range []string{"etc/conf.shipit-new", "my app/.current-run-2"} {
		if _, err := os.Lstat(filepath.Join(s.home, p)); err == nil {
			t.Errorf("%s is left", p)
		}
	}
}

func TestFailedStepEndsTheSwitchAndUndoIsSafe(t *testing.T) {
	t.Parallel()
	for n := range 7 {
		s := newDesk(t)
		steps := slices.Clone(s.host.Switch)
		steps[n] = plan.Step{ID: "broken", Op: plan.OpHook, Run: &lang.Command{Shell: "echo no; exit 3"}}
		if err := s.do(event.Switch, steps); err == nil || err.Error() != "broken: no" {
			t.Fatalf("step %d: %v", n, err)
		}
		if strings.Contains(s.read("log"), "in\n") {
			t.Errorf("step %d failed, and the host is back in service", n)
		}
		s.must(event.Undo, s.host.Undo)
		s.want("current", s.live(), "releases/v1")
		s.want("conf", s.read("etc/conf"), oldConf)
		if _, err := os.Lstat(filepath.Join(s.home, "etc/fresh")); err == nil {
			t.Error("a new file is left")
		}
		if slices.Contains(s.states(), "good v2") {
			t.Error("a failed release is called good")
		}
	}
}

func TestRepeatedSwitchKeepsTheFirstCopies(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	s.must(event.Switch, s.host.Switch[:3])
	s.raw = nil
	s.must(event.Switch, s.host.Switch)
	s.must(event.Undo, s.host.Undo)
	s.want("conf", s.read("etc/conf"), oldConf)
}

func TestHostThatMovedIsRefusedWithTheDifference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		move       func(s *desk)
	}{
		{"current", "current changed since the plan: was releases/v1, is releases/v2", func(s *desk) {
			os.Remove(filepath.Join(s.home, "my app/current"))
			put(t, s.home, map[string]string{"my app/current": "-> releases/v2"})
		}},
		{"gone", "current changed since the plan: was releases/v1, is nothing", func(s *desk) {
			os.Remove(filepath.Join(s.home, "my app/current"))
		}},
		{"file", "etc/conf changed since the plan: was " + digest(oldConf) + ", is " + digest("x"), func(s *desk) {
			put(t, s.home, map[string]string{"etc/conf": "x"})
		}},
		{"new file", "etc/fresh changed since the plan: was absent, is a symbolic link", func(s *desk) {
			put(t, s.home, map[string]string{"etc/fresh": "-> conf"})
		}},
	} {
		s := newDesk(t)
		c.move(s)
		err := s.do(event.Switch, s.host.Switch)
		if err == nil || err.Error() != verifyStep+": "+c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := os.Stat(filepath.Join(s.home, "log")); err == nil {
			t.Errorf("%s: something ran", c.name)
		}
	}
}

// H4, H9: only what is complete can be activated.
func TestH4IncompleteReleaseIsNeverActivated(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"my app/.shipit/manifest/v2", "my app/releases/v2"} {
		s := newDesk(t)
		if err := os.RemoveAll(filepath.Join(s.home, gone)); err != nil {
			t.Fatal(err)
		}
		err := s.do(event.Switch, s.host.Switch[3:4])
		if err == nil || !strings.Contains(err.Error(), "release v2 is not complete") {
			t.Errorf("without %s: %v", gone, err)
		}
		s.want("current", s.live(), "releases/v1")
	}
}

// current is the old release or the new one for whoever looks, at any time.
func TestCurrentIsNeverAway(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	watch := `cd "$0"; while [ ! -e stop ]; do cat current/name >/dev/null || echo gone; done`
	cmd := osexec.Command("/bin/sh", "-c", watch, filepath.Join(s.home, "my app"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		s.must(event.After, []plan.Step{{ID: "activate", Op: plan.OpActivate, Release: "v2"}})
		s.must(event.After, []plan.Step{{ID: "activate", Op: plan.OpActivate, Release: "v1"}})
	}
	put(t, s.home, map[string]string{"my app/stop": ""})
	if err := cmd.Wait(); err != nil || out.String() != "" {
		t.Errorf("%v: %.300s", err, out.String())
	}
}

func TestFileNeverFollowsALink(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	put(t, s.home, map[string]string{"etc/fresh": "-> victim", "etc/victim": "mine\n", "etc/fresh.shipit-new": "-> victim"})
	s.must(event.After, s.host.Switch[2:3])
	s.want("victim", s.read("etc/victim"), "mine\n")
	if info, err := os.Lstat(filepath.Join(s.home, "etc/fresh")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v %v", info, err)
	}
}

func TestRestoreFromAnotherRun(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Skip(err)
	}
	dir := "my app/.shipit/files/run-1/"
	put(t, s.home, map[string]string{
		dir + slug("etc/conf") + ".meta":  fmt.Sprintf("file %s 640 %s %s\netc/conf", digest("saved\n"), me.Username, group.Name),
		dir + slug("etc/conf"):            "saved\n",
		dir + slug("etc/kept") + ".meta":  "absent - - - -\netc/kept",
		dir + slug("etc/fresh") + ".meta": fmt.Sprintf("file %s 640 %s %s\netc/fresh", digest("other"), me.Username, group.Name),
		dir + slug("etc/fresh"):           "damaged",
	})
	restore := func(path string) []plan.Step {
		return []plan.Step{{ID: "restore", Op: plan.OpRestore, SavedBy: "run-1", File: &plan.File{Path: path}}}
	}
	s.must(event.After, restore("etc/conf"))
	s.want("conf", s.read("etc/conf"), "saved\n")
	s.must(event.After, restore("etc/kept"))
	if _, err := os.Stat(filepath.Join(s.home, "etc/kept")); err == nil {
		t.Error("a file that was absent is there")
	}
	for path, want := range map[string]string{"etc/fresh": "damaged", "etc/other": "left no copy"} {
		if err := s.do(event.After, restore(path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPruneRemovesExactlyWhatIsListed(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	put(t, s.home, map[string]string{
		"my app/releases/v0/d/f": "", "my app/.shipit/manifest/v0": "",
		"my app/.shipit/files/run-0/x": "", "my app/.shipit/files/run-0.before/x": "", "my app/.shipit/files/run-1/x": "",
	})
	prune := func(names ...string) []plan.Step { return []plan.Step{{ID: "prune", Op: plan.OpPrune, Remove: names}} }
	s.must(event.Prune, prune("v0", "run:run-0"))
	for _, p := range []string{"releases/v0", ".shipit/manifest/v0", ".shipit/files/run-0", ".shipit/files/run-0.before", ".shipit/incoming-run-2.old"} {
		if _, err := os.Lstat(filepath.Join(s.home, "my app", p)); err == nil {
			t.Errorf("%s is still there", p)
		}
	}
	for _, p := range []string{"releases/v1", "releases/v2", ".shipit/files/run-1"} {
		if _, err := os.Lstat(filepath.Join(s.home, "my app", p)); err != nil {
			t.Error(err)
		}
	}
	if err := s.do(event.Prune, prune("v1")); err == nil || !strings.Contains(err.Error(), "v1 is live") {
		t.Errorf("the live release: %v", err)
	}
	for _, bad := range []string{"../x", "run:..", ""} {
		_, err := Command(s.host, event.Prune, prune(bad), Context{Plan: s.plan, Run: "r", Release: func(string) plan.Release { return plan.Release{} }})
		if err == nil {
			t.Errorf("%q may be removed", bad)
		}
	}
}

func TestSudoIsAskedForWhatTheStepsRun(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	root := &plan.File{Path: "/etc/a b", SHA256: digest(newConf), Owner: "root", Group: "adm", Mode: "0640", Root: true}
	s.host.Switch = []plan.Step{
		{ID: "f", Op: plan.OpFile, File: root},
		{ID: "restart", Op: plan.OpRestart, Kind: "systemd", Spec: map[string]any{"unit": "x.service"}},
	}
	s.host.Undo = nil
	s.plan.Body.Hosts = []plan.Host{*s.host}
	cmd, err := Command(s.host, event.Switch, s.host.Switch, Context{
		Plan: s.plan, Run: "r", First: true, Last: true,
		Content: func(*plan.File) (string, error) { return newConf, nil },
		Release: func(id string) plan.Release { return plan.Release{ID: id} },
	})
	if err != nil {
		t.Fatal(err)
	}
	var shell strings.Builder
	for _, st := range cmd.Steps {
		shell.WriteString(st.Shell)
	}
	q := QuestionsOf(s.plan, "/repo")[0]
	var asked []string
	for _, args := range q.Sudo {
		asked = append(asked, sudoLine(args))
		command := " " + remote.Join(args[slices.Index(args, "--")+1:])
		if !slices.ContainsFunc([]string{"\n", " ||", " >/dev/null"}, func(end string) bool { return strings.Contains(shell.String(), command+end) }) {
			t.Errorf("no step runs exactly %q", sudoLine(args))
		}
	}
	ready := "'my app/.shipit/tmp/" + slug("/etc/a b") + "'"
	want := []string{
		"sudo -n -- install -o root -g adm -m 0640 -T -- " + ready + " '/etc/a b.shipit-new'",
		"sudo -n -- mv -T -- '/etc/a b.shipit-new' '/etc/a b'",
		"sudo -n -- systemctl --no-pager reset-failed x.service",
		"sudo -n -- systemctl --no-pager restart x.service",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(shell.String(), newConf) {
		t.Error("a content stands in a script as it is")
	}
}
