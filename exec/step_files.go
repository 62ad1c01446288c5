package exec

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"

	"shipit/exec/plan"
	"shipit/exec/remote"
)

//go:embed step_files.sh
var filesSource string

var filesScript = remote.Code(filesSource)

// slug is the name under which a managed file is kept and made ready. It
// says nothing, and is the same in every run: sudo rules name it.
func slug(path string) string { return digest(path)[:16] }

// ready is where the new content of a file lies before it is put in place.
func ready(service, path string) string {
	return strings.TrimRight(service, "/") + "/.shipit/tmp/" + slug(path)
}

// writeArgv are the commands that put a file in place: install sets owner and
// mode on a new file beside the old one before anybody can see it there, and
// mv replaces the name at once, without following what stands there. Plan
// asks sudo for exactly these.
func writeArgv(service string, f plan.File) [][]string {
	return [][]string{installArgv(service, f), {"mv", "-T", "--", f.Path + ".shipit-new", f.Path}}
}

func installArgv(service string, f plan.File) []string {
	argv := []string{"install"}
	if f.Root && f.Owner != "" {
		argv = append(argv, "-o", f.Owner)
	}
	switch {
	case f.Group != "":
		argv = append(argv, "-g", f.Group)
	case f.Root:
		// What it comes to anyway, said so that putting the file back is the
		// same command: a rule of sudo that allows the one allows the other.
		argv = append(argv, "-g", "root")
	}
	return append(argv, "-m", f.Mode, "-T", "--", ready(service, f.Path), f.Path+".shipit-new")
}

// unitDirs are where systemd finds its units.
var unitDirs = []string{"/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"}

// reloadArgv is the command that has systemd read its units again, nil for a
// file that is none: a unit, a drop-in, a link to one.
func reloadArgv(path string) []string {
	for _, dir := range unitDirs {
		if strings.HasPrefix(path, dir) {
			return []string{"systemctl", "--no-pager", "daemon-reload"}
		}
	}
	return nil
}

// reload is the shell that follows the change of a file, there and back.
func reload(path string) string {
	argv := reloadArgv(path)
	if argv == nil {
		return ""
	}
	return "run root 60 " + remote.Join(argv) + "\n"
}

// file writes one managed file. Its content is in the script, which comes by
// standard input, and is handed on by a builtin: no process list shows it.
func (m *compiler) file(f *plan.File, content string) string {
	var sh strings.Builder
	sh.WriteString(m.vars() + filesScript)
	fmt.Fprintf(&sh, "f=%s t=%s\nroom \"$f\"\n", remote.QuotePath(f.Path), remote.QuotePath(ready(m.path, f.Path)))
	fmt.Fprintf(&sh, `rm -f -- "$t"
(umask 077; printf %%s %s | base64 -d >"$t")
[ "$(sha256sum <"$t")" = "%s  -" ] || die "the content of $f did not arrive whole"
`, remote.Quote(base64.StdEncoding.EncodeToString([]byte(content))), digest(content))
	who := "login"
	if f.Root {
		who = "root"
	}
	for _, argv := range writeArgv(m.path, *f) {
		fmt.Fprintf(&sh, "run %s 10 %s\n", who, remote.Join(argv))
	}
	sh.WriteString("rm -f -- \"$t\"\nsync -- \"$f\" 2>/dev/null || :\n" + reload(f.Path))
	return sh.String()
}

// restore puts a file back: as it was before this run, or as another run left
// it. What this run never came to save, it never changed either.
func (m *compiler) restore(s *plan.Step) string {
	from := s.SavedBy
	if from == "" {
		from = m.c.Run + ".before"
	}
	f := s.File
	return m.vars() + filesScript + fmt.Sprintf(`f=%s t=%s root=%s from=%s saved=$p/.shipit/files/%s/%s
if [ ! -f "$saved.meta" ]; then
  case $from in "$run.before") exit 0 ;; esac
  die "run $from left no copy of $f"
fi
read -r state sum mode owner group <"$saved.meta"
room "$f"
if [ "$state" = absent ]; then
  run "$(as "$root")" 10 rm -f -- "$f"
  %[7]sexit 0
fi
rm -f -- "$t"
(umask 077; cat -- "$saved" >"$t")
[ "$(sha256sum <"$t")" = "$sum  -" ] || die "the saved copy of $f is damaged"
case $mode in ????) ;; *) mode=0$mode ;; esac
[ "$owner" = "$(id -un)" ] || root=1
if [ -n "$root" ]; then
  run root 10 install -o "$owner" -g "$group" -m "$mode" -T -- "$t" "$f.shipit-new"
else
  run login 10 install -g "$group" -m "$mode" -T -- "$t" "$f.shipit-new"
fi
run "$(as "$root")" 10 mv -T -- "$f.shipit-new" "$f"
rm -f -- "$t"
sync -- "$f" 2>/dev/null || :
%[7]s`, remote.QuotePath(f.Path), remote.QuotePath(ready(m.path, f.Path)), flag(f.Root), remote.Quote(from),
		remote.Quote(from), slug(f.Path), reload(f.Path))
}

// save is the step that keeps the files as they are before this run changes
// them. What a first attempt of the run saved stays: it is the truth.
func (m *compiler) save(steps []plan.Step) []remote.Step {
	var sh strings.Builder
	var paths []string
	for i := range steps {
		if f := steps[i].File; f != nil {
			fmt.Fprintf(&sh, "[ -f \"$dir/%s.meta\" ] || keep \"$dir\" %s %s %s\n", slug(f.Path), slug(f.Path), remote.QuotePath(f.Path), flag(f.Root))
			paths = append(paths, f.Path)
		}
	}
	if paths == nil {
		return nil
	}
	out := remote.Step{ID: saveStep, Op: "save", Args: m.args("")}
	out.Args["files"] = strings.Join(paths, "\n")
	if !m.c.Acts {
		out.Shared = sharedScripts()
		out.Shell = m.vars() + filesScript + "dir=$p/.shipit/files/$run.before\n" + sh.String()
	}
	return []remote.Step{out}
}

// saveAll keeps every managed file as this run leaves it, for a rollback of
// a later one. A file that cannot be read is none that a rollback could
// restore; that is no reason to call a good run bad.
func (m *compiler) saveAll() string {
	root := map[string]bool{}
	for _, s := range m.h.Switch {
		if s.File != nil {
			root[s.File.Path] = s.File.Root
		}
	}
	var sh strings.Builder
	sh.WriteString("dir=$p/.shipit/files/$run\n")
	for _, path := range m.paths() {
		fmt.Fprintf(&sh, "(keep \"$dir\" %s %s %s) || :\n", slug(path), remote.QuotePath(path), flag(root[path]))
	}
	return sh.String()
}
