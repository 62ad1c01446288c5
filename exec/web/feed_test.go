package web

import (
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// A reader may be slower than the run: what it has to send stays as it was.
func TestWhatAReaderSendsIsNotForgotten(t *testing.T) {
	t.Parallel()
	d := newFeed("20150612T120000Z-3kq7", nil, &plan.Plan{}, 8)
	say := func(seq int64) { d.take(event.Event{Seq: seq, Type: event.Output, Text: "a line"}) }
	say(1)
	b := d.since(0, 0, viewer{})
	for seq := int64(2); seq < 20; seq++ {
		say(seq)
	}
	want := `id: 1` + "\n" + `event: records` + "\n" + `data: [{"seq":1,`
	if got := string(b.records.message()); !strings.HasPrefix(got, want) {
		t.Errorf("it sends %q, want %q …", got, want)
	}
	if len(d.kept) != 8 {
		t.Errorf("%d records are kept", len(d.kept))
	}
}
