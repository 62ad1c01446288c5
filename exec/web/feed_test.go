package web

import (
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// A reader may be slower than the run: what it has to send stays as it was.
func TestWhatAReaderSendsIsNotForgotten(t *testing.T) {
	t.Parallel()
	d := newFeed("20150612T120000Z-3kq7", nil, &plan.Plan{})
	say := func(seq int64) { d.take(event.Event{Seq: seq, Type: event.Output, Text: "a line"}) }
	say(1)
	b := d.since(0, 0, viewer{})
	for seq := int64(2); seq < mostKept+10; seq++ {
		say(seq)
	}
	if len(b.records) != 1 || b.records[0].seq != 1 || len(b.records[0].json) == 0 {
		t.Errorf("it has %+v", b.records)
	}
}
