package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var salt = []byte("0123456789abcdef")

func TestFingerprintSaysWhatMoved(t *testing.T) {
	t.Parallel()
	was := host("web01", r1)
	now := host("web01", r2)
	now.HostKey = "ssh-ed25519 SHA256:other"
	now.Files["/etc/web.conf"] = FileFact{Exists: true, SHA256: sum("x"), Mode: "0600", Owner: "eve", Group: "eve"}
	now.Files["/etc/new"] = text("new")
	now.Units["web.service"] = Unit{Load: "loaded", Active: "failed"}
	now.FreeKiB, now.Lock = 5, &Holder{Run: "r"} // volatile: no part of it

	a, b := NewHasher(salt).Fingerprint(was.HostKey, was, nil), NewHasher(salt).Fingerprint(now.HostKey, now, nil)
	want := []string{
		"the host key changed since the plan: was ssh-ed25519 SHA256:web01, is ssh-ed25519 SHA256:other",
		"the live release changed since the plan: was " + r1.ID + ", is " + r2.ID,
		"/etc/new changed since the plan: was absent, is " + sum("new")[:12] + " 0640 root:web",
		"/etc/web.conf changed since the plan: was " + sum("workers: 8\n")[:12] + " 0640 root:web, is " + sum("x")[:12] + " 0600 eve:eve",
		"web.service changed since the plan: was loaded active, is loaded failed",
	}
	if diff := cmp.Diff(want, a.Diff(b)); diff != "" {
		t.Error(diff)
	}
	if d := a.Diff(a); d != nil {
		t.Errorf("a host that did not move: %v", d)
	}
}

func TestFingerprintHidesSensitiveContents(t *testing.T) {
	t.Parallel()
	f := host("web01", r1)
	secret := map[string]bool{"/etc/web.conf": true}
	a := NewHasher(salt).Fingerprint(f.HostKey, f, secret)
	if got := a.Files["/etc/web.conf"]; strings.Contains(got, sum("workers: 8\n")) || !strings.HasPrefix(got, "scrypt:") {
		t.Errorf("the digest of a sensitive file can be looked up: %s", got)
	}
	f.Files["/etc/web.conf"] = text("workers: 9\n")
	if d := a.Diff(NewHasher(salt).Fingerprint(f.HostKey, f, secret)); len(d) != 1 {
		t.Errorf("a changed sensitive file gives %q", d)
	}
}

func TestSensitiveIsWhatTheFingerprintWasMadeWith(t *testing.T) {
	t.Parallel()
	for _, exists := range []bool{true, false} {
		def, facts := definition(1, r1), fleet(1, r1)
		def.Targets[0].Files[0].Sensitive = true
		f := text("workers: 4\n")
		f.Exists = exists
		facts.Hosts[0].Files["/etc/web.conf"] = f
		h := Make(deploy(def, facts, r1)).Host("web01")
		is := NewHasher(salt).Fingerprint(h.Fingerprint.HostKey, facts.Hosts[0], h.Sensitive())
		if d := h.Fingerprint.Diff(is); d != nil {
			t.Errorf("nothing moved, and yet: %q", d)
		}
		if !h.Sensitive()["/etc/web.conf"] {
			t.Error("the file is forgotten to be sensitive")
		}
	}
}

func TestNothingSensitiveIsInAPlan(t *testing.T) {
	t.Parallel()
	def, facts := definition(2, r2), fleet(2, r1)
	for i := range def.Targets {
		def.Targets[i].Files[0].Sensitive = true
		def.Targets[i].Files[0].Content = "password: hunter2\n"
	}
	facts.Hosts[0].Files["/etc/web.conf"] = text("password: swordfish\n")
	p := Make(deploy(def, facts, r2))
	data := string(encode(t, p))
	for _, secret := range []string{"hunter2", "swordfish", sum("password: hunter2\n"), sum("password: swordfish\n")} {
		if strings.Contains(data, secret) {
			t.Errorf("the plan holds %s", secret)
		}
	}
	for _, s := range p.Host("web01").Switch {
		if s.Op == OpFile && (!s.File.Is("password: hunter2\n", salt) || s.File.Is("password: hunter3\n", salt)) {
			t.Error("the planned content cannot be told from another")
		}
	}
}

func TestHashNeedsSalt(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a hash without salt was made")
		}
	}()
	Hash(nil, "secret")
}
