package remote_test

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

// A host without gzip says so by running nothing; it is sent the script in
// plain then, once, and every one after it. What a lock holds is not read in
// vain: until gzip is known to work there, its script comes in plain.
func TestHostWithoutGzip(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, name := range []string{"head", "sleep"} {
		path, err := osexec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, path string
		hold       bool   // the first command is a lock's
		want       string // what the scripts ended with
	}{
		{"none", bin, false, "97 0 0"},
		{"none, a lock first", bin, true, "0 97 0"},
		{"one", "/usr/bin:/bin", false, "0 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			h := remotetest.Server(t, func(c *sshserver.Config) {
				c.Start = func(_, command string) *osexec.Cmd {
					cmd := osexec.Command("/bin/sh", "-c", `/bin/sh -c "$1"; r=$?; echo $r >>codes; exit $r`, "sh", command)
					cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + tc.path}
					return cmd
				}
			})
			conn := h.Dial(t)
			for i := range 2 {
				var said []string
				cmd := remote.Command{Steps: []remote.Step{{ID: "s", Shell: "fact key value"}}, On: func(r remote.Record) {
					if r.Kind == remote.Fact || r.Kind == remote.Output {
						said = append(said, r.Text)
					}
				}, Noise: func(line string) { t.Errorf("noise: %s", line) }}
				if tc.hold && i == 0 {
					cmd.Hold = strings.NewReader("")
				}
				if err := conn.Run(t.Context(), cmd); err != nil || !slices.Equal(said, []string{"value"}) {
					t.Errorf("%v, said %q", err, said)
				}
			}
			got, err := os.ReadFile(filepath.Join(home, "codes"))
			if err != nil || strings.Join(strings.Fields(string(got)), " ") != tc.want {
				t.Errorf("scripts ended with %q, want %s (%v)", got, tc.want, err)
			}
		})
	}
}

func TestCodeKeepsWhatRuns(t *testing.T) {
	t.Parallel()
	in := "# why\n  # more\n#\n# shellcheck disable=SC2086\na # b\n\n  c ${d#e}\n"
	if got, want := remote.Code(in), "# shellcheck disable=SC2086\na # b\n\n  c ${d#e}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Hosts of a kind get the same bytes behind the line with the nonce, also
// where many scripts came between, and each unpacks to its own script.
func TestScriptsArePackedOnce(t *testing.T) {
	t.Parallel()
	for _, gunzip := range [][]string{{"gzip", "-dc"}, {"busybox", "gzip", "-dc"}} {
		if _, err := osexec.LookPath(gunzip[0]); err != nil {
			continue
		}
		pack := remote.NewPacker()
		for i := range 100 {
			c := remote.Command{Steps: []remote.Step{{ID: "s", Shell: "echo " + strings.Repeat("x", i%50)}}}
			nonce := strings.Repeat("n", i)
			want := remote.Script(c, nonce)
			head, zip, _ := strings.Cut(pack(want), "\n")
			cmd := osexec.Command(gunzip[0], gunzip[1:]...)
			cmd.Stdin = strings.NewReader(zip)
			got, err := cmd.Output()
			if err != nil || string(got) != want || head != fmt.Sprint(len(want), len(zip)) {
				t.Fatalf("%v: %q %v, %q; want %q", gunzip, head, err, got, want)
			}
		}
	}
}
