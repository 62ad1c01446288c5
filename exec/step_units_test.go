package exec

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/lang"
)

// A file that is a unit is read again by systemd when it is written, when it
// is put back and when it is removed, and plan asks sudo for that.
func TestSystemdReadsUnitsAgain(t *testing.T) {
	t.Parallel()
	const unit, other = "/etc/systemd/system/web.service.d/limits.conf", "etc/conf"
	for path, want := range map[string]int{unit: 1, other: 0} {
		m := &compiler{h: &plan.Host{}, phase: event.Switch, path: "srv/web", c: Context{Plan: &plan.Plan{}, Run: "run-2"}}
		f := &plan.File{Path: path, Mode: "0644", Root: true}
		wrote := m.file(f, "x")
		restored := m.restore(&plan.Step{File: f})
		if got := strings.Count(wrote, "run root 60 systemctl --no-pager daemon-reload"); got != want {
			t.Errorf("writing %s has systemd read its units %d times, want %d", path, got, want)
		}
		if got := strings.Count(restored, "run root 60 systemctl --no-pager daemon-reload"); got != 2*want { // there, and not there
			t.Errorf("putting %s back has it %d times, want %d", path, got, 2*want)
		}
		def := &lang.Definition{Targets: []lang.Target{{Files: []lang.File{{Path: path, Owner: "root"}}}}}
		q := Questions(def, "", plan.Deploy)[0]
		asked := slices.ContainsFunc(q.Sudo, func(a []string) bool { return strings.Contains(sudoLine(a), "daemon-reload") })
		if asked != (want == 1) {
			t.Errorf("%s: sudo is asked for %q", path, q.Sudo)
		}
	}
}

// The shell of a restore ends well after the reload of an absent file.
func TestAnAbsentUnitIsRemovedAndReadAgain(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	m := &compiler{h: &plan.Host{}, phase: event.Undo, path: "srv/web", c: Context{Plan: &plan.Plan{}, Run: "run-2"}}
	sh := m.restore(&plan.Step{File: &plan.File{Path: "etc/unit", Absent: true}})
	sh = strings.Replace(sh, "  exit 0\nfi\nrm", "  "+reload(unitDirs[0]+"x")+"exit 0\nfi\nrm", 1)
	put(t, home, map[string]string{"etc/unit": "x", "srv/web/.shipit/files/run-2.before/" + slug("etc/unit") + ".meta": "absent - - - -\netc/unit"})
	cmd := osexec.Command("sh", "-ec", "run() { shift 2; echo \"$@\" >>log; case $1 in rm) \"$@\" ;; esac; }\n"+sh)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	log, _ := os.ReadFile(filepath.Join(home, "log"))
	if want := "rm -f -- etc/unit\nsystemctl --no-pager daemon-reload\n"; string(log) != want {
		t.Errorf("it ran %q, want %q", log, want)
	}
}
