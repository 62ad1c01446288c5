package view_test

import (
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/view"
)

func TestACheckThatWasNotAnsweredIsNotSaidToHaveFailed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	l := view.NewLines(&b, view.Style{})
	_ = l.Append(event.Event{
		Type: event.StepFailed, Host: "web1", Step: "check.http.info", Time: noon, At: "web.hcl:3", Answer: event.NotKnown,
		Text: "check http.info: unknown: curl is not installed (asked 3 times)",
	})
	if got, want := b.String(), "web1  unknown  check http.info: curl is not installed (asked 3 times)"; !strings.Contains(got, want) || strings.Contains(got, "failed") {
		t.Errorf("it says %q, want %q", got, want)
	}
}
