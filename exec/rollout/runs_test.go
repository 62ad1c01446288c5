package rollout_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the runs did into their files")

// TestRuns plays the scenarios of testdata/rollout. Each is a section "== name"
// with a scenario, a line "--", and what must come of it: the rounds, then
// every host's last word, then the outcome.
func TestRuns(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/rollout/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for i, section := range strings.Split("\n"+string(text), "\n== ") {
			if i == 0 {
				out.WriteString(strings.TrimPrefix(section, "\n"))
				continue
			}
			name, body, _ := strings.Cut(section, "\n")
			given, want, _ := strings.Cut(body, "\n--\n")
			given, want = strings.TrimSpace(given), strings.TrimSpace(want)
			t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
				got := result(t, given)
				fmt.Fprintf(&out, "\n== %s\n%s\n--\n%s\n", name, given, got)
				if !*update && got != want {
					t.Errorf("%s (-want +got):\n%s", file, cmp.Diff(want, got))
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func result(t *testing.T, given string) string {
	trace, _, r := parse(t, given).play(t)
	for _, h := range r.Hosts() {
		line := h.Name + ": " + string(h.Status)
		if h.Drained {
			line += ", out of service"
		}
		if h.Reason != "" {
			line += ": " + h.Reason
		}
		trace = append(trace, line)
	}
	return strings.Join(append(trace, "= "+string(r.Outcome())), "\n")
}
