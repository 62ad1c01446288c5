package exec

import (
	"maps"
	"slices"
	"strings"

	"shipit/exec/check"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/restart"
	"shipit/exec/transport"
	"shipit/lang"
)

// A Question is what is to be learnt of one host.
type Question struct {
	Host     string
	Target   remote.Target
	Path     string // the service's directory
	User     string // for whom steps run "user"; "" is the login
	Files    []FileQ
	Units    []string   // of systemd
	Sudo     [][]string // arguments of sudo -n, as the steps will give them
	Programs []string   // that the plan may need; "a|b" where either will do
	Saved    bool       // also the files that runs left, for a rollback
	Deeper   bool       // also those, where a failure would go back further than to what is live
	Again    bool       // of a plan that is made: no more than what it rests on; no contents
	Two      bool       // a lock and checks will follow at once; see remote.Command
	Drift    bool       // also what tells whether the host is as its last run left it; no contents
}

// again asks under the lock what the plan's fingerprint and the way on rest
// on. What the host has and may do was asked when the plan was made.
func (q Question) again() Question {
	q.Again, q.Sudo, q.Programs, q.Saved, q.Deeper, q.Drift = true, nil, nil, false, false, false
	return q
}

// A FileQ is a managed file that a Question asks about.
type FileQ struct {
	Path   string
	Root   bool   // its owner may be somebody else than the login
	Owner  string // whom the definition wants
	SHA256 string // a content that is known already, so that it is not sent
}

// basics are the programs that every plan needs on a host.
var basics = []string{
	"flock", "setsid", "timeout", "base64", "sha256sum", "stat", "install", "readlink", "head", "df",
}

// Questions asks for what a plan of this kind needs to know. dir is the
// definition's directory.
func Questions(def *lang.Definition, dir string, kind plan.Kind) []Question {
	s := def.Service
	var out []Question
	for _, t := range def.Targets {
		a := asking{q: Question{
			Host: t.Host.Name, Target: TargetOfHost(t.Host, dir, def.File),
			Path: s.Transport.Path, User: s.User, Programs: slices.Clone(basics), Saved: kind == plan.Rollback,
			Deeper: kind == plan.Deploy && s.Rollback.To != "previous",
		}}
		if kind == plan.Deploy {
			a.programs(transport.Programs(s.Transport.Kind))
		}
		for _, f := range t.Files {
			sum := ""
			if kind == plan.Deploy {
				sum = digest(f.Content)
			}
			a.file(f.Path, f.Owner, f.Group, f.Mode, sum)
		}
		if t.Drain != nil {
			a.command(t.Drain.Out)
			a.command(t.Drain.In)
		}
		a.restart(t.Restart)
		for _, c := range t.Checks {
			if c.From != "deployer" {
				a.check(c)
			}
		}
		for _, h := range t.Hooks {
			if h.From != "deployer" {
				a.command(h.Run)
			}
		}
		out = append(out, a.done())
	}
	return out
}

// QuestionsOf asks again what a finished plan rests on.
func QuestionsOf(p *plan.Plan, dir string) []Question {
	var out []Question
	for i := range p.Body.Hosts {
		h := &p.Body.Hosts[i]
		a := asking{q: Question{
			Host: h.Name, Target: TargetOf(*h, dir, p.Body.Definition),
			Path: p.Body.Path, User: p.Body.User, Programs: slices.Clone(basics),
			Saved: p.Body.Kind == plan.Rollback,
		}}
		seen := map[string]bool{}
		for _, steps := range [][]plan.Step{h.Before, h.Stage, h.Switch, h.After, h.Undo} {
			for _, s := range steps {
				a.step(s)
				if s.File != nil {
					seen[s.File.Path] = true
				}
			}
		}
		var rest []string // files that do not change are part of the fingerprint too
		for path := range h.Fingerprint.Files {
			if !seen[path] {
				rest = append(rest, path)
			}
		}
		slices.Sort(rest)
		for _, path := range rest {
			// Root: what the login cannot read, it may have read by sudo.
			a.q.Files = append(a.q.Files, FileQ{Path: path, Root: true})
		}
		for _, u := range slices.Sorted(maps.Keys(h.Fingerprint.Units)) {
			if !slices.Contains(a.q.Units, u) { // no step of this host touches it
				a.q.Units = append(a.q.Units, u)
			}
		}
		out = append(out, a.done())
	}
	return out
}

// An asking collects a Question without asking twice.
type asking struct{ q Question }

func (a *asking) done() Question { return a.q }

func (a *asking) programs(names []string) {
	for _, n := range names {
		if n != "" && !slices.Contains(a.q.Programs, n) {
			a.q.Programs = append(a.q.Programs, n)
		}
	}
}

func (a *asking) sudo(args []string) {
	for _, have := range a.q.Sudo {
		if slices.Equal(have, args) {
			return
		}
	}
	a.q.Sudo = append(a.q.Sudo, args)
}

func (a *asking) root(argv []string) { a.sudo(append([]string{"--"}, argv...)) }

func (a *asking) user(argv []string) {
	if a.q.User != "" {
		a.sudo(append([]string{"-u", a.q.User, "--"}, argv...))
	}
}

func (a *asking) command(c lang.Command) {
	a.user(argvOf(c))
	if len(c.Argv) > 0 {
		a.programs(c.Argv[:1])
	}
}

func (a *asking) file(path, owner, group, mode, sum string) {
	for _, f := range a.q.Files {
		if f.Path == path {
			return
		}
	}
	a.q.Files = append(a.q.Files, FileQ{Path: path, Root: owner != "", Owner: owner, SHA256: sum})
	if argv := reloadArgv(path); argv != nil {
		a.programs(argv[:1])
		a.root(argv)
	}
	if owner != "" {
		for _, argv := range writeArgv(a.q.Path, plan.File{Path: path, Owner: owner, Group: group, Mode: mode, Root: true}) {
			a.sudo(append([]string{ownedBy + owner, "--"}, argv...))
		}
	}
}

// ownedBy marks the arguments that matter only where the login is not the
// owner of the file anyway; observing takes it off.
const ownedBy = "owner="

func (a *asking) restart(r lang.Restart) {
	s, err := restart.New(r)
	if err != nil {
		return // validate has told the author, and Command will refuse
	}
	a.programs(s.Programs)
	for _, u := range s.Units {
		if !slices.Contains(a.q.Units, u) {
			a.q.Units = append(a.q.Units, u)
		}
	}
	for _, argv := range s.Root {
		a.root(argv)
	}
	for _, argv := range s.User {
		a.user(argv)
	}
}

func (a *asking) check(c lang.Check) {
	if c.Kind == "systemd" && !slices.Contains(a.q.Units, c.Text("unit")) {
		a.q.Units = append(a.q.Units, c.Text("unit"))
	}
	s, err := check.Host(c, check.Place{})
	if err != nil {
		return // as above
	}
	a.programs(s.Programs)
	for _, argv := range s.User {
		a.user(argv)
	}
}

// step asks for what one step of a plan needs.
func (a *asking) step(s plan.Step) {
	if s.From == "deployer" {
		return
	}
	switch s.Op {
	case plan.OpStage:
		a.programs(transport.Programs(s.Kind))
	case plan.OpDrain, plan.OpUndrain, plan.OpHook:
		if s.Run != nil {
			a.command(*s.Run)
		}
	case plan.OpFile:
		a.file(s.File.Path, rootOwner(s.File), s.File.Group, s.File.Mode, s.File.SHA256)
	case plan.OpRestore:
		a.file(s.File.Path, rootOwner(s.File), s.File.Group, s.File.Mode, "")
	case plan.OpRestart:
		a.restart(restartOf(s))
	case plan.OpCheck:
		a.check(checkOf(s))
	}
}

// rootOwner is the owner for whom root writes the file, "" where the login
// does it.
func rootOwner(f *plan.File) string {
	if !f.Root {
		return ""
	}
	return f.Owner
}

func argvOf(c lang.Command) []string {
	if len(c.Argv) > 0 {
		return c.Argv
	}
	return []string{"/bin/sh", "-c", c.Shell}
}

// sudoLine is the command line that plan and people know a right by.
func sudoLine(args []string) string {
	if strings.HasPrefix(args[0], ownedBy) {
		args = args[1:]
	}
	return "sudo -n " + remote.Join(args)
}
