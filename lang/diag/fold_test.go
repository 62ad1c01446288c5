package diag_test

import (
	"strings"
	"testing"

	"shipit/lang/diag"
)

func TestFoldSomeCountsWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	names := strings.Fields("a1 a2 a3 b c d1 d2")
	for most, want := range map[int]string{
		1: "a[1-3] and 4 more",
		3: "a[1-3], b, c and 2 more",
		4: "a[1-3], b, c, d[1,2]",
	} {
		if got := diag.FoldSome(names, most); got != want {
			t.Errorf("FoldSome(%d) = %q, want %q", most, got, want)
		}
	}
	if got := diag.FoldSome([]string{""}, 3); got != "" {
		t.Errorf("a name without characters gives %q", got)
	}
}
