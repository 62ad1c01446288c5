package lab

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

func TestDefinitionIsFormattedAndParses(t *testing.T) {
	t.Parallel()
	l := up(t, Options{Hosts: 12})
	for _, path := range []string{l.Definition, l.Fleet} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, diags := hclparse.NewParser().ParseHCL(text, path); diags.HasErrors() {
			t.Error(diags)
		}
		if d := cmp.Diff(string(hclwrite.Format(text)), string(text)); d != "" {
			t.Errorf("%s (-formatted +is)\n%s", path, d)
		}
	}
}

func TestReleasesAreTheSameInEveryLab(t *testing.T) {
	t.Parallel()
	l := up(t, Options{Hosts: 1})
	out, err := osexec.Command("git", "--git-dir="+l.Repo, "for-each-ref", "--format=%(objecttype) %(objectname:short=12) %(refname:short)", "refs/tags").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := `tag 4dd4dd52fccd release/2015-06-10/1
tag c6e3b2ae2667 release/2015-06-11/1
tag 02afdf3472ee release/2015-06-11/2
tag ba3a9cb5b936 release/2015-06-12/1
tag 869c0ca30add release/2015-06-15/1
tag ece696dfc9f0 release/2015-06-15/2
`
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	status, err := osexec.Command("git", "-C", l.Dir, "status", "--porcelain").Output()
	if err != nil || len(status) != 0 {
		t.Errorf("the definition's repository is not clean: %v\n%s", err, status)
	}
}

func TestAReusedPidIsNotOurs(t *testing.T) {
	t.Parallel()
	me := self()
	if !me.alive() {
		t.Fatal("this process does not know itself")
	}
	other := me
	other.start += "1"
	if other.alive() {
		t.Error("a process that started at another time is taken for ours")
	}
	if err := other.end(time.Second); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	foreign := t.TempDir()
	precious := filepath.Join(foreign, "precious")
	if err := os.WriteFile(precious, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	alike := t.TempDir()
	if err := os.WriteFile(filepath.Join(alike, marker), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := up(t, Options{Hosts: 1})
	tests := []struct {
		name string
		do   func() error
		want string
	}{
		{"down of a foreign directory", func() error { return Down(foreign) }, "is no lab"},
		{"down of another lab.json", func() error { return Down(alike) }, "was not written by shipit"},
		{"down of nothing", func() error { return Down(filepath.Join(foreign, "none")) }, "is no lab"},
		{"up in a foreign directory", func() error { return upErr(t, Options{Dir: foreign}) }, "is not empty and is no lab"},
		{"too many hosts", func() error { return upErr(t, Options{Dir: filepath.Join(foreign, "x"), Hosts: 101}) }, "1 to 100 hosts"},
		{"another number of hosts", func() error { return upErr(t, Options{Dir: l.Dir, Hosts: 3}) }, "has 1 hosts, not 3"},
		{"another SSH server", func() error { return upErr(t, Options{Dir: l.Dir, SSHD: true}) }, "built-in SSH server"},
		{"serving twice", func() error { return Serve(t.Context(), l.Dir) }, "running already"},
		{"a directory that PATH cannot name", func() error { return upErr(t, Options{Dir: foreign + "/a:b"}) }, "cannot hold this name"},
		{"a directory that ssh cannot name", func() error { return upErr(t, Options{Dir: foreign + "/a\"b"}) }, "cannot hold this name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func upErr(t *testing.T, o Options) error {
	_, err := Up(t.Context(), o)
	return err
}
