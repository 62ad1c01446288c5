package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestE2ERelay: of hosts in a rack one gets the release from the deployer and
// the others from it; what leaves the deployer drops by as much. Nothing of
// that is left anywhere, and where a relay does not work out, all goes well
// without it.
func TestE2ERelay(t *testing.T) {
	t.Parallel()
	const hosts, size = 10, 4 << 20 // one serves nine, of whom eight at once
	f := emptyFleet(t)
	for i := range hosts {
		h := f.addHost(hostOptions{config: []string{fmt.Sprintf("AuthorizedKeysFile %s %s", f.path("keys/authorized_keys"), f.path(fmt.Sprintf("h%d/.ssh/authorized_keys", i+1)))}})
		if err := os.MkdirAll(filepath.Dir(h.keys()), 0o700); err != nil {
			t.Fatal(err)
		}
		writeTo(t, h.keys(), "# a line without its end")
	}
	f.ready()
	var proxies []*proxy
	for _, h := range f.hosts {
		proxies = append(proxies, h.behindProxy())
	}
	f.ready()
	up := func() (sum int) {
		for _, p := range proxies {
			p.mu.Lock()
			sum += p.up
			p.mu.Unlock()
		}
		return sum
	}
	define := func(relay string) {
		f.define(definition{transport: `transport "push" {
    path = "srv/hello"
    from = "build"
    ` + relay + `
  }`, batch: "batch \"all\" {\n    size = 10\n  }"})
		text := f.read("def/hello.hcl")
		f.write("def/hello.hcl", strings.Replace(text, "\n\n  ssh {", "\n  labels = { rack = \"a1\" }\n\n  ssh {", 1))
	}
	data := make([]byte, size)
	deploy := func(tag, relay string) (sent int, out string) {
		f.build(tag)
		_, _ = rand.Read(data)
		writeTo(t, filepath.Join(f.path("def/build"), "data"), string(data))
		define(relay)
		before := up()
		out = f.apply(0, tag)
		for _, h := range f.hosts {
			h.runs(tag)
			text := command(t, h.home, nil, "cat", ".ssh/authorized_keys")
			if !strings.HasPrefix(text, "# a line without its end") || strings.Contains(text, "shipit") {
				t.Errorf("%s: authorized_keys is now %q", h.name, text)
			}
			left, _ := filepath.Glob(h.path("srv/hello/.shipit/*-2*"))
			for _, name := range left {
				if strings.Contains(name, "relay-") || strings.Contains(name, "incoming-") {
					t.Errorf("left behind: %s", name)
				}
			}
		}
		return up() - before, out
	}
	alone, _ := deploy(first, "")
	relayed, out := deploy(second, `relay = "rack"`)
	t.Logf("bytes that left the deployer: %d, with a relay %d (%.1f times less)", alone, relayed, float64(alone)/float64(relayed))
	if alone < hosts*size || relayed*3 > alone || strings.Contains(out, "the deployer sends") {
		t.Errorf("%d bytes left the deployer, with a relay %d, of %d:\n%s", alone, relayed, size, out)
	}

	// A host that lets nobody in by such a key, and one whose authorized_keys is not a file of its own.
	if err := os.Rename(f.hosts[0].keys(), f.hosts[0].keys()+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("authorized_keys.real", f.hosts[0].keys()); err != nil {
		t.Fatal(err)
	}
	sent, out := deploy(first, `relay = "rack"`)
	contains(t, out, "the deployer sends the release, because h", "does not serve it")
	if sent < hosts*size {
		t.Errorf("%d bytes left the deployer", sent)
	}
}

func (h *host) keys() string { return h.path(".ssh/authorized_keys") }
