package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// helloUnit is the service as a unit that a run brings. It says what it does,
// every now and then.
type helloUnit struct {
	kind string // Type; default simple
	more string // further lines of [Service]
	does string // instead of serving
}

func (u helloUnit) file(h *host) string {
	does := fmt.Sprintf("%s %s %s %s ${host.address}:%d", h.server, h.o.current, h.o.conf, h.o.pidfile, httpPort)
	exec := fmt.Sprintf("/bin/sh -c 'echo serving $(cat %s/VERSION); while sleep 0.2; do echo tick; done & exec %s'", h.o.current, does)
	return fmt.Sprintf("file \"/etc/systemd/system/hello.service\" {\n    content = %s\n    owner = \"root\"\n  }", strconv.Quote(fmt.Sprintf(
		"[Unit]\nDescription=${var.greeting}\n[Service]\nType=%s\nExecStart=%s\nExecReload=/bin/kill -HUP $MAINPID\nRestartSec=50ms\n%s\n",
		cmp.Or(u.kind, "simple"), cmp.Or(u.does, exec), u.more)))
}

// define is a definition of the unit; how is the block that restarts it.
func (u helloUnit) define(h *host, how string) definition {
	return definition{
		ssh: h.f.asDeploy(), transport: srvHello, file: u.file(h),
		restart: cmp.Or(how, "restart \"systemd\" {\n    unit = \"hello.service\"\n    within = \"10s\"\n  }"),
		checks:  "check \"systemd\" \"unit\" {\n    unit = \"hello.service\"\n    within = \"3s\"\n    every = \"100ms\"\n  }\n" + versionCheck,
	}
}

// TestE2ESystemd: a unit that is a file of the run, its restarts and reloads
// and what it logs, where systemd is the first process. The login may do what
// shipit says that it must, and nothing else.
func TestE2ESystemd(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	f.open()
	h := f.addSystemdHost(deployUser)
	f.ready()
	d := helloUnit{}.define(h, "")
	f.define(d)

	// What may be done, before and after.
	contains(t, f.shipit(1, "doctor", "hello.hcl"), "may not run", "shipit sudoers hello.hcl")
	sudoers := f.shipit(0, "sudoers", "hello.hcl")
	h.mayOnly(sudoers)
	contains(t, f.shipit(0, "doctor", "hello.hcl"), "1 host: ok")

	// The first deploy brings the unit, the second another one.
	f.apply(0, first)
	old := h.runs(first)
	f.apply(0, second, "--var", "greeting=Good evening")
	now := h.runs(second)
	if main := h.unit("MainPID"); main == strconv.Itoa(old.PID) || main != strconv.Itoa(now.PID) {
		t.Errorf("the main process is %s, was %d, and %d answers", main, old.PID, now.PID)
	}
	if said, stale := h.unit("Description"), h.unit("NeedDaemonReload"); said != "Good evening" || stale != "no" {
		t.Errorf("systemd has the unit %q, and says %q of reading it again", said, stale)
	}
	f.finds(0, map[string][]string{})

	// A reload and a signal keep the process.
	for i, how := range []string{
		"restart \"systemd\" {\n    unit = \"hello.service\"\n    reload = true\n  }",
		"restart \"signal\" {\n    unit = \"hello.service\"\n  }",
	} {
		d.restart = how
		f.define(d)
		h.mayOnly(f.shipit(0, "sudoers", "hello.hcl"))
		tag := []string{first, second}[i]
		f.apply(0, tag, "--var", "greeting=Good evening")
		if is := h.runs(tag); is.PID != now.PID || is.Loads != i+2 {
			t.Errorf("%s: process %d was %d, it loaded %d times", how, is.PID, now.PID, is.Loads)
		}
	}

	// What the service prints, to who may read it.
	h.mayOnly(sudoers)
	d = helloUnit{}.define(h, "")
	d.checks += "check \"log\" \"serving\" {\n    unit = \"hello.service\"\n    must = \"^serving ${release.tag}$\"\n    within = \"3s\"\n    every = \"200ms\"\n  }\n"
	f.define(d)
	contains(t, f.shipit(1, "logs", "hello.hcl"), "No journal files were opened due to insufficient permissions")
	contains(t, f.shipit(1, "doctor", "hello.hcl"), "deploy may not read the journal")
	h.inside("usermod", "-aG", "systemd-journal", "deploy")
	f.apply(0, first)
	f.apply(0, second)
	p := f.start("logs", "hello.hcl", "--follow")
	p.says("tick")
	h.inside("systemctl", "restart", "hello.service")
	p.says("serving " + second)
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	p.wants(130)
	contains(t, f.shipit(0, "logs", "hello.hcl", "--since", "1m", "-n", "3"), "tick")
	h.inside("systemctl", "stop", "hello.service")
	f.finds(2, map[string][]string{"h1": {"not_running"}})
}

// TestE2ESystemdGoesBack: units that do not start, that die later, that
// systemd starts again and again. What ran before runs again, with its unit.
func TestE2ESystemdGoesBack(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	f.open()
	h := f.addSystemdHost(deployUser)
	f.ready()
	h.inside("usermod", "-aG", "systemd-journal", "deploy")
	good := helloUnit{more: "StartLimitInterval=1h\nStartLimitBurst=1"}.define(h, "")
	f.define(good)
	h.mayOnly(f.shipit(0, "sudoers", "hello.hcl"))
	f.apply(0, first)
	unit := h.has("/etc/systemd/system/hello.service")
	for name, c := range map[string]struct {
		unit helloUnit
		says []string
	}{
		"does not start":           {helloUnit{kind: "notify", more: "TimeoutStartSec=1s"}, []string{"hello.service is failed (timeout)"}},
		"fails before it starts":   {helloUnit{more: "ExecStartPre=/bin/sh -c 'echo no_$(id -un)_database; exit 3'"}, []string{"hello.service is failed (exit-code)", "no_root_database"}},
		"is started over and over": {helloUnit{does: "/bin/sh -c 'sleep 0.3; echo no_$(id -un)_memory; exit 3'", more: "Restart=always\nStartLimitInterval=0"}, []string{"; systemd has started it again by itself, NRestarts is "}},
	} {
		t.Logf("a unit that %s", name)
		bad := c.unit.define(h, "")
		bad.checks = strings.TrimSuffix(bad.checks, versionCheck)
		f.define(bad)
		contains(t, f.apply(4, second), c.says...)
		h.runs(first)
		if is := h.has("/etc/systemd/system/hello.service"); is != unit || h.unit("NeedDaemonReload") != "no" {
			t.Errorf("%s: the unit is\n%s", name, is)
		}
	}
	f.define(good)
	contains(t, f.apply(4, dead), "hello.service is failed (exit-code), wanted active")
	h.runs(first)
	contains(t, h.inside("journalctl", "--no-pager", "-u", "hello.service"), "Start request repeated too quickly")

	// What cannot be restarted is refused before anything is changed.
	h.inside("systemctl", "mask", "--runtime", "other.service")
	for _, c := range [][2]string{{"none.service", "systemd knows no unit none.service"}, {"other.service", "the unit other.service is masked"}} {
		good.restart = fmt.Sprintf("restart \"systemd\" {\n    unit = %q\n  }", c[0])
		f.define(good)
		h.mayOnly(f.shipit(0, "sudoers", "hello.hcl"))
		contains(t, f.apply(1, second), c[1])
	}
	contains(t, f.shipit(1, "doctor", "hello.hcl"), "the unit other.service is masked")
}

// TestE2ESystemdSoakAndWatchdog: what the service logs in a soak is in the
// record, and a host that its deployer has left goes back by itself, also
// when the service that let the deployer in is restarted.
func TestE2ESystemdSoakAndWatchdog(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	h := f.addSystemdHost("")
	f.addSystemdHost("")
	f.ready()
	d := helloUnit{}.define(h, "restart \"systemd\" {\n    unit = \"hello.service\"\n    within = \"3s\"\n  }")
	d.ssh, d.rollback, d.more = "", guarded().rollback, guarded().more
	d.batch = "batch \"canary\" {\n    hosts = [service.hosts[0]]\n    soak = \"1s\"\n  }\n\n  batch \"fleet\" {\n    size = 1\n  }"
	d.drain, d.checks = guarded().drain, strings.TrimSuffix(d.checks, versionCheck)
	f.define(d)
	f.apply(0, first)
	contains(t, f.shipit(0, "logs", "last", "step=log", "host=h1"), "tick")
	unit := h.has("/etc/systemd/system/hello.service")
	p := f.start("apply", "hello.hcl", "--release", second, "--yes", "--var", "greeting=Good evening")
	h.atWork("started")
	p.signal(syscall.SIGKILL)
	p.wait()
	h.inside("systemctl", "restart", "ssh.service")
	eventually(t, "the host is back and free", func() error {
		if run := h.has("/srv/hello/.shipit/lock/run"); run != "" {
			return fmt.Errorf("held by %s", run)
		}
		return nil
	})
	h.runs(first)
	if is := h.has("/etc/systemd/system/hello.service"); is != unit || h.unit("Description") != "Good morning" {
		t.Errorf("the unit is\n%s", is)
	}
}
