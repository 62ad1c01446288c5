package plan

import (
	"strings"
	"testing"
)

func TestATagThatMovedStandsAgainstThePlan(t *testing.T) {
	t.Parallel()
	facts := fleet(2, r1)
	if p := Make(deploy(definition(2, r1), facts, r1)); len(p.Problems()) > 0 {
		t.Fatalf("of the tag as it was: %v", p.Problems())
	}
	moved := r1
	moved.ID, moved.Commit = "release-1-999999999999", strings.Repeat("9", 40)
	p := Make(deploy(definition(2, moved), facts, moved))
	if got := strings.Join(p.Problems(), "\n"); !strings.Contains(got, "the tag release/1 has moved: on web01 it was commit 111111111111, and it is 999999999999 now") {
		t.Errorf("the problems are: %s", got)
	}
	if p := Make(Inputs{Kind: Rollback, Definition: definition(2, moved), Facts: fleet(2, r1, r2), As: moved}); len(p.Problems()) > 0 {
		t.Errorf("of a rollback, which needs no tag: %v", p.Problems())
	}
}
