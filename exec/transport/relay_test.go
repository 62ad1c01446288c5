package transport_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

// TestRelayLeftOver: a deployer that is killed while hosts fetch from one of
// them leaves a line in its authorized_keys. The next run that comes there
// takes it out, and no other, whatever transport it has by then.
func TestRelayLeftOver(t *testing.T) {
	t.Parallel()
	src := transporttest.NewRepo(map[string]tree{"c1": one, "c2": {"f": "2"}})
	for _, next := range []string{"c1", "c2"} { // what is there already, and another
		h := transporttest.NewHost(t)
		// push's directory has a space, which no relay can have
		d := transport.Delivery{Run: "run-0", Path: "app", Release: rel("c1")}
		keys := filepath.Join(h.Home, ".ssh/authorized_keys")
		others := "ssh-ed25519 AAAA me\n" +
			`restrict,command="exec cat ` + h.Home + `/apps/.shipit/relay-run-9/parcel" ssh-ed25519 AAAA shipit-relay-run-9` + "\n" +
			`command="exec cat ` + h.Home + `/app/.shipit/relay-x/parcel" ssh-ed25519 AAAA mine, shipit-relay-run-0 or not` + "\n# the end"
		if err := errors.Join(os.Mkdir(filepath.Dir(keys), 0o700), os.WriteFile(keys, []byte(others), 0o600)); err != nil {
			t.Fatal(err)
		}
		relay, err := transport.NewRelay(remote.Info{User: "u", Address: "h1:22", PublicKey: "ssh-ed25519 AAAA"})
		if err != nil {
			t.Fatal(err)
		}
		run := func(d transport.Delivery) {
			t.Helper()
			step, data, size, err := push(t, src).Step(t.Context(), d)
			if err == nil {
				err = h.Run(step, data, size)
			}
			if err != nil {
				t.Fatal(transporttest.Told(err))
			}
		}
		d.Serve = relay
		run(d)
		text, _ := os.ReadFile(keys)
		if !strings.Contains(string(text), h.Home+"/app/.shipit/relay-run-0/parcel\" ssh-ed25519 ") {
			t.Fatalf("it serves nothing: %s", text)
		}
		d.Serve, d.Run, d.Release = nil, "run-1", rel(next)
		run(d)
		if text, _ = os.ReadFile(keys); strings.TrimSuffix(string(text), "\n") != others {
			t.Errorf("%s: authorized_keys is now\n%s", next, text)
		}
		if left, _ := filepath.Glob(h.Home + "/app/.shipit/relay-*"); len(left) > 0 {
			t.Errorf("%s: left behind: %v", next, left)
		}
	}
}

// TestRelayThatFails: each way tells the deployer that it has to send the
// release itself, and a delivery without the relay then does.
func TestRelayThatFails(t *testing.T) {
	t.Parallel()
	kinds := transporttest.Kinds()
	k := kinds[slices.IndexFunc(kinds, func(k transporttest.Kind) bool { return k.Name == "push by relay" })]
	large := tree{"large": incompressible(30, 1<<20)}
	for _, c := range []struct {
		name, says string
		spoil      func(s *transporttest.Source)
	}{
		{"another content", "is not what the deployer packed", func(s *transporttest.Source) { s.Spoil("v1") }},
		{"no parcel any more", "the file is gone", func(s *transporttest.Source) { s.Gone("v1") }},
		{"killed in the middle", "", func(s *transporttest.Source) { s.Line.Cut(500_000) }},
		{"a host without ssh", "there is no ssh here", func(s *transporttest.Source) {
			edit := s.Edit
			s.Edit = func(shell string) string {
				return edit(strings.ReplaceAll(shell, "command -v ssh", "command -v no-ssh"))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := k.Serve(t, map[string]transporttest.Tree{"v1": large})
			s.Edit = k.Edit
			h := transporttest.NewHost(t)
			c.spoil(s)
			err := s.Stage(h, "v1", "")
			var no *remote.StepError
			if !errors.As(err, &no) || no.Code != transport.RelayFailed || !strings.Contains(transporttest.Told(err), c.says) {
				t.Fatalf("it is told %s", transporttest.Told(err))
			}
			t.Log(transporttest.Told(err))
			h.NothingLeft()
			if found := transporttest.Files(t, h.Path("releases", "v1")); len(found) > 0 {
				t.Error("a release appeared")
			}
			if err := s.Stage(h, "v1", "", func(d *transport.Delivery) { d.From = nil }); err != nil {
				t.Fatal(transporttest.Told(err))
			}
			if got := transporttest.Files(t, h.Path("releases", "v1"))["large"]; got != "-rw-r--r-- "+large["large"] {
				t.Error("what came is not the release")
			}
		})
	}
}
