package release_test

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/release"
)

// keys makes SSH keys, and returns the paths and the public halves.
func keys(t *testing.T, names ...string) (private, public map[string]string) {
	t.Helper()
	private, public = map[string]string{}, map[string]string{}
	dir := realTemp(t)
	for _, name := range names {
		file := filepath.Join(dir, name)
		if out, err := osexec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
		text, err := os.ReadFile(file + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		private[name], public[name] = file, strings.TrimSpace(string(text))
	}
	return private, public
}

func signers(t testing.TB, lines ...string) release.Signers {
	t.Helper()
	s, err := release.ParseSigners("team.signers", []byte(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign makes a tag as somebody with git would.
func (f fixture) sign(key, tag string, more ...string) {
	f.t.Helper()
	f.git(append([]string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + key, "tag", "-s", "-m", "by " + filepath.Base(key), tag}, more...)...)
}

// rename gives a tag object another name, as whoever may push can.
func (f fixture) rename(from, to string) {
	f.git("update-ref", "refs/tags/"+to, f.git("rev-parse", "refs/tags/"+from))
}

// forge makes a tag of any text.
func (f fixture) forge(tag, text string) {
	f.t.Helper()
	cmd := osexec.Command("git", "-C", f.dir, "hash-object", "-t", "tag", "-w", "--stdin")
	cmd.Env = append(os.Environ(), "GIT_DIR="+filepath.Join(f.dir, ".git"))
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatal(err)
	}
	f.git("update-ref", "refs/tags/"+tag, strings.TrimSpace(string(out)))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	private, public := keys(t, "ada", "eve", "old")
	f := newRepo(t)
	first := f.commit("first")
	f.git("tag", "r1")
	f.git("tag", "-m", "nobody", "r2")
	f.sign(private["ada"], "r3")
	f.sign(private["eve"], "r4")
	f.sign(private["old"], "r5")
	text := f.git("cat-file", "tag", "r3") + "\n"
	second := f.commit("second")
	f.rename("r3", "r6")
	f.forge("r7", strings.NewReplacer(first, second, "tag r3", "tag r7").Replace(text))
	f.forge("r8", strings.NewReplacer("by ada", "by eve", "tag r3", "tag r8").Replace(text))
	f.forge("r9", "object "+first+"\ntype commit\ntag r9\ntagger Ada <ada@example.org> 1433937600 +0000\n\nby gpg\n-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----\n")
	f.forge("r10", "object "+f.git("rev-parse", "r3")+"\ntype tag\ntag r10\ntagger Eve <eve@example.org> 1433937600 +0000\n\nnested\n")
	// What the machine is configured to believe does not matter.
	yes := filepath.Join(realTemp(t), "yes")
	if err := os.WriteFile(yes, []byte("#!/bin/sh\necho '[GNUPG:] GOODSIG 1 x' \necho 'Good \"git\" signature for eve@example.org with ED25519 key SHA256:x' >&2\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	everybody := filepath.Join(realTemp(t), "everybody")
	if err := os.WriteFile(everybody, []byte("* "+public["eve"]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gpg.program", "gpg.openpgp.program", "gpg.x509.program", "gpg.ssh.program"} {
		f.git("config", name, yes)
	}
	f.git("config", "gpg.ssh.allowedSignersFile", everybody)

	list := signers(t, "# who may release", "",
		"ada@example.org,ada@home "+public["ada"],
		`old@example.org namespaces="git",valid-before="20150610Z" `+public["old"])
	scheme := mustScheme("r{n}")
	for name, want := range map[string]string{
		"r1": "it is a lightweight tag",
		"r2": "it is not signed; make a new one with shipit tag",
		"r3": "", "r4": "is nobody's in team.signers; add its line there",
		"r5": "the key of old@example.org was valid until 2015-06-10 00:00:00 UTC, and the tag was made after that",
		"r6": "what was signed is the tag r3, and somebody gave it this name",
		"r7": "its signature does not fit what it says",
		"r8": "its signature does not fit what it says",
		"r9": "it is not signed by an SSH key",
	} {
		r := f.open()
		rel, err := r.Resolve(t.Context(), scheme, name)
		if err != nil {
			t.Fatal(err)
		}
		by, err := r.Verify(t.Context(), rel, list)
		if want == "" {
			if err != nil || !strings.HasPrefix(by, "ada@") {
				t.Errorf("%s: by %q, %v", name, by, err)
			}
			continue
		}
		untrusted, ok := errors.AsType[*release.UntrustedError](err)
		if !ok || !strings.Contains(err.Error(), want) || by != "" || untrusted.Tag != name {
			t.Errorf("%s: by %q, %v, want %q", name, by, err, want)
		}
	}
	// Whether a tag of a tag is a release at all depends on the version of git.
	if rel, err := f.open().Resolve(t.Context(), scheme, "r10"); err == nil {
		if by, err := f.open().Verify(t.Context(), rel, list); err == nil {
			t.Errorf("r10: a tag of a tag was taken for what it holds, by %s", by)
		}
	}
	// A key counts from a time on, too, and is another's on another list.
	rel, err := f.open().Resolve(t.Context(), scheme, "r3")
	if err != nil {
		t.Fatal(err)
	}
	for want, list := range map[string]release.Signers{
		"is valid from 2015-07-01 00:00:00 UTC": signers(t, `ada@example.org valid-after="20150701" `+public["ada"]),
		"is nobody's in team.signers":           signers(t, "eve@example.org "+public["eve"]),
	} {
		if _, err := f.open().Verify(t.Context(), rel, list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestParseSignersRefusesWhatWouldTrustNobody(t *testing.T) {
	t.Parallel()
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5w/woTSK/NWheZxW4cDHimNMBL0SFlOBPAUhLdMKrS"
	for text, want := range map[string]string{
		"":                                   "nobody stands in it",
		"# only a comment\n":                 "nobody stands in it",
		"ada@example.org\n":                  "line 1: after the name no public key follows",
		"\n\n" + key + " x\n":                "line 3: whose key it is does not stand before it",
		"ada@example.org ssh-ed25519 AAAA\n": "no public key follows",
		`"ada` + key + "\n":                  "a quote is not closed",
		`ada@example.org namespaces="file" ` + key + "\n":                            "signs no tag",
		`ada@example.org valid-until="20150610" ` + key:                              `there is no option "valid-until"`,
		`ada@example.org valid-before="2015-06-10" ` + key:                           `valid-before "2015-06-10" is no time`,
		`ada@example.org valid-after="20150611",valid-before="201506100000Z" ` + key: "never valid",
	} {
		_, err := release.ParseSigners("team.signers", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	signers(t, `"ada@example.org,*@team.example.org" NAMESPACES="git,file",cert-authority `+key+" a comment")
}

// Who tags where tags are verified signs, with a key that counts, or makes no tag.
func TestTagSigns(t *testing.T) {
	t.Parallel()
	private, public := keys(t, "ada", "eve")
	bare, clones := shared(t, 1)
	clone := clones[0]
	list := signers(t, "ada@example.org "+public["ada"])
	yes, no := true, false
	tag := func(o release.TagOptions) (release.Release, error) {
		return clone.open().Tag(t.Context(), dated, today, o)
	}
	if _, err := tag(release.TagOptions{Signers: &list}); err == nil || !strings.Contains(err.Error(), "cannot sign it: ") || !strings.Contains(err.Error(), "user.signingKey") {
		t.Errorf("without a key: %v", err)
	}
	clone.git("config", "user.signingKey", private["eve"]+".pub")
	if _, err := tag(release.TagOptions{Signers: &list}); err == nil || !strings.Contains(err.Error(), "is nobody's in team.signers") {
		t.Errorf("with a key of nobody: %v", err)
	}
	if got := bare.git("tag", "--list") + clone.git("tag", "--list"); got != "" {
		t.Fatalf("a tag that nobody may deploy is there: %q", got)
	}
	clone.git("config", "user.signingKey", private["ada"])
	clone.git("config", "gpg.format", "openpgp")
	got, err := tag(release.TagOptions{Signers: &list, Message: "ship it\n\n# for a reason", Sign: &no})
	if err != nil {
		t.Fatal(err)
	}
	if by, err := clone.open().Verify(t.Context(), got, list); err != nil || by != "ada@example.org" {
		t.Errorf("signed by %q, %v", by, err)
	}
	if text := bare.git("cat-file", "tag", got.Tag.Name); !strings.Contains(text, "\n\nship it\n\n# for a reason\n\nShipit-Id: ") {
		t.Errorf("the remote has the tag:\n%s", text)
	}
	clone.git("config", "gpg.format", "ssh")
	for _, tt := range []struct {
		config string
		sign   *bool
		want   bool
	}{{"false", nil, false}, {"false", &yes, true}, {"true", nil, true}, {"true", &no, false}} {
		clone.git("config", "tag.gpgSign", tt.config)
		got, err := tag(release.TagOptions{Sign: tt.sign})
		if err != nil {
			t.Fatal(err)
		}
		if text := clone.git("cat-file", "tag", got.Tag.Name); strings.Contains(text, "SIGNATURE") != tt.want {
			t.Errorf("%+v:\n%s", tt, text)
		}
	}
}
