package exec

import (
	"context"
	"encoding/base64"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	osexec "os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/check"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/restart"
	"shipit/lang"
	"shipit/lang/schema"
)

// block is a block of a service, by the schema.
func block(t *testing.T, name string) *schema.Block {
	t.Helper()
	for _, b := range schema.File().Blocks {
		for _, in := range b.Blocks {
			if b.Name == "service" && in.Name == name {
				return in
			}
		}
	}
	t.Fatal("no block ", name)
	return nil
}

// serviceScripts are what hosts run of every kind of check and restart.
func serviceScripts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	known := map[string]bool{"check prometheus": true} // which no host is asked
	for name, attrs := range map[string]map[string]any{
		"http": {
			"url": "http://h/x y", "status": []any{int64(200), "3xx"}, "contains": "it's", "matches": "a|'b'", "json": map[string]any{`.a[0]."b c"`: "it's"},
			"expect_headers": map[string]any{"X-A": "$1"}, "insecure": true,
		},
		"http headers": {"url": "http://h/", "headers": map[string]any{"A": "b"}},
		"tcp":          {"port": int64(80)},
		"systemd":      {"unit": "x.service"},
		"command":      {"shell": "echo it's"},
		"log":          {"file": "a b", "must_not": "it's", "max": int64(3), "window": "5s"},
		"log journal":  {"unit": "x.service", "must": "up"},
	} {
		kind, _, _ := strings.Cut(name, " ")
		s, err := check.Host(lang.Check{Spec: lang.Spec{Kind: kind, Name: "x", Attrs: attrs}, Within: lang.Duration(time.Minute)}, check.Place{Dir: "a b", Run: "r"})
		if err != nil {
			t.Fatal(name, err)
		}
		known["check "+kind] = true
		out["check "+name] = s.Shell()
		out["before "+name] = s.Before
	}
	for name, attrs := range map[string]map[string]any{
		"systemd":        {"units": []any{"a.service", "b.service"}},
		"systemd reload": {"unit": "a.service", "reload": true},
		"service":        {"name": "x"},
		"signal unit":    {"unit": "x.service", "signal": "USR2"},
		"signal file":    {"pid_file": "a b"},
		"command":        {"run": []any{"x", "it's"}},
		"none":           {},
	} {
		kind, _, _ := strings.Cut(name, " ")
		s, err := restart.New(lang.Restart{Spec: lang.Spec{Kind: kind, Attrs: attrs}})
		if err != nil {
			t.Fatal(name, err)
		}
		known["restart "+kind] = true
		out["restart "+name] = s.Shell
	}
	for _, block := range []*schema.Block{block(t, "check"), block(t, "restart")} {
		for _, k := range block.Kinds {
			if !known[block.Name+" "+k.Name] {
				t.Errorf("the %s %q has no script here", block.Name, k.Name)
			}
		}
	}
	return out
}

// phaseScripts are those that a run of a plan with everything sends: the whole
// of each, and its steps.
func phaseScripts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	seen := map[plan.Op]bool{}
	for _, b := range showable() {
		for _, h := range b.Hosts {
			for _, s := range slices.Concat(h.Stage, h.Switch, h.After, h.Undo, h.Prune, b.Hooks) {
				seen[s.Op] = true
			}
		}
		scripts, err := Scripts(t.Context(), Showing{Plan: &plan.Plan{Body: b}, By: "ann@desk"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scripts {
			name := s.Phase + " on " + strings.Join(s.Hosts, " ")
			out["whole "+name] = s.Whole
			for _, step := range s.Steps {
				out[name+": "+step.ID] = step.Shell
			}
		}
	}
	for _, op := range operations(t) {
		if !seen[op] {
			t.Errorf("no plan here has the operation %q", op)
		}
	}
	return out
}

// operations are all that steps of a plan can be, as its source has them.
func operations(t *testing.T) []plan.Op {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "plan/step.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ops []plan.Op
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Op" {
				text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				ops = append(ops, plan.Op(text))
			}
		}
		return true
	})
	if len(ops) < 10 {
		t.Fatal("operations that were found:", ops)
	}
	return ops
}

// showable are plans that between them have every operation.
func showable() []plan.Body {
	say := func(id string, op plan.Op) plan.Step {
		return plan.Step{ID: id, Op: op, Run: &lang.Command{Argv: []string{"x", "it's"}}}
	}
	f := &plan.File{Path: "/etc/a b", SHA256: digest("it's"), Owner: "root", Group: "web", Mode: "0640", Root: true}
	secret := &plan.File{Path: "/etc/key", Hash: "scrypt:" + digest("hush"), Mode: "0600"}
	check := plan.Step{ID: "check.tcp.x", Op: plan.OpCheck, Kind: "tcp", Spec: map[string]any{"port": int64(80)}}
	restart := plan.Step{ID: "restart", Op: plan.OpRestart, Kind: "systemd", Spec: map[string]any{"unit": "a.service"}}
	from := plan.Release{ID: "2026", Link: "/srv/my app/releases/2026"}
	host := plan.Host{
		Name: "h1", Action: plan.Update, From: from, Back: from, To: newRelease,
		Fingerprint: plan.Fingerprint{
			Files: map[string]string{f.Path: digest("old") + " 0640 root:web", secret.Path: "scrypt:" + digest("old secret") + " 0600 me:me"},
			Units: map[string]string{"a.service": "loaded active"},
		},
		Before: []plan.Step{check},
		Stage:  []plan.Step{{ID: "stage", Op: plan.OpStage, Release: newRelease.ID, Kind: "git", Spec: map[string]any{"shared": []any{"log"}}}},
		Switch: []plan.Step{
			say("drain", plan.OpDrain),
			{ID: "arm", Op: plan.OpArm},
			{ID: "file:a", Op: plan.OpFile, File: f},
			{ID: "file:key", Op: plan.OpFile, File: secret},
			{ID: "activate", Op: plan.OpActivate, Release: newRelease.ID},
			restart, check,
			{ID: "here", Op: plan.OpCheck, Kind: "tcp", From: "deployer"},
			say("undrain", plan.OpUndrain),
			{ID: "confirm", Op: plan.OpConfirm},
		},
		After: []plan.Step{check},
		Undo: []plan.Step{
			say("drain", plan.OpDrain),
			{ID: "restore:a", Op: plan.OpRestore, File: f, SavedBy: "run-0"},
			{ID: "restore:key", Op: plan.OpRestore, File: secret},
			{ID: "activate", Op: plan.OpActivate, Release: from.ID, Link: from.Link},
			restart, say("undrain", plan.OpUndrain),
		},
		Prune: []plan.Step{{ID: "prune", Op: plan.OpPrune, Remove: []string{"old one", "run:run-0"}}},
	}
	twin := host
	twin.Name = "h2"
	body := plan.Body{
		Kind: plan.Deploy, Service: "web", Env: "test", Path: "my app", User: "web", Repo: "https://git.example.org/web", Release: newRelease,
		Hosts:    []plan.Host{host, twin},
		Batches:  []plan.Batch{{Name: "all", Slices: [][]string{{"h1"}, {"h2"}}}},
		Rollback: plan.Policy{Watchdog: lang.Duration(time.Minute)},
		Contents: map[string]string{f.SHA256: "it's"},
		Hooks:    []plan.Step{{ID: "hook.x", Op: plan.OpHook, Moment: "batch", Run: &lang.Command{Shell: "echo it's"}}},
	}
	back := body
	back.Kind, back.Lock.Global = plan.Rollback, true
	return []plan.Body{body, back}
}

// A listener is a host that keeps what it is sent.
type listener struct{ steps []remote.Step }

func (l *listener) Run(_ context.Context, c remote.Command) error {
	l.steps = append(l.steps, c.Steps...)
	return nil
}

// lockScripts are those of the commands that hold and break locks by hand.
func lockScripts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, do := range map[string]func(l *listener) error{
		"hold": func(l *listener) error {
			_, err := lock.Put(t.Context(), l, lock.Hold{Dir: "a b", ID: "it's"})
			return err
		},
		"break": func(l *listener) error { _, err := lock.Break(t.Context(), l, "a b", "it's"); return err },
	} {
		l := &listener{}
		if err := do(l); err != nil {
			t.Fatal(name, err)
		}
		for _, s := range l.steps {
			out["lock "+name+": "+s.ID] = s.Shell
		}
	}
	q := Question{Path: "a b", Files: []FileQ{{Path: "a b", Root: true, Owner: "root"}}, Sudo: [][]string{{ownedBy + "root", "--", "mv", "a"}}, Saved: true}
	out["observe for a rollback"] = q.shell()
	q.Drift = true
	out["observe for status"] = q.shell()
	out["examine"] = "p=x sudo=\n" + doctorScript
	out["look beside a typed command"] = Typed{Argv: []string{"a b"}}.steps(Listener{Paths: []string{"x y"}})[0].Shell
	out["tail a file"] = LogPlace{File: "it's.log"}.Shell(LogQuery{Lines: 5, Follow: true})
	out["read a unit"] = LogPlace{Units: []string{"a b"}}.Shell(LogQuery{Lines: -1})
	return out
}

// TestScriptsAreClean has shellcheck read what hosts will run, and every shell
// of this machine parse it. What a kind, an operation or a phase sends is in
// it by itself.
func TestScriptsAreClean(t *testing.T) {
	t.Parallel()
	all := map[string]string{}
	for _, some := range []map[string]string{serviceScripts(t), phaseScripts(t), lockScripts(t)} {
		maps.Copy(all, some)
	}
	// One file with a function each: a start of shellcheck is dear. What is
	// sent whole begins with the same prelude each time, and ends with steps.
	wholes := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return !strings.HasPrefix(name, "whole ") })
	shortest := slices.MinFunc(wholes, func(a, b string) int { return len(all[a]) - len(all[b]) })
	parts := maps.Clone(all)
	maps.DeleteFunc(parts, func(name, _ string) bool { return name != shortest && strings.HasPrefix(name, "whole ") })
	cleanIn(t, parts, "shellcheck", "-f", "gcc", "-s", "sh", "-S", "warning", "-e", "SC1007,SC2034,SC2154,SC2254,SC3044", "-")
	cleanIn(t, all, "dash", "-n")
	cleanIn(t, all, "bash", "--posix", "-n")
	cleanIn(t, all, "busybox", "sh", "-n")
}

// cleanIn has a program, if it is there, read scripts from its input.
func cleanIn(t *testing.T, scripts map[string]string, argv ...string) {
	t.Helper()
	path, err := osexec.LookPath(argv[0])
	if err != nil {
		return
	}
	text := "#!/bin/sh\n"
	var places []string
	once := map[string]bool{}
	for i, name := range slices.Sorted(maps.Keys(scripts)) {
		if sh := scripts[name]; !once[sh] {
			once[sh] = true
			places = append(places, fmt.Sprintf("from line %d: %s", 1+strings.Count(text, "\n"), name))
			text += fmt.Sprintf("f%d() (\n%s\n:\n)\nf%[1]d\n", i, sh)
		}
	}
	cmd := osexec.Command(path, argv[1:]...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s%s", argv[0], err, out, strings.Join(places, "\n"))
	}
}

// TestScriptsAreShownWithoutSecrets: the same plan is the same text, hosts
// with the same one are together, and no secret or digest of one is in it.
func TestScriptsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	show := func() []Script {
		s, err := Scripts(t.Context(), Showing{Plan: &plan.Plan{Body: showable()[0]}, By: "ann@desk"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got := show()
	if diff := cmp.Diff(got, show()); diff != "" {
		t.Errorf("a second look differs:\n%s", diff)
	}
	if a, b := got[2].Whole, got[3].Whole; got[2].Phase != "preflight" || a[strings.Index(a, "\n"):] != b[strings.Index(b, "\n"):] {
		t.Errorf("what differs between hosts is not in the first line, so that it is packed for each:\n%s\n%s", a, b)
	}
	var phases []string
	for _, s := range got {
		phases = append(phases, s.Phase+" "+strings.Join(s.Hosts, ","))
		for _, never := range []string{"hush", digest("hush"), digest("old secret"), base64.StdEncoding.EncodeToString([]byte("hush"))} {
			if strings.Contains(s.Whole, never) {
				t.Errorf("%s has %q in it", s.Phase, never)
			}
		}
		for _, step := range s.Steps {
			sent := func(sh string) bool { return strings.Contains(s.Whole, remote.Quote(strings.TrimRight(sh, "\n"))) }
			apart := step.Shell
			for _, part := range sharedParts() { // which stand before all steps, each once
				if before, after, found := strings.Cut(apart, part); found && strings.Count(s.Whole, part) == 1 {
					apart = before + after
				}
			}
			if s.Phase != "watchdog" && !sent(step.Shell) && !sent(apart) {
				t.Errorf("%s: the step %s is not in what is sent", s.Phase, step.ID)
			}
		}
	}
	want := "observe h1,h2; lock h1,h2; preflight h1; preflight h2; stage h1,h2; switch h1; watchdog h1; outcome h1,h2; disarm h1,h2; " +
		"switch h1; switch h1,h2; switch h2; watchdog h2; switch h2; after h1; after h2; undo h1; undo h2; prune h1,h2; hook h1"
	if diff := cmp.Diff(want, strings.Join(phases, "; ")); diff != "" {
		t.Error(diff)
	}
}
