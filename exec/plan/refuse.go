package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"shipit/lang"
)

// refusal is why a host that has something to do cannot be changed as it is,
// with what to do about it; "" if it can. All that can be known before the
// first change is found here.
func (m *maker) refusal(v *move) string {
	f := v.f
	if problem := m.elder(v); problem != "" {
		return problem
	}
	if problem := m.foreign(f); problem != "" {
		return problem
	}
	for _, find := range []func() obstacle{
		func() obstacle { return denied(f, m.svc.Transport.Path) },
		func() obstacle { return lacks(f) },
		func() obstacle { return m.space(v) },
		func() obstacle { return sudo(f) },
		func() obstacle { return m.unit(v) },
	} {
		if o := find(); o.text != "" {
			return o.text + "; " + o.help
		}
	}
	return ""
}

// An obstacle is why a host cannot be changed, and what to do about it.
type obstacle struct{ text, help string }

func denied(f *HostFacts, declared string) obstacle {
	if f.Denied == "" {
		return obstacle{}
	}
	return obstacle{clean(f.Denied), fmt.Sprintf("make it once as root: install -d -o %s %s", f.Login, orPath(f.Path, declared))}
}

func lacks(f *HostFacts) obstacle {
	if len(f.Missing) == 0 {
		return obstacle{}
	}
	return obstacle{"it lacks " + clean(strings.Join(f.Missing, ", ")), "install it and plan again"}
}

func orPath(resolved, declared string) string {
	if resolved != "" {
		return clean(resolved)
	}
	return declared
}

func (m *maker) space(v *move) obstacle {
	var need Need
	if v.flip && m.in.Kind == Deploy && !slices.Contains(v.f.Releases, v.h.To.ID) {
		var ok bool
		if need, ok = m.in.NeedFrom[v.f.Live]; !ok {
			need = m.in.Need
		}
	}
	return space(v.f, m.svc, need)
}

// space finds a disk that is too full for what is needed there, or for
// anything at all.
func space(f *HostFacts, svc *lang.Service, need Need) obstacle {
	where := orPath(f.Path, svc.Transport.Path)
	need = Need{max(1, need.KiB), max(1, need.Inodes)}
	switch {
	case f.FreeKiB >= 0 && f.FreeKiB < need.KiB:
		return obstacle{
			fmt.Sprintf("no space below %s: %s needed, %s free", where, kib(need.KiB), kib(f.FreeKiB)),
			fmt.Sprintf("remove something, or let keep be less than %d", svc.Release.Keep),
		}
	case f.FreeInodes >= 0 && f.FreeInodes < need.Inodes:
		return obstacle{
			fmt.Sprintf("no inodes left below %s: %d needed, %d free (df -i)", where, need.Inodes, f.FreeInodes),
			fmt.Sprintf("remove files that nobody needs, or let keep be less than %d", svc.Release.Keep),
		}
	}
	return obstacle{}
}

func kib(n int64) string {
	if n < 10*1024 {
		return fmt.Sprintf("%d KiB", n)
	}
	return fmt.Sprintf("%d MiB", n/1024)
}

// sudo says which lines sudoers lacks.
func sudo(f *HostFacts) obstacle {
	var lines, commands []string
	for _, line := range slices.Sorted(maps.Keys(f.Sudo)) {
		if f.Sudo[line] {
			continue
		}
		as, command := "root", strings.TrimPrefix(line, "sudo -n ")
		if rest, ok := strings.CutPrefix(command, "-u "); ok {
			as, command, _ = strings.Cut(rest, " ")
		}
		command = clean(strings.TrimPrefix(command, "-- "))
		commands = append(commands, command)
		lines = append(lines, fmt.Sprintf("%s ALL=(%s) NOPASSWD: %s", f.Login, as, command))
	}
	if len(lines) == 0 {
		return obstacle{}
	}
	where := ""
	if slices.ContainsFunc(commands, func(c string) bool { return !path.IsAbs(c) }) {
		where = " (with the full path of the program)"
	}
	return obstacle{
		fmt.Sprintf("%s may not run %q without a password", f.Login, commands[0]),
		fmt.Sprintf("add to sudoers%s: %s", where, strings.Join(lines, " · ")),
	}
}

// unit finds systemd units that cannot be restarted.
func (m *maker) unit(v *move) obstacle {
	if !v.restarts() {
		return obstacle{}
	}
	var paths []string
	for _, f := range v.file {
		paths = append(paths, f.step.File.Path)
	}
	return unit(v.f, v.t.Restart, paths)
}

// unit is an obstacle of a restart where the run brings files to those paths.
func unit(f *HostFacts, r lang.Restart, paths []string) obstacle {
	if r.Kind != "systemd" {
		return obstacle{}
	}
	for _, name := range r.Units() {
		u, asked := f.Units[name]
		switch {
		case !asked:
		case u.Load == "not-found" && !brings(paths, name): // one that this run brings cannot be there yet
			return obstacle{"systemd knows no unit " + name, fmt.Sprintf("install it (a file block can), or correct its name (%s)", r.Range)}
		case u.Load == "masked":
			return obstacle{"the unit " + name + " is masked", "systemctl unmask " + name + " if it shall run"}
		}
	}
	return obstacle{}
}

// brings tells whether one of the files is a unit, or the template of it.
// Without a suffix a name is that of a service.
func brings(paths []string, name string) bool {
	suffix := path.Ext(name)
	if !slices.Contains([]string{".service", ".socket", ".timer", ".target", ".path", ".mount", ".automount", ".slice", ".scope", ".swap", ".device"}, suffix) {
		name, suffix = name+".service", ".service"
	}
	name = strings.TrimSuffix(name, suffix)
	template, _, instance := strings.Cut(name, "@")
	return slices.ContainsFunc(paths, func(p string) bool {
		base := path.Base(p)
		return base == name+suffix || instance && base == template+"@"+suffix
	})
}
