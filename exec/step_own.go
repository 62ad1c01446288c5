package exec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// historyLine adds to the host's history.
func historyLine(state string, r plan.Release) string {
	return fmt.Sprintf("history %s %s %s %s\n", state, remote.Quote(word(r.ID)), remote.Quote(word(r.Tag)), remote.Quote(word(r.Commit)))
}

// history is a step of its own that only writes a line.
func (m *compiler) history(id, state string, r plan.Release) remote.Step {
	out := remote.Step{ID: id, Op: "record", Args: m.args(r.ID)}
	out.Args["state"] = state
	if !m.c.Acts {
		out.Shared = sharedScripts()
		out.Shell = m.vars() + historyScript + historyLine(state, r)
	}
	return out
}

// record ends a phase that changed something.
func (m *compiler) record() remote.Step {
	if m.phase == event.Undo {
		left := m.h.To
		if left.ID == m.h.Back.ID { // only files went back: that says nothing against the release
			left = plan.Release{}
		}
		s := m.history(recordStep, "undone", left)
		s.Args["release"], s.Args["tag"], s.Args["commit"] = left.ID, left.Tag, left.Commit
		if m.c.Acts {
			return s
		}
		// The files of a run that was undone are nothing to go back to.
		s.Shell += `rm -rf -- "$p/.shipit/files/$run"` + "\n"
		if m.c.By != plan.ByWatchdog { // which tidies up after itself
			s.Shell += lock.Disarm(lock.Dir(m.path))
		}
		return s
	}
	s := m.history(recordStep, "good", m.h.To)
	s.Args["files"] = strings.Join(m.paths(), "\n")
	if !m.c.Acts {
		s.Shell = m.vars() + filesScript + m.saveAll() + historyScript + historyLine("good", m.h.To) + lock.Disarm(lock.Dir(m.path))
	}
	return s
}

// verify sees that nobody has changed the host since it was read under the
// lock. It prints what moved.
func (m *compiler) verify(steps []plan.Step) remote.Step {
	may := []string{m.h.From.ID}
	if !m.c.First || m.c.Again || m.phase == event.Undo {
		may = append(may, m.h.To.ID)
	}
	if (m.phase == event.Undo || m.c.Again) && m.h.Back.ID != "" && !slices.Contains(may, m.h.Back.ID) { // its watchdog may have taken it there
		may = append(may, m.h.Back.ID)
	}
	out := remote.Step{ID: verifyStep, Op: "verify", Args: m.args("")}
	out.Args["may"] = strings.Join(may, "\n")
	var files []*plan.File
	if m.phase == event.Switch && m.c.First {
		var lines []string
		for i := range steps {
			if f := steps[i].File; f != nil && m.c.Raw[f.Path] != "" {
				files = append(files, f)
				lines = append(lines, f.Path+" "+m.c.Raw[f.Path])
			}
		}
		out.Args["files"] = strings.Join(lines, "\n")
	}
	if !m.c.Acts {
		out.Shell, out.Shared = m.unmoved(may, files), sharedScripts()
	}
	return out
}

// unmoved is the shell of verify.
func (m *compiler) unmoved(may []string, files []*plan.File) string {
	var sh strings.Builder
	sh.WriteString(m.vars())
	sh.WriteString(`if [ -L "$p/current" ]; then is=$(readlink -- "$p/current"); elif [ -e "$p/current" ]; then is='no link'; else is=; fi` + "\ncase $is in\n")
	for _, id := range may {
		fmt.Fprintf(&sh, "  %s) ;;\n", remote.Quote(m.link(id)))
	}
	fmt.Fprintf(&sh, "  *) die \"current changed since the plan: was %s, is ${is:-nothing}\" ;;\nesac\n", inQuotes(cmp.Or(m.link(m.h.From.ID), "nothing")))
	if m.phase == event.Switch && m.c.First {
		sh.WriteString(filesScript)
	}
	for _, f := range files {
		fmt.Fprintf(&sh, "unmoved %s %s %s\n", remote.QuotePath(f.Path), flag(f.Root), remote.Quote(m.c.Raw[f.Path]))
	}
	return sh.String()
}

// word makes one field of a history line of s.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// paths are the managed files of the host, those that do not change too.
func (m *compiler) paths() []string {
	set := map[string]bool{}
	for path := range m.h.Fingerprint.Files {
		set[path] = true
	}
	for _, s := range m.h.Switch {
		if s.File != nil {
			set[s.File.Path] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
