package web

import (
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
)

// TestWhatIsMadeForReadersIsBounded: of a run that is over nothing new comes,
// after which it would be forgotten.
func TestWhatIsMadeForReadersIsBounded(t *testing.T) {
	t.Parallel()
	d := newFeed("20150612T120000Z-3kq7", nil, &plan.Plan{}, 8<<10)
	text := strings.Repeat("x", 500)
	for seq := int64(1); seq < 1500; seq++ {
		d.take(event.Event{Seq: seq, Type: event.Output, Text: text})
	}
	for seq := range int64(200) { // a browser may come back from any
		if b := d.since(seq, 0, viewer{}); b.seq != seq+mostOfBatch {
			t.Fatalf("from %d a reader gets to %d", seq, b.seq)
		}
	}
	held := 0
	for _, b := range d.bundles {
		held += len(b.message())
	}
	if held == 0 || held > mostKeptOf+mostKeptOf/10 {
		t.Errorf("%d bytes are kept in %d messages", held, len(d.bundles))
	}
}

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
