package plan

import (
	"strings"
	"testing"
)

func TestChangedReleaseGoesThroughAllSteps(t *testing.T) {
	t.Parallel()
	p := Make(deploy(definition(3, r2), fleet(3, r1), r2))
	if problems := p.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	h := p.Host("web02")
	for what, want := range map[string][2]string{
		"action": {string(h.Action), "~"},
		"stage":  {ids(h.Stage), "stage"},
		"switch": {ids(h.Switch), "drain activate restart check.http.info undrain"},
		"after":  {ids(h.After), "check.command.spec"},
		"undo":   {ids(h.Undo), "drain activate restart check.http.info undrain"},
		"back":   {h.Back.ID, r1.ID},
		"change": {h.Changes[0].Text, "release/1 -> release/2"},
	} {
		if want[0] != want[1] {
			t.Errorf("%s is %q, want %q", what, want[0], want[1])
		}
	}
	if got := h.Undo[3].Spec["contains"]; got != `"version":"release/1"` {
		t.Errorf("the undo's check asks for %v, which is not about the release it goes back to", got)
	}
	if got := strings.Join(p.Body.Batches[0].Slices[0], " "); got != "web01 web02" {
		t.Errorf("the first slice is %s", got)
	}
}
