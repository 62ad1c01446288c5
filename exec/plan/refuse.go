package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
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
	if f.Denied != "" {
		return fmt.Sprintf("%s; make it once as root: install -d -o %s %s",
			clean(f.Denied), f.Login, orPath(f.Path, m.svc.Transport.Path))
	}
	if len(f.Missing) > 0 {
		return fmt.Sprintf("it lacks %s; install it and plan again", clean(strings.Join(f.Missing, ", ")))
	}
	if problem := m.space(v); problem != "" {
		return problem
	}
	if problem := sudo(f); problem != "" {
		return problem
	}
	return m.unit(v)
}

func orPath(resolved, declared string) string {
	if resolved != "" {
		return clean(resolved)
	}
	return declared
}

func (m *maker) space(v *move) string {
	f, where := v.f, orPath(v.f.Path, m.svc.Transport.Path)
	need := Need{1, 1}
	if v.flip && m.in.Kind == Deploy && !slices.Contains(f.Releases, v.h.To.ID) {
		stage, ok := m.in.NeedFrom[f.Live]
		if !ok {
			stage = m.in.Need
		}
		need = Need{max(1, stage.KiB), max(1, stage.Inodes)}
	}
	switch {
	case f.FreeKiB >= 0 && f.FreeKiB < need.KiB:
		return fmt.Sprintf("no space below %s: %s needed, %s free; remove something, or let keep be less than %d",
			where, kib(need.KiB), kib(f.FreeKiB), m.svc.Release.Keep)
	case f.FreeInodes >= 0 && f.FreeInodes < need.Inodes:
		return fmt.Sprintf("no inodes left below %s: %d needed, %d free (df -i); remove files that nobody needs, or let keep be less than %d",
			where, need.Inodes, f.FreeInodes, m.svc.Release.Keep)
	}
	return ""
}

func kib(n int64) string {
	if n < 10*1024 {
		return fmt.Sprintf("%d KiB", n)
	}
	return fmt.Sprintf("%d MiB", n/1024)
}

// sudo says which lines sudoers lacks.
func sudo(f *HostFacts) string {
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
		return ""
	}
	where := ""
	if slices.ContainsFunc(commands, func(c string) bool { return !path.IsAbs(c) }) {
		where = " (with the full path of the program)"
	}
	return fmt.Sprintf("%s may not run %q without a password; add to sudoers%s: %s",
		f.Login, commands[0], where, strings.Join(lines, " · "))
}

// unit finds systemd units that cannot be restarted.
func (m *maker) unit(v *move) string {
	r := v.t.Restart
	name, _ := r.Attrs["unit"].(string)
	u, asked := v.f.Units[name]
	if r.Kind != "systemd" || !asked || !v.restarts() {
		return ""
	}
	// A unit that this run brings cannot be there yet.
	brought := slices.ContainsFunc(v.file, func(f fileMove) bool { return path.Base(f.step.File.Path) == name })
	switch {
	case u.Load == "not-found" && !brought:
		return fmt.Sprintf("systemd knows no unit %s; install it (a file block can), or correct its name (%s)", name, r.Range)
	case u.Load == "masked":
		return fmt.Sprintf("the unit %s is masked; systemctl unmask %[1]s if it shall run", name)
	}
	return ""
}
