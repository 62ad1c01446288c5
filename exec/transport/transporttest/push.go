package transporttest

import (
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"shipit/exec/release"
	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
	"shipit/exec/transport"
)

func servePush(t *testing.T, trees map[string]Tree) *Source {
	tr := named(t, "push", map[string]any{}, NewRepo(trees))
	return &Source{Line: newLine(), Delivery: func(r string) (transport.Transport, transport.Delivery) {
		return tr, transport.Delivery{Release: transport.Release{ID: r, Tag: r, Commit: r}, Unpacks: true}
	}}
}

// asDirectory and asArchive put a tree where a build would.
func asDirectory(t *testing.T, tree Tree) string {
	dir := filepath.Join(t.TempDir(), "build")
	tree.Put(t, dir)
	return dir
}

func asArchive(t *testing.T, tree Tree) string {
	file := filepath.Join(t.TempDir(), "build.tar")
	if err := os.WriteFile(file, pack(t, tree, 0o777), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// servePushOf pushes what builds left on this machine. What a host has, its
// own list says.
func servePushOf(put func(*testing.T, Tree) string) func(*testing.T, map[string]Tree) *Source {
	return func(t *testing.T, trees map[string]Tree) *Source {
		files, kinds := map[string]*release.Files{}, map[string]transport.Transport{}
		for name, tree := range trees {
			f, err := release.OpenFiles(t.Context(), name, put(t, tree), 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			files[name], kinds[name] = f, named(t, "push", map[string]any{}, f)
		}
		return &Source{
			Line: newLine(),
			Delivery: func(r string) (transport.Transport, transport.Delivery) {
				return kinds[r], transport.Delivery{Release: transport.Release{ID: r, Tag: r, Commit: "c1", Digest: files[r].Digest()}}
			},
			ready: func(h *Host, base string, d *transport.Delivery) {
				list, err := os.ReadFile(h.Path(".shipit/manifest", base))
				if base == "" || err != nil {
					return // all of it is sent
				}
				if err := files[d.Release.ID].Learn(base, string(list)); err != nil {
					t.Fatal(err)
				}
			},
		}
	}
}

// A rack is hosts that serve what they were pushed, over one sshd that does
// what their authorized_keys say.
type rack struct {
	t       *testing.T
	push    transport.Transport
	info    remote.Info // how its hosts are reached; each has a user
	mu      sync.Mutex
	relays  map[string]*transport.Relay // by user: release and base
	hosts   map[string]*Host
	instead map[string]string // what a release's command is instead
}

func serveRelay(t *testing.T, trees map[string]Tree) *Source {
	r := &rack{
		t: t, push: named(t, "push", map[string]any{}, NewRepo(trees)),
		relays: map[string]*transport.Relay{}, hosts: map[string]*Host{}, instead: map[string]string{},
	}
	server := remotetest.Server(t, func(c *sshserver.Config) { c.Authorized, c.Start = r.authorized, r.start })
	line, address := newCable(t, net.JoinHostPort(server.Address, strconv.Itoa(server.Port)))
	r.info = remote.Info{Address: address, PublicKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(server.Key)))}
	return &Source{
		Line: line,
		Delivery: func(id string) (transport.Transport, transport.Delivery) {
			return r.push, transport.Delivery{Release: transport.Release{ID: id, Tag: id, Commit: id}}
		},
		Gone:  func(id string) { r.do(id, "echo 'the file is gone' >&2; exit 1") },
		Spoil: func(id string) { r.do(id, "echo something else") },
		ready: func(_ *Host, base string, d *transport.Delivery) { d.From = r.relay(d.Release, d.Base) },
	}
}

// relay has a host stage what another one will, and serve it.
func (r *rack) relay(rel, base transport.Release) *transport.Relay {
	r.t.Helper()
	user := rel.ID + "-" + base.ID
	r.mu.Lock()
	known := r.relays[user]
	r.mu.Unlock()
	if known != nil {
		return known
	}
	info := r.info
	info.User = user
	relay, err := transport.NewRelay(info)
	if err != nil {
		r.t.Fatal(err)
	}
	h := NewHost(r.t)
	stage := func(d transport.Delivery) {
		d.Run, d.Path = "run-1", "app"
		step, data, size, err := r.push.Step(r.t.Context(), d)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := h.Run(step, data, size); err != nil {
			r.t.Fatal(Told(err))
		}
	}
	if base.ID != "" {
		stage(transport.Delivery{Release: base})
	}
	stage(transport.Delivery{Release: rel, Base: base, Serve: relay})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relays[user], r.hosts[user] = relay, h
	return relay
}

func (r *rack) do(release, command string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instead[release] = command
}

// may is the key that may log in as user, and the command it is bound to.
func (r *rack) may(user string) (key ssh.PublicKey, command string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.hosts[user]
	if h == nil {
		return nil, ""
	}
	b, err := os.ReadFile(filepath.Join(h.Home, ".ssh/authorized_keys"))
	if err != nil {
		return nil, ""
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		return nil, ""
	}
	for _, o := range options {
		if c, ok := strings.CutPrefix(o, `command="`); ok {
			command = strings.TrimSuffix(c, `"`)
		}
	}
	id, _, _ := strings.Cut(user, "-")
	if c := r.instead[id]; c != "" {
		command = c
	}
	return key, command
}

func (r *rack) authorized(user string, key ssh.PublicKey) bool {
	mine, _ := r.may(user)
	return mine != nil && string(mine.Marshal()) == string(key.Marshal())
}

func (r *rack) start(user, _ string) *osexec.Cmd {
	_, command := r.may(user)
	return osexec.Command("/bin/sh", "-c", command)
}
