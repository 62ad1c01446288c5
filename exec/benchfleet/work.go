//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// prepare writes what the contestants read: the list of hosts, and shipit's
// definitions.
func (b *bench) prepare() error {
	work := filepath.Join(b.dir, "work")
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	var list, known, names strings.Builder
	for _, m := range b.fleet.hosts[:b.n] {
		list.WriteString(m.address + "\n")
		known.WriteString(m.key + "\n")
		fmt.Fprintf(&names, "%q, ", m.address)
	}
	files := map[string]string{"hosts": list.String(), "known_hosts": known.String()}
	template, err := os.ReadFile(filepath.Join(b.data, "app.hcl"))
	if err != nil {
		return err
	}
	for name, batches := range map[string]string{
		"app.hcl":    "batch \"all\" {\n    size = \"100%\"\n  }",
		"canary.hcl": "batch \"fleet\" {\n    ramp = [1, \"25%\"]\n  }",
	} {
		restart := "restart \"service\" {\n    name = \"app\"\n  }"
		if b.systemd {
			restart = "restart \"systemd\" {\n    unit = \"app.service\"\n  }"
		}
		files[name] = strings.NewReplacer("@RESTART@", restart, "@HOSTS@", strings.TrimSuffix(names.String(), ", "), "@REPO@", "app.git", "@BATCHES@", batches).Replace(string(template))
	}
	for name, text := range files {
		if err := write(filepath.Join(work, name), text, 0o644); err != nil {
			return err
		}
	}
	return os.Symlink(filepath.Join(b.dir, "app.git"), filepath.Join(work, "app.git"))
}

// batches are how many hosts go at a time: one, then a quarter of all,
// rounded up, as shipit does it.
func batches(n int) []int {
	out := []int{1}
	for left := n - 1; left > 0; left -= (n + 3) / 4 {
		out = append(out, min(left, (n+3)/4))
	}
	return out
}

// environ is what a contestant knows of its work.
func (b *bench) environ(what string) []string {
	now, old := b.releases[0], &release{tag: oldRelease, id: oldRelease}
	switch what {
	case delta, noop:
		now, old = b.releases[1], b.releases[0]
	case canary:
		now, old = b.releases[2], b.releases[1]
	}
	return []string{
		"PATH=" + deployerPath, "HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb", "PYTHONDONTWRITEBYTECODE=1",
		"BENCH_HOSTS=" + filepath.Join(b.dir, "work/hosts"), fmt.Sprintf("BENCH_N=%d", b.n), "BENCH_DATA=" + b.data,
		"BENCH_BATCHES=" + strings.Trim(fmt.Sprint(batches(b.n)), "[]"),
		"BENCH_TAG=" + now.tag, "BENCH_ID=" + now.id, "BENCH_TREE=" + now.tree, "BENCH_REPO=" + filepath.Join(b.dir, "app.git"),
		"BENCH_OLD_TAG=" + old.tag, "BENCH_OLD_ID=" + old.id, "BENCH_DEPLOYER=" + deployerAddress,
	}
}

// shipitArgv is how shipit does a case.
func (b *bench) shipitArgv(what string) []string {
	switch what {
	case micro:
		return []string{b.shipit, "exec", "app.hcl", "--", "true"}
	case noop:
		return []string{b.shipit, "plan", "app.hcl", "--release", b.releases[1].tag}
	case canary:
		return []string{b.shipit, "apply", "canary.hcl", "--release", b.releases[2].tag, "--yes"}
	case delta:
		return []string{b.shipit, "apply", "app.hcl", "--release", b.releases[1].tag, "--yes"}
	default:
		return []string{b.shipit, "apply", "app.hcl", "--release", b.releases[0].tag, "--yes"}
	}
}

func cpus() float64 { return float64(runtime.NumCPU()) }
