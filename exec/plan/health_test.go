package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"shipit/lang"
)

func TestAilments(t *testing.T) {
	t.Parallel()
	svc := &lang.Service{Name: "web"}
	svc.Transport.Path, svc.Release.Keep = "/srv/web", 5
	svc.Rollback.Watchdog = lang.Duration(time.Minute)
	target := lang.Target{
		Files:   []lang.File{{Path: "/etc/web.conf"}},
		Restart: lang.Restart{Spec: lang.Spec{Kind: "systemd", Attrs: map[string]any{"unit": "web.service"}}},
		Checks:  []lang.Check{{Spec: lang.Spec{Kind: "log", Name: "errors", Attrs: map[string]any{"unit": "web.service"}}}},
	}
	for _, c := range []struct {
		name   string
		sick   func(f *HostFacts, h *Health)
		kib    int64
		want   string // kind and level, in order
		says   string
		advice string
	}{
		{"well", func(*HostFacts, *Health) {}, 1000, "", "", ""},
		{"unreachable", func(f *HostFacts, _ *Health) { f.Unreachable, f.Problem, f.Help = "refused", "host-key", "ssh-keyscan" }, 0, "host-key stop", "cannot be reached: refused", "ssh-keyscan"},
		{"path", func(f *HostFacts, _ *Health) { f.Denied = "/srv cannot be written by deploy" }, 0, "path stop", "/srv cannot be written", "install -d -o deploy /srv/web"},
		{"program", func(f *HostFacts, _ *Health) { f.Missing = []string{"git", "flock"} }, 0, "program stop", "it lacks git, flock", "install it"},
		{"no space", func(*HostFacts, *Health) {}, 2 << 30, "disk stop", "no space below /srv/web", "keep be less than 5"},
		{"nearly full", func(_ *HostFacts, h *Health) { h.Used, h.UsedInodes = 97, 99 }, 0, "disk warn, disk warn", "97 % full", "remove"},
		{"sudo", func(f *HostFacts, _ *Health) { f.Sudo = map[string]bool{"sudo -n -- a": false, "sudo -n -- b": false} }, 0, "sudo stop", "may not run \"a\" without a password, and 1 other command", "this prints"},
		{"sudo of everything", func(f *HostFacts, h *Health) { f.Sudo, h.SudoAll = map[string]bool{"sudo -n -- a": true}, true }, 0, "sudo-all note", "needs 1 command", "enough"},
		{"no unit", func(f *HostFacts, _ *Health) { f.Units = map[string]Unit{"web.service": {Load: "not-found"}} }, 0, "unit stop", "no unit web.service", "install it"},
		{"file", func(f *HostFacts, _ *Health) {
			f.Files = map[string]FileFact{"/etc/web.conf": {Problem: "it is a symbolic link"}}
		}, 0, "file stop", "/etc/web.conf: it is", "write"},
		{"proc", func(_ *HostFacts, h *Health) { h.NoProc = true }, 0, "proc stop", "/proc", "Linux"},
		{"sessions", func(_ *HostFacts, h *Health) { h.MaxSessions = 1 }, 0, "sessions stop", "MaxSessions 1", "10"},
		{"clock", func(_ *HostFacts, h *Health) { h.Skew, h.Error = -12*time.Second, time.Second }, 0, "clock warn", "12s behind ours", "chronyc"},
		{"clock that may be right", func(_ *HostFacts, h *Health) { h.Skew, h.Error = 12*time.Second, 8*time.Second }, 0, "", "", ""},
		{"slow", func(_ *HostFacts, h *Health) { h.Dial = 9 * time.Second }, 0, "slow warn", "9s to log in", "UseDNS"},
		{"writable by all", func(_ *HostFacts, h *Health) { h.Place = "777 root root /srv/my dir" }, 0, "path warn", "everybody may write to /srv/my dir", "chmod o-w"},
		{"sticky", func(_ *HostFacts, h *Health) { h.Place = "1777 root root /tmp" }, 0, "", "", ""},
		{"group", func(_ *HostFacts, h *Health) { h.Place = "2775 root web /srv" }, 0, "", "", ""},
		{"noexec", func(_ *HostFacts, h *Health) { h.Mount = "ext4 rw,noexec" }, 0, "noexec warn", "noexec", "mount"},
		{"read-only", func(_ *HostFacts, h *Health) { h.Mount = "ext4 ro,noatime" }, 0, "read-only warn", "read-only", "dmesg"},
		{"tmp", func(_ *HostFacts, h *Health) { h.NoTmp = "/tmp" }, 0, "tmp warn", "/tmp cannot be written", "chmod"},
		{"journal", func(_ *HostFacts, h *Health) { h.NoJournal = true }, 0, "journal stop", "deploy may not read the journal, and check log.errors reads it", "usermod -aG systemd-journal deploy"},
		{"logind", func(_ *HostFacts, h *Health) { h.Killed = true }, 0, "logind warn", "KillUserProcesses", "enable-linger deploy"},
		{"noise", func(_ *HostFacts, h *Health) { h.Noise = []string{"Welcome\x1b[2J!"} }, 0, "noise note", "Welcome", "[ -t 1 ]"},
		{"lock", func(f *HostFacts, _ *Health) { f.Lock = &Holder{Run: "r1", Owner: "ann@desk", Alive: true} }, 0, "locked warn", "ann@desk", "wait"},
		{"left", func(f *HostFacts, _ *Health) { f.Incoming = []string{"r0"} }, 0, "unfinished_run warn", "run r0", ""},
		{"watchdog", func(f *HostFacts, _ *Health) { f.Watchdog = &Watchdog{State: "failed", Run: "r0"} }, 0, "watchdog warn", "r0", ""},
		{"worst first", func(f *HostFacts, h *Health) { h.Noise, h.NoTmp, h.NoProc = []string{"x"}, "/tmp", true }, 0, "proc stop, tmp warn, noise note", "/proc", ""},
	} {
		f := &HostFacts{Name: "web1", Login: "deploy", UID: 1000, FreeKiB: 1 << 20, FreeInodes: 1 << 20}
		h := &Health{Used: 50, UsedInodes: 5, MaxSessions: -1, Place: "755 deploy deploy /srv", Mount: "ext4 rw,relatime"}
		c.sick(f, h)
		got := Ailments(f, h, Deployment{Service: svc, Target: target, Need: Need{KiB: c.kib}, Sudoers: []string{"shipit sudoers web.hcl"}})
		var kinds []string
		for _, a := range got {
			kinds = append(kinds, a.Kind+" "+string(a.Level))
			if strings.ContainsAny(a.Text+a.Help, "\x1b\n") {
				t.Errorf("%s: raw %q", c.name, a.Text)
			}
		}
		if strings.Join(kinds, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, kinds, c.want)
		}
		if c.says != "" && (len(got) == 0 || !strings.Contains(got[0].Text, c.says) || !strings.Contains(got[0].Help, c.advice)) {
			t.Errorf("%s: %+v, want %q and %q", c.name, got, c.says, c.advice)
		}
		if i := slices.IndexFunc(got, func(a Ailment) bool { return strings.HasPrefix(a.Kind, "sudo") }); i >= 0 && len(got[i].Type) == 0 {
			t.Errorf("%s: nothing to type", c.name)
		}
	}
}
