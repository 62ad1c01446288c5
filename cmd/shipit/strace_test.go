package main

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a Go program reads before and beside its own work: the dynamic linker
// (of a test binary with the race detector), the runtime's view of the
// machine, and the time zone.
var ofTheRuntime = []string{
	"/etc/ld.so.", "/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/",
	"/proc/self/", "/proc/sys/", "/proc/stat", "/sys/kernel/mm/", "/sys/fs/cgroup/", "/sys/devices/system/", "/dev/null", "/dev/urandom",
	"/etc/localtime", "/usr/share/zoneinfo/",
}

var ofAProcess = regexp.MustCompile(`^/proc/\d+/`)

var (
	opened  = regexp.MustCompile(`open(?:at2?)?\((?:AT_FDCWD|\d+)(?:<([^>]*)>)?, "([^"]*)"`)
	became  = regexp.MustCompile(`= \d+<([^>]*)>$`)
	started = regexp.MustCompile(`\b(execve|execveat|fork|vfork)\(`)
	cloned  = regexp.MustCompile(`\bclone3?\(`)
	network = regexp.MustCompile(`\b(socket|connect|bind|listen|accept4?|sendto|sendmsg|recvfrom|recvmsg|getsockopt|setsockopt|socketpair)\(`)
)

// TestStrangersDefinitionsTouchNothing holds that what CI runs on anybody's
// branch opens no socket, starts no process and reads no file outside of the
// repository, whatever the definition tries.
func TestStrangersDefinitionsTouchNothing(t *testing.T) {
	t.Parallel()
	strace, err := osexec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	if out, err := osexec.Command(strace, "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace is not allowed here: %v: %s", err, out)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "repo")
	outside := filepath.Join(dir, "outside.txt")
	for name, text := range map[string]string{
		outside: "outside22\n", root + "/.git/HEAD": "", root + "/motd": "hello\n", root + "/hosts.dsh": "db[1-3]\n", root + "/inventory.json": `{"web": ["web1"]}`,
		root + "/stranger.hcl": `
include = ["evil.hcl", "../outside.txt", "/etc/hostname"]
variable "secret" {
  default = "x"
}
locals {
  files = [file("motd"), file("../outside.txt"), file("link"), file("/etc/passwd"), templatefile("~/.ssh/config", {}), file("|id"), file("https://example.org/x")]
}
hosts "web" {
  from_command = ["sh", "-c", "touch ../ran"]
  snapshot     = "inventory.json"
}
hosts "other" {
  from_command = ["touch", "../ran"]
}
hosts "db" {
  from_file = "hosts.dsh"
  ssh {
    known_hosts = "link"
    identity    = "../outside.txt"
  }
}
service "demo" {
  hosts = concat(hosts.web, hosts.db)
  release {
    repo   = "https://127.0.0.1:1/demo.git"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "srv/demo"
  }
  restart "command" {
    run = ["touch", "../ran"]
  }
  check "http" "up" {
    url = "http://127.0.0.1:1/"
  }
  hook "deployer" {
    at   = "start"
    from = "deployer"
    run  = ["touch", "../ran"]
  }
  file "etc/demo" {
    content = "${var.secret}${file("motd")}"
  }
}
`,
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	valid := regexp.MustCompile(`(?m)^include.*$|, file\("\.\.[^]]*|^    known_hosts.*$`)
	text, err := os.ReadFile(root + "/stranger.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/valid.hcl", valid.ReplaceAll(text, nil), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"link", "evil.hcl", "link.hcl"} {
		if err := os.Symlink("../outside.txt", filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		args  []string
		stdin string
		code  int
	}{
		"validate refuses":     {args: []string{"validate", root + "/stranger.hcl"}, code: 1},
		"validate accepts":     {args: []string{"validate", root + "/valid.hcl"}},
		"validate a link":      {args: []string{"validate", root + "/link.hcl"}, code: 1},
		"validate a directory": {args: []string{"validate", root}, code: 1},
		"fmt":                  {args: []string{"fmt", "--diff", root + "/stranger.hcl"}},
		"fmt a link":           {args: []string{"fmt", "--diff", root + "/link.hcl"}, code: 1},
		"fmt a directory":      {args: []string{"fmt", "--check", root}, code: 3},
		"console": {
			args: []string{"console", root + "/valid.hcl", "--release", "v1.2.3"}, code: 1,
			stdin: "file(\"motd\")\nfile(\"link\")\nfile(\"../outside.txt\")\nfile(\"/etc/passwd\")\nhosts.web\nrelease.commit\nvar.secret\n",
		},
		"console vars": {args: []string{"console", root + "/valid.hcl", "--vars"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := filepath.Join(t.TempDir(), "trace")
			cmd := program(t, strings.NewReader(test.stdin), test.args...)
			cmd.Args = append([]string{strace, "-f", "-qq", "-y", "-s", "4096", "-e", "trace=network,process,open,openat,openat2", "-o", trace, cmd.Path}, test.args...)
			cmd.Path = strace
			cmd.Dir = root
			cmd.Env = append(cmd.Env, "SHIPIT_VAR_secret=environment22")
			got := finish(t, cmd)
			if got.code != test.code {
				t.Fatalf("exit code %d, want %d:\n%s%s", got.code, test.code, got.stdout, got.stderr)
			}
			if said := got.stdout + got.stderr; strings.Contains(said, "outside22") || test.args[0] != "console" && strings.Contains(said, "environment22") {
				t.Errorf("it shows what it must not:\n%s", said)
			}
			calls, err := os.ReadFile(trace)
			if err != nil {
				t.Fatal(err)
			}
			forbidden(t, root, string(calls), strings.HasSuffix(name, "a link"))
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a command of the definition was run")
	}
}

// forbidden reports the system calls that a stranger's definition must not
// bring about. One that is refused at once reads no file at all.
func forbidden(t *testing.T, root, trace string, refused bool) {
	t.Helper()
	program, err := osexec.LookPath("shipit")
	if err != nil {
		t.Fatal(err)
	}
	file, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{program, file} // which protobuf, behind traces and metrics, seeds its output's spaces from
	execs, read := 0, 0
	for line := range strings.Lines(trace) {
		line = strings.TrimSpace(line)
		switch {
		case strings.Contains(line, "resumed>"):
		case network.MatchString(line):
			t.Errorf("network: %s", line)
		case cloned.MatchString(line) && !strings.Contains(line, "CLONE_THREAD"):
			t.Errorf("process: %s", line)
		case started.MatchString(line):
			if execs++; execs > 1 { // the first is the program itself
				t.Errorf("process: %s", line)
			}
		}
		m := opened.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		// What was asked for and, behind links, what was opened.
		paths := []string{m[2]}
		if !filepath.IsAbs(m[2]) {
			paths[0] = filepath.Join(m[1], m[2])
		}
		if is := became.FindStringSubmatch(line); is != nil {
			paths = append(paths, is[1])
		}
		for _, path := range paths {
			inside := path == root || strings.HasPrefix(path, root+"/")
			if inside {
				read++
			}
			if !inside && !slices.Contains(own, path) && !slices.ContainsFunc(ofTheRuntime, func(p string) bool { return strings.HasPrefix(path, p) }) && !ofAProcess.MatchString(path) {
				t.Errorf("outside of the repository: %s", line)
			}
		}
	}
	if execs != 1 || read == 0 && !refused {
		t.Errorf("the trace has %d programs and %d files of the repository: it cannot be right\n%s", execs, read, trace)
	}
}
