package exec

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/lang"
)

func TestSudoRulesAreExactLines(t *testing.T) {
	t.Parallel()
	q := Question{
		User: "app", Path: "/srv/app",
		Files: []FileQ{{Path: "/etc/a b", Root: true, Owner: "root"}, {Path: "/home/deploy/mine", Root: true, Owner: "deploy"}},
		Sudo: [][]string{
			{"--", "systemctl", "restart", "x@1.service"},
			{"--", "systemctl", "restart", "x@1.service"},
			{"-u", "app", "--", "warm", "--at=10:00,11:00", "*", ""},
			{"-u", "app", "--", "reload"},
			{ownedBy + "root", "--", "mv", "/etc/a b"},
			{ownedBy + "deploy", "--", "mv", "/home/deploy/mine"},
			{"-u", "deploy", "--", "true"},
		},
	}
	restart := lang.Restart{Spec: lang.Spec{Kind: "signal", Attrs: map[string]any{"pid_file": "/run/app.pid", "signal": "RTMIN+1"}}}
	var got []string
	for _, r := range SudoRules(q, restart, "deploy") {
		got = append(got, r.Line("deploy", "/usr/bin/"+r.Argv[0]))
	}
	want := []string{
		`deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart x@1.service`,
		`deploy ALL=(app) NOPASSWD: /usr/bin/warm --at\=10\:00\,11\:00 \* ""`,
		`deploy ALL=(app) NOPASSWD: /usr/bin/reload ""`,
		`deploy ALL=(root) NOPASSWD: /usr/bin/mv /etc/a\ b`,
		`deploy ALL=(root) NOPASSWD: /usr/bin/cat -- /etc/a\ b`,
		`deploy ALL=(root) NOPASSWD: /usr/bin/rm -f -- /etc/a\ b`,
		`deploy ALL=(app) NOPASSWD: /usr/bin/kill ^-s RTMIN\+1 [0-9]+$`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rules := SudoRules(q, restart, "root"); rules != nil {
		t.Errorf("root needs %v", rules)
	}
	visudo, err := osexec.LookPath("visudo")
	if err != nil {
		t.Skip("there is no visudo here")
	}
	file := filepath.Join(t.TempDir(), "sudoers")
	if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o440); err != nil {
		t.Fatal(err)
	}
	if out, err := osexec.Command(visudo, "-cf", file).CombinedOutput(); err != nil {
		t.Errorf("visudo: %v\n%s", err, out)
	}
}
