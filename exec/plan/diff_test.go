package plan

import (
	"strings"
	"testing"
)

func TestACarriageReturnInAFileBeginsNoLineOfThePlan(t *testing.T) {
	t.Parallel()
	in := deploy(definition(1, r2), fleet(1, r2), r2)
	in.Facts.Hosts[0].Files["/etc/web.conf"] = text("workers: 8\r+ web99\r\n")
	diff := Make(in).Body.Hosts[0].Changes[0].Diff
	if want := "-workers: 8\\r+ web99\\r\n"; !strings.Contains(diff, want) || strings.Contains(diff, "\n+ web99") {
		t.Errorf("the diff is\n%swant in it\n%s", diff, want)
	}
}
