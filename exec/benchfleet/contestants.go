//go:build linux

package main

import (
	"os"
	osexec "os/exec"
	"slices"
	"strings"
)

// The cases, in the order in which a host goes through them: each begins
// where the one before has ended.
const (
	micro  = "micro"  // true everywhere
	full   = "full"   // a release of which nothing is there
	delta  = "delta"  // one with one changed file
	noop   = "noop"   // find out that there is nothing to do
	canary = "canary" // delta, one host first, then a quarter at a time
)

var allCases = []string{micro, full, delta, noop, canary}

func known(c string) bool { return slices.Contains(allCases, c) }

// A contestant is somebody who can do the work.
type contestant struct {
	name    string
	needs   []string // programs, and paths of what is none
	cannot  []string // cases, because it has no way to do them
	prepare bool     // it wants something to be there before it is measured
	version []string
}

// debianPython is where Debian keeps what the system's Python imports.
const debianPython = "/usr/lib/python3/dist-packages/"

// contestants are all of them. What stands in testdata/bench-fleet is written
// as people who know the tool would write it, for speed.
var contestants = []*contestant{
	{name: "shipit", version: []string{"shipit", "version"}},
	{name: "floor-go", cannot: []string{canary}},
	{name: "floor-go-delta", cannot: []string{micro, noop}},
	{name: "floor-ssh", needs: []string{"ssh", "xargs"}, version: []string{"ssh", "-V"}},
	{name: "floor-ssh-mux", needs: []string{"ssh", "xargs"}, prepare: true, version: []string{"ssh", "-V"}},
	{name: "rsync-ssh", needs: []string{"rsync", "ssh", "xargs"}, version: []string{"rsync", "--version"}},
	{name: "pssh", needs: []string{"parallel-ssh", "parallel-rsync"}, cannot: []string{canary}, version: []string{"parallel-ssh", "--version"}},
	{name: "clush", needs: []string{"clush"}, cannot: []string{canary}, version: []string{"clush", "--version"}},
	{name: "fabric", needs: []string{"python3", debianPython + "fabric"}, cannot: []string{canary}, version: []string{"python3", "-c", "import fabric; print(fabric.__version__)"}},
	{name: "capistrano", needs: []string{"cap"}, cannot: []string{canary}, prepare: true, version: []string{"cap", "--version"}},
	{name: "ansible", needs: []string{"ansible-playbook", "rsync"}, version: []string{"ansible-playbook", "--version"}},
	{name: "ansible-mitogen", needs: []string{"ansible-playbook", "rsync", debianPython + "ansible_mitogen"}, cannot: []string{canary}},
}

func find(name string) *contestant {
	for _, c := range contestants {
		if c.name == name {
			return c
		}
	}
	return nil
}

// deployerPath is where contestants find programs: those of the system, and
// not what an administrator has put before them.
const deployerPath = "/usr/sbin:/usr/bin:/sbin:/bin"

// absent says why somebody cannot take part here; "" where nothing is in the
// way.
func (c *contestant) absent() string {
	for _, name := range c.needs {
		if strings.HasPrefix(name, "/") {
			if _, err := os.Stat(name); err != nil {
				return name + " is not there"
			}
			continue
		}
		if !slices.ContainsFunc(strings.Split(deployerPath, ":"), func(dir string) bool {
			_, err := osexec.LookPath(dir + "/" + name)
			return err == nil
		}) {
			return name + " is not installed"
		}
	}
	return ""
}

// saysVersion is the first line that it says of its version.
func (c *contestant) saysVersion(shipit string) string {
	if c.version == nil {
		return ""
	}
	argv := slices.Clone(c.version)
	if argv[0] == "shipit" {
		argv[0] = shipit
	}
	cmd := osexec.Command(argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=" + deployerPath, "HOME=/nonexistent", "LANG=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.Join(strings.Fields(line), " ")
}

// argv is how a case is done. The Go floor is this program, shipit itself,
// and everybody else a script.
func (c *contestant) argv(b *bench, what string) []string {
	switch {
	case c.name == "shipit":
		return b.shipitArgv(what)
	case strings.HasPrefix(c.name, "floor-go"):
		kind := "full"
		if what == canary || what == delta && c.name == "floor-go-delta" {
			kind = "delta"
		}
		return []string{"/usr/bin/env", roleVar + "=floor", b.fleet.exe, kind, what}
	default:
		return []string{"/bin/sh", b.data + "/" + c.name + ".sh", what}
	}
}
