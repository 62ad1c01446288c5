package exec_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHazardsHaveTheirTests holds docs/hazards.md to what is tested: a name
// in it is a test of the repository, a quoted one a scenario of the rollout.
func TestHazardsHaveTheirTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/hazards.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)`)
	scenario := regexp.MustCompile(`(?m)^== (.+)$`)
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
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
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(cells[1], "---") {
			continue
		}
		named := regexp.MustCompile("`(Test\\w+)`|\"([^\"]+)\"").FindAllStringSubmatch(cells[len(cells)-2], -1)
		if len(named) > 0 {
			rows++
		}
		for _, m := range named {
			if name := m[1] + m[2]; !there[name] {
				t.Errorf("%s: there is no test %q", strings.TrimSpace(cells[1]), name)
			}
		}
	}
	if rows < 37 {
		t.Errorf("only %d hazards name a test, want 37", rows)
	}
}
