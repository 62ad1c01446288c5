package eval

import (
	"slices"
	"strings"
	"testing"

	"shipit/lang/diag"
)

// FuzzExpand holds that no pattern makes Expand panic or give more names than
// it may, and that Fold writes the names so that Expand reads them back.
func FuzzExpand(f *testing.F) {
	for _, pattern := range []string{
		"web[01-20].example.org", "db[1,3,5-7]", "rack[a-f]-[1-3]", "x", "", "[", "]", "[]", "[1-", "a[9-1]", "a[01-100]", "a[1-99999999999]", "[a-b][c-d][1-20000]", "web[0-9]x[00-09]",
		"é[1-2]", "a[1-2]b[1", "a1b2c3[1-3]d4", "a[0-0]", "w[1, 2]",
	} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		names, err := Expand(pattern)
		if err != nil {
			return
		}
		if len(names) == 0 || len(names) > MaxExpand {
			t.Fatalf("%q stands for %d names", pattern, len(names))
		}
		if len(names) > 500 || slices.ContainsFunc(names, func(n string) bool { return n == "" || strings.ContainsAny(n, "[],") }) {
			return
		}
		var back []string
		for _, folded := range diag.FoldList(names) {
			again, err := Expand(folded)
			if err != nil {
				t.Fatalf("%q folds to %q, which is no pattern: %v", names, folded, err)
			}
			back = append(back, again...)
		}
		slices.Sort(names)
		slices.Sort(back)
		if names = slices.Compact(names); !slices.Equal(names, back) {
			t.Fatalf("%q becomes %q", names, back)
		}
	})
}
