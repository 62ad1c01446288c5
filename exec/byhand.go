package exec

import (
	"cmp"
	"fmt"
	"strings"

	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/restart"
	"shipit/exec/rollout"
)

// ByHand are the shell commands that take a host back where the run could
// not: those of its rollback, for a person who is logged in there as the run
// was. It is empty for a host that needs none, or that has nowhere to go.
func ByHand(p *plan.Plan, h rollout.Host, run string) []string {
	ph := p.Host(h.Name)
	if ph == nil || !h.Touched || h.Status != rollout.Stuck && h.Status != rollout.Unknown {
		return nil
	}
	steps := ph.Undo
	if p.Body.Kind == plan.Rollback {
		steps = ph.Switch
	}
	m := &manual{path: p.Body.Path, user: p.Body.User, run: run}
	for i := range steps {
		m.step(&steps[i])
	}
	if len(m.lines) == 0 {
		return nil
	}
	return append([]string{"cd " + orRoot(m.path)}, m.lines...)
}

func orRoot(path string) string {
	if path = strings.TrimRight(path, "/"); path == "" {
		return "/"
	}
	return remote.QuotePath(path)
}

// A manual is a way back, written for a person.
type manual struct {
	path, user, run string
	lines           []string
}

func (m *manual) step(s *plan.Step) {
	switch s.Op {
	case plan.OpDrain, plan.OpUndrain:
		m.as(m.user, argvOf(*s.Run))
	case plan.OpRestore:
		m.restore(s)
	case plan.OpActivate:
		m.say(fmt.Sprintf("ln -sfn %s .current-by-hand && mv -fT .current-by-hand current", remote.Quote(cmp.Or(s.Link, "releases/"+s.Release))))
	case plan.OpRestart:
		m.restart(s)
	}
}

func (m *manual) say(line string) { m.lines = append(m.lines, line) }

// as says a command for somebody; "" is the login. Paths of commands start at
// the login's home, where the run's shell is.
func (m *manual) as(user string, argv []string) {
	line := remote.Join(argv)
	if user != "" {
		line = "sudo -u " + remote.Quote(user) + " -- " + line
	}
	m.say("(cd && " + line + ")")
}

func (m *manual) restore(s *plan.Step) {
	f := s.File
	sudo := ""
	if f.Root {
		sudo = "sudo "
	}
	if argv := reloadArgv(f.Path); argv != nil {
		defer m.say("sudo " + remote.Join(argv))
	}
	if f.Absent {
		m.say(fmt.Sprintf("(cd && %srm -f -- %s)", sudo, remote.QuotePath(f.Path)))
		return
	}
	from := s.SavedBy
	if from == "" {
		from = m.run + ".before"
	}
	argv := []string{"install"}
	if f.Root {
		argv = append(argv, "-o", f.Owner, "-g", f.Group)
	}
	argv = append(argv, "-m", f.Mode, "-T", "--")
	saved := strings.TrimRight(m.path, "/") + "/.shipit/files/" + from + "/" + slug(f.Path)
	m.say(fmt.Sprintf("(cd && %s%s %s %s)", sudo, remote.Join(argv), remote.QuotePath(saved), remote.QuotePath(f.Path)))
}

func (m *manual) restart(s *plan.Step) {
	script, err := restart.New(restartOf(*s))
	switch {
	case err == nil && len(script.Root) > 0:
		for _, argv := range script.Root {
			m.say("sudo " + remote.Join(argv))
		}
	case err == nil && len(script.User) > 0:
		for _, argv := range script.User {
			m.as(m.user, argv)
		}
	default:
		m.say("# " + s.Text)
	}
}
