package journal

import (
	"testing"
	"time"

	"shipit/exec/event"
)

func TestSeveralEventsAreWrittenInOneGo(t *testing.T) {
	t.Parallel()
	j, err := Create(t.TempDir(), "run-1", Header{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	events := make([]event.Event, 5)
	for i := range events {
		events[i] = event.Event{Seq: int64(i + 1), Time: time.Unix(int64(i), 0).UTC(), Run: "run-1", Type: event.Note, Text: "x"}
	}
	if err := j.AppendAll(events[:3]); err != nil {
		t.Fatal(err)
	}
	if err := j.AppendAll(events[4:]); err == nil {
		t.Error("a gap was taken")
	}
	if err := j.AppendAll(events[3:]); err != nil {
		t.Fatal(err)
	}
	rec, err := Load(j.Path())
	if err != nil || len(rec.Events) != 5 || rec.Events[4].Seq != 5 {
		t.Errorf("read back: %v, %v", rec, err)
	}
}
