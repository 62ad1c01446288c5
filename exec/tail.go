package exec

import (
	"fmt"
	"strconv"
	"strings"

	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

// A LogPlace is where a service logs on its hosts: units of systemd's journal,
// or a file.
type LogPlace struct {
	Units []string
	File  string // relative to the login's home unless absolute
}

// None tells that it is not known where a service logs.
func (p LogPlace) None() bool { return p.File == "" && len(p.Units) == 0 }

func (p LogPlace) String() string {
	if p.File != "" {
		return p.File
	}
	return "unit " + strings.Join(p.Units, ", ")
}

// logOf is where a service logs by what its blocks say: a check "log" knows
// it, then the unit that is restarted, then one that a check looks at.
func logOf(restart lang.Spec, checks []lang.Spec) LogPlace {
	for _, c := range checks {
		if c.Kind != "log" {
			continue
		}
		if f := c.Text("file"); f != "" {
			return LogPlace{File: f}
		}
		if u := c.Text("unit"); u != "" {
			return LogPlace{Units: []string{u}}
		}
	}
	if restart.Kind == "systemd" {
		return LogPlace{Units: restart.Units()}
	}
	for _, c := range checks {
		if c.Kind == "systemd" && c.Text("unit") != "" {
			return LogPlace{Units: []string{c.Text("unit")}}
		}
	}
	return LogPlace{}
}

// LogOf is where the service logs on a host of a definition.
func LogOf(t lang.Target) LogPlace {
	var checks []lang.Spec
	for _, c := range t.Checks {
		checks = append(checks, c.Spec)
	}
	return logOf(t.Restart.Spec, checks)
}

// logOfPlan is the same of a host of a plan.
func logOfPlan(h *plan.Host) LogPlace {
	var restart lang.Spec
	var checks []lang.Spec
	for _, steps := range [][]plan.Step{h.Switch, h.After} {
		for _, s := range steps {
			spec := lang.Spec{Kind: s.Kind, Attrs: s.Spec}
			switch s.Op {
			case plan.OpRestart:
				restart = spec
			case plan.OpCheck:
				checks = append(checks, spec)
			}
		}
	}
	return logOf(restart, checks)
}

// A LogQuery is what is wanted of a log.
type LogQuery struct {
	Lines  int    // the last ones of what is there; -1 is all
	Since  string // a time as journalctl takes it; of a unit only
	Follow bool
}

// Shell is a script for sh that prints it. It ends when what it follows is
// over, which is never; whoever started it ends its process group.
func (p LogPlace) Shell(q LogQuery) string {
	lines := "all"
	if q.Lines >= 0 {
		lines = strconv.Itoa(q.Lines)
	}
	if p.File == "" {
		argv := []string{"journalctl", "--no-pager", "--no-hostname", "-o", "short-iso"}
		for _, u := range p.Units {
			argv = append(argv, "-u", u)
		}
		if q.Since != "" {
			argv = append(argv, "--since", q.Since)
		} else {
			argv = append(argv, "-n", lines)
		}
		if q.Follow {
			argv = append(argv, "-f")
		}
		return "command -v journalctl >/dev/null 2>&1 || { echo 'journalctl is not installed here: name a file by --file'; exit 1; }\nexec " + remote.Join(argv) + "\n"
	}
	if q.Lines < 0 {
		lines = "+1"
	}
	file := remote.QuotePath(p.File)
	read := "exec tail -n " + lines + " -- " + file
	if q.Follow { // by name: a file that is rotated or not there yet is opened again. What tail says of that is no line of the log
		read = "exec tail -n " + lines + " -F -- " + file + " 2>/dev/null"
	}
	missing := fmt.Sprintf("[ -e %[1]s ] || { echo %[2]s; exit 1; }\n", file, remote.Quote(p.File+" is not there"))
	if q.Follow {
		missing = fmt.Sprintf("[ -e %[1]s ] || echo %[2]s\n", file, remote.Quote("… "+p.File+" is not there yet"))
	}
	return missing + fmt.Sprintf(`if [ -e %[1]s ] && [ ! -r %[1]s ]; then echo "$(id -un) may not read "%[2]s"; --user names who may"; exit 1; fi
`, file, remote.Quote(p.File)) + read + "\n"
}
