package exec_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHazardsHaveTheirTests holds docs/hazards.md and docs/faults.md to what
// is tested: a name in them is a test of the repository, a quoted one a
// scenario of the rollout.
func TestHazardsHaveTheirTests(t *testing.T) {
	t.Parallel()
	there := tests(t)
	for name, least := range map[string]int{"hazards": 37, "faults": 30} {
		page, err := os.ReadFile("../docs/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for line := range strings.Lines(string(page)) {
			cells := strings.Split(line, "|")
			if len(cells) < 4 || strings.HasPrefix(cells[1], "---") {
				continue
			}
			for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1) {
				if !there[m[1]] {
					t.Errorf("%s: there is no test %q", strings.TrimSpace(cells[1]), m[1])
				}
			}
			last := cells[len(cells)-2]
			found := strings.Contains(last, "`Test")
			for _, m := range regexp.MustCompile("\"([^\"]+)\"").FindAllStringSubmatch(last, -1) {
				found = true
				if !there[m[1]] {
					t.Errorf("%s: there is no scenario %q", strings.TrimSpace(cells[1]), m[1])
				}
			}
			if found {
				rows++
			}
		}
		if rows < least {
			t.Errorf("only %d rows of docs/%s.md name a test, want %d", rows, name, least)
		}
	}
}

// tests are the names of all tests, and of the rollout's scenarios.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)`)
	scenario := regexp.MustCompile(`(?m)^== (.+)$`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var names *regexp.Regexp
		switch {
		case strings.HasSuffix(path, "_test.go"):
			names = function
		case strings.Contains(path, "testdata/rollout"):
			names = scenario
		default:
			return nil
		}
		data, err := os.ReadFile(path)
		for _, m := range names.FindAllStringSubmatch(string(data), -1) {
			there[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}
