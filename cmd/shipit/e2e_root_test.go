package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

var canMount = sync.OnceValue(func() error {
	if os.Getuid() != 0 {
		return fmt.Errorf("only root can give each host a file system of its own")
	}
	if out, err := osexec.Command("unshare", "--mount", "--propagation", "private", "--", "mount", "-t", "tmpfs", "tmpfs", "/srv").CombinedOutput(); err != nil {
		return fmt.Errorf("cannot give a host a file system of its own here: %w: %s", err, out)
	}
	return nil
})

// addRealHost starts a host with /etc, /srv and /run of its own, where the
// service is what it is on a real machine: an init script under /etc/init.d,
// called by the machine's own service(8). The script more runs in the host
// before its sshd starts; /srv has a size.
func (f *fleet) addRealHost(size, more string) *host {
	f.t.Helper()
	if err := canMount(); err != nil {
		f.t.Skip(err)
	}
	if _, err := osexec.LookPath("service"); err != nil {
		f.t.Skip("there is no service(8) here")
	}
	home := f.path(fmt.Sprintf("h%d", len(f.hosts)+1))
	return f.addHost(hostOptions{
		current: "/srv/hello/current", pidfile: "/run/hello.pid", conf: "/etc/hello.conf",
		mounts: fmt.Sprintf(`
cp -a /etc/. %[1]s/etc
mount --bind %[1]s/etc /etc
mount -t tmpfs -o size=%[2]s,mode=755 tmpfs /srv
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
HOME=%[1]s
%[3]s
`, home, size, more),
	})
}

// open lets other users than root look into the fleet's directory.
func (f *fleet) open() {
	f.t.Helper()
	for _, dir := range []string{filepath.Dir(f.dir), f.dir, f.path("keys")} {
		if err := os.Chmod(dir, 0o755); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := os.Chmod(f.path("keys/authorized_keys"), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

const (
	srvHello = "transport \"push\" {\n    path = \"/srv/hello\"\n  }"
	etcHello = "file \"/etc/hello.conf\" {\n    content = \"${var.greeting} from ${host.name}\\n\"\n    mode    = \"0640\"\n    group   = \"daemon\"\n  }"
)

// TestE2ERealService: absolute paths, root's files, service(8), /etc/init.d.
func TestE2ERealService(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	h := f.addRealHost("16m", "")
	f.ready()
	f.define(definition{transport: srvHello, file: etcHello})
	f.apply(0, first)
	old := h.runs(first)
	f.apply(0, second, "--var", "greeting=Good evening")
	info := h.runs(second)
	if info.PID == old.PID || info.Config != "Good evening from h1\n" {
		t.Errorf("after the second release it says %+v", info)
	}
	stat, err := os.Stat(h.path("/etc/hello.conf"))
	if err != nil || stat.Mode() != 0o640 {
		t.Errorf("/etc/hello.conf has %v, %v", stat, err)
	}
	f.apply(4, dead)
	h.runs(second)
	if got := h.has("/etc/hello.conf"); got != "Good evening from h1\n" {
		t.Errorf("the rollback left %q", got)
	}
}

// TestE2EFullDisk: what can be known is refused by the plan; what cannot,
// fails while staging, and what runs goes on running.
func TestE2EFullDisk(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	f.addRealHost("16m", "")
	small := f.addRealHost("1m", "")
	f.ready()
	const middling, later, big = "release/2015-06-14/1", "release/2015-06-14/2", "release/2015-06-15/1"
	git(t, "/", "clone", "-q", f.path("def/hello.git"), f.path("work"))
	for _, r := range []struct {
		tag  string
		size int
	}{{middling, 300 << 10}, {later, 0}, {big, 3 << 20}} {
		files := map[string]string{"VERSION": r.tag + "\n", "app.conf": "health = ok\n"}
		if r.size > 0 {
			noise := make([]byte, r.size)
			_, _ = rand.Read(noise)
			files["noise"] = string(noise)
		}
		commitFiles(t, f.path("work"), "Grow", files)
		git(t, f.path("work"), "tag", "-a", "-m", "Grow", r.tag)
		git(t, f.path("work"), "push", "-q", "origin", r.tag)
	}
	f.define(definition{transport: srvHello, file: etcHello})
	f.apply(0, first)

	out := f.apply(1, big)
	contains(t, out, "h2: no space below /srv/hello: 3", "--without h2")

	f.shipit(0, "plan", "hello.hcl", "--release", middling, "--out", "saved.shipit-plan.json")
	for _, free := range []int64{100 << 10, 0} { // no place for the release, none even for a lock
		small.fill("/srv", free)
		out := f.shipit(1, "apply", "saved.shipit-plan.json")
		if contains(t, out, "h2"); !regexp.MustCompile(` [0-9]+ KiB (and [0-9]+ inodes )?are free`).MatchString(out) {
			t.Errorf("it does not say how much is free:\n%s", out)
		}
		for _, h := range f.hosts {
			h.runs(first)
			if got := strings.TrimSpace(h.has("/srv/hello/current/VERSION")); got != first {
				t.Errorf("%s: current is %s", h.name, got)
			}
		}
	}
	small.fill("/srv", 1<<20)
	f.apply(0, middling)
	small.fill("/srv", 200<<10) // room for what differs, and a push takes no more
	f.apply(0, later)
	for _, h := range f.hosts {
		h.runs(later)
	}
}

// fill leaves so many bytes free in a file system of the host.
func (h *host) fill(dir string, free int64) {
	t := h.f.t
	t.Helper()
	file, err := os.Create(filepath.Join(h.path(dir), "fill"))
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for n := 0; err == nil; size += int64(n) {
		n, err = file.Write(make([]byte, 4096))
	}
	if err := errors.Join(file.Truncate(max(0, size-free)), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestE2ELoginShells: whatever shell the login has, and however much its
// files say.
func TestE2ELoginShells(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	var shells []string
	for _, s := range []struct{ name, rc string }{
		{"bash", ".bashrc"}, {"dash", ".profile"}, {"zsh", ".zshenv"}, {"fish", ".config/fish/config.fish"}, {"tcsh", ".tcshrc"},
	} {
		exe, err := osexec.LookPath(s.name)
		if err != nil {
			t.Logf("not tried, because it is not installed: %s", s.name)
			continue
		}
		h := f.addRealHost("16m", fmt.Sprintf("sed -i 's|^\\(root:.*\\):[^:]*$|\\1:%s|' /etc/passwd", exe))
		rc := h.path(s.rc)
		if err := os.MkdirAll(filepath.Dir(rc), 0o755); err != nil {
			t.Fatal(err)
		}
		noise := "echo noise from " + s.rc + "\nsh -c 'echo noise on stderr >&2'\nprintf '\\036forged fact current x\\n'\ncd /tmp\n"
		if err := os.WriteFile(rc, []byte(noise), 0o644); err != nil {
			t.Fatal(err)
		}
		shells = append(shells, s.name)
	}
	f.ready()
	for i, h := range f.hosts {
		if !strings.Contains(h.has("/etc/passwd"), shells[i]+"\nda") {
			t.Fatalf("%s has not the shell %s: %s", h.name, shells[i], h.has("/etc/passwd"))
		}
	}
	f.define(definition{transport: srvHello, file: etcHello, batch: "batch \"all\" {\n    size = \"100%\"\n  }"})
	f.shipit(2, "plan", "hello.hcl", "--release", first, "--detailed-exitcode")
	f.apply(0, first)
	for i, h := range f.hosts {
		if h.runs(first).Config != "Good morning from "+h.name+"\n" {
			t.Errorf("%s: the file is not what was planned", shells[i])
		}
	}
	f.shipit(0, "plan", "hello.hcl", "--release", first, "--detailed-exitcode")
}

// deployUser is a login that may do nothing that others may not.
const deployUser = `
echo "deploy:x:2001:2001::$HOME:/bin/sh" >>/etc/passwd
echo 'deploy:x:2001:' >>/etc/group
echo 'deploy:*:19000:0:99999:7:::' >>/etc/shadow
echo '` + sudoDefaults + `' >/etc/sudoers
rm -rf /etc/sudoers.d
chown deploy $HOME
install -d -o deploy /srv/hello
`

const sudoDefaults = `Defaults env_reset, secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"`

// mayOnly has sudo on the host allow what these lines say, and nothing else.
func (h *host) mayOnly(lines string) {
	h.f.t.Helper()
	if err := os.WriteFile(h.path("/etc/sudoers"), []byte(sudoDefaults+"\n"+lines+"\n"), 0o440); err != nil {
		h.f.t.Fatal(err)
	}
}

// asDeploy is how to log in as that user.
func (f *fleet) asDeploy() string {
	return fmt.Sprintf("user = \"deploy\"\n    known_hosts = \"known_hosts\"\n    identity = %q", f.path("keys/login"))
}

// TestE2ESudo: a login that may do nothing but restart the service. Without
// the line in sudoers the plan says which one is missing.
func TestE2ESudo(t *testing.T) {
	t.Parallel()
	if _, err := osexec.LookPath("sudo"); err != nil {
		t.Skip("there is no sudo here")
	}
	f := emptyFleet(t)
	f.open()
	may := f.addRealHost("16m", deployUser+"echo 'deploy ALL=(root) NOPASSWD: /usr/sbin/service hello restart' >>/etc/sudoers")
	f.addRealHost("16m", deployUser)
	f.ready()
	f.define(definition{
		ssh:       f.asDeploy(),
		transport: srvHello, file: "file \"hello.conf\" {\n    content = \"hello\\n\"\n  }",
	})
	out := f.apply(1, first)
	contains(t, out, "h2", "deploy ALL=(root) NOPASSWD: ", "service hello restart", "--without h2")
	if may.has("/srv/hello/.shipit/history") != "" {
		t.Error("h1 was touched although the plan was refused")
	}
	f.apply(0, first, "--without", "h2")
	old := may.runs(first)
	f.apply(0, second, "--without", "h2")
	if now := may.runs(second); now.PID == old.PID {
		t.Error("the service was not restarted")
	}
	f.apply(4, dead, "--without", "h2")
	may.runs(second)
}

// TestE2ESudoersSaysWhatIsNeeded: with the lines that shipit prints, and no
// other, a login deploys, undoes and rolls back root's files and services; with
// one line less it does not.
func TestE2ESudoersSaysWhatIsNeeded(t *testing.T) {
	t.Parallel()
	visudo, err := osexec.LookPath("visudo")
	if err != nil {
		t.Skip("there is no visudo here")
	}
	f := emptyFleet(t)
	f.open()
	h := f.addRealHost("16m", deployUser)
	f.ready()
	d := definition{
		ssh: f.asDeploy(), transport: srvHello,
		file: "file \"/etc/hello.conf\" {\n    content = \"${var.greeting}, it is 5:00, really = yes\\n\"\n    mode = \"0600\"\n    owner = \"root\"\n  }",
	}
	f.define(d)
	contains(t, f.apply(1, first), "sudo", "NOPASSWD: ")
	lines := f.shipit(0, "sudoers", "hello.hcl")
	writeTo(t, f.path("hello.sudoers"), lines)
	if err := os.Chmod(f.path("hello.sudoers"), 0o440); err != nil {
		t.Fatal(err)
	}
	command(t, "/", nil, visudo, "-cf", f.path("hello.sudoers"))
	h.mayOnly(lines)
	f.apply(0, first)
	f.apply(0, second, "--var", "greeting=Good evening")
	h.runs(second)
	f.apply(4, dead, "--var", "greeting=Good night")
	h.runs(second)
	if got := h.has("/etc/hello.conf"); got != "Good evening, it is 5:00, really = yes\n" {
		t.Errorf("the undo left %q", got)
	}
	f.shipit(0, "rollback", "hello.hcl", "--yes")
	h.runs(first)
	if got := h.has("/etc/hello.conf"); got != "Good morning, it is 5:00, really = yes\n" {
		t.Errorf("the rollback left %q", got)
	}

	// And no line is there for nothing.
	removes := func(line string) bool { return strings.Contains(line, "/rm ") }
	needed := slices.DeleteFunc(sudoRules(lines), removes)
	if len(needed) < 4 {
		t.Fatalf("the lines are\n%s", lines)
	}
	for _, line := range needed {
		h.mayOnly(strings.Replace(lines, line+"\n", "", 1))
		contains(t, f.apply(1, second), "sudo")
	}
	// What is removed is a file that a failed run brought.
	d.file += "\n  file \"/etc/hello.more\" {\n    content = \"more\"\n    mode = \"0600\"\n    owner = \"root\"\n  }"
	f.define(d)
	lines = f.shipit(0, "sudoers", "hello.hcl")
	h.mayOnly(strings.Join(slices.DeleteFunc(sudoRules(lines), func(line string) bool {
		return removes(line) && strings.HasSuffix(line, "/etc/hello.more")
	}), "\n"))
	contains(t, f.apply(5, dead), "hello.more")
}

// sudoRules are the lines of sudoers that are no comments.
func sudoRules(lines string) (out []string) {
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}
