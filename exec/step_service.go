package exec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shipit/exec/check"
	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/restart"
	"shipit/lang"
)

// command runs what the definition says, as the service's user.
func (m *compiler) command(s *plan.Step) (string, error) {
	if s.Run == nil || len(s.Run.Argv) == 0 && s.Run.Shell == "" {
		return "", errors.New("there is no command to run")
	}
	call := fmt.Sprintf("run user %d %s", seconds(s.Within), remote.Join(argvOf(*s.Run)))
	if s.Go {
		call += ` || echo "ended with exit status $?; the definition says to go on"`
	}
	return m.env() + call + "\n", nil
}

// restart has the service take up what was activated.
func (m *compiler) restart(s *plan.Step) (string, error) {
	script, err := restart.New(restartOf(*s))
	if err != nil {
		return "", err
	}
	before, err := m.beforeRestart()
	if err != nil {
		return "", err
	}
	return m.env() + before + script.Shell, nil
}

// beforeRestart is what the host's checks want to know of it before: where a
// log ends.
func (m *compiler) beforeRestart() (string, error) {
	checks := slices.Concat(m.h.Switch, m.h.After)
	if m.phase == event.Undo {
		checks = m.h.Undo
	}
	var sh strings.Builder
	for _, s := range checks {
		if s.Op != plan.OpCheck || s.From == deployer {
			continue
		}
		script, err := check.Host(checkOf(s), m.place())
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.ID, err)
		}
		sh.WriteString(script.Before)
	}
	return sh.String(), nil
}

// place is where checks keep what they saw.
func (m *compiler) place() check.Place {
	return check.Place{Dir: strings.TrimRight(m.path, "/") + "/.shipit/tmp", Run: m.c.Run}
}

// check polls on the host until the answer is yes or the deadline is over.
func (m *compiler) check(s *plan.Step) (string, error) {
	script, err := check.Host(checkOf(*s), m.place())
	if err != nil {
		return "", err
	}
	return m.env() + script.Shell(), nil
}

// restartOf is the restart of a plan's step.
func restartOf(s plan.Step) lang.Restart {
	return lang.Restart{Spec: specOf(s), Within: s.Within}
}

// checkOf is the check of a plan's step.
func checkOf(s plan.Step) lang.Check {
	c := lang.Check{Spec: specOf(s), At: s.Moment, From: s.From, Within: s.Within}
	c.Name = strings.TrimPrefix(s.CheckName(), "check."+s.Kind+".")
	if s.Poll != nil {
		c.Every, c.Timeout, c.Successes = s.Poll.Every, s.Poll.Timeout, s.Poll.Successes
	}
	return c
}

// specOf is what the kind of a step reads. A command may stand in Run.
func specOf(s plan.Step) lang.Spec {
	attrs := s.Spec
	if s.Run != nil && attrs["run"] == nil && attrs["shell"] == nil {
		attrs = maps.Clone(attrs)
		if attrs == nil {
			attrs = map[string]any{}
		}
		if len(s.Run.Argv) > 0 {
			attrs["run"] = s.Run.Argv
		} else {
			attrs["shell"] = s.Run.Shell
		}
	}
	return lang.Spec{Kind: s.Kind, Attrs: attrs}
}
